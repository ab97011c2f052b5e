"""The lines of those in trouble are read, the rare ones too."""

from nova_timeline.correlate import failures, notable, slabs

from .scenes import WINDOW, at, cells, events, spooled


def read(
    *given: tuple[float, str, str, int],
    since: float = 30,
    until: float = 60,
    of_others: bool = False,
) -> tuple[failures.Line, ...]:
    made = events(
        *(
            {"timestamp": t, "entity": e, "body": b, "severity_number": s, "kind": "log"}
            for t, e, b, s in given
        )
    )
    kept = spooled(notable.rows(made))
    cut = slabs.cut(kept, cells(kept, WINDOW), (), WINDOW, 3)
    counts = failures.count(cut, [at(since), at(5)], at(until), WINDOW, slabs.one_by_one)
    return failures.lines(cut, counts[at(since)], ["shop"], of_others=of_others)


def lines(
    *given: tuple[float, str, str, int], since: float = 30, until: float = 60
) -> list[tuple[str, int, int]]:
    found = read(*given, since=since, until=until)
    return [(line.texts[0], line.count, len(line.texts)) for line in found]


def test_a_warning_that_comes_now_and_then_is_told_once() -> None:
    slow = [(31 + 3 * i, "shop", f"writes one by one since {i}", 13) for i in range(8)]
    assert lines(*slow) == [("writes one by one since 0", 8, 6)]


def test_what_came_as_often_before_what_is_calm_and_what_others_say_is_not_told() -> None:
    usual = [(t, "shop", "cache miss again", 13) for t in (5, 10, 40, 50)]
    calm = (40, "shop", "all is well", 9)
    other = (40, "mail", "mail is late", 17)
    late = (70, "shop", "after all", 17)
    assert lines(*usual, calm, other, late) == []


def test_what_comes_as_steadily_as_ever_is_not_told_for_a_longer_look() -> None:
    steady = [(1 + 2 * i, "shop", "cache miss again", 13) for i in range(40)]
    assert lines(*steady, since=10, until=70) == []


def test_what_comes_more_often_is_told_though_it_came_for_longer_before() -> None:
    before = [(5 * i, "shop", "writes one by one", 13) for i in range(12)]
    after = [(61 + 1.5 * i, "shop", "writes one by one", 13) for i in range(18)]
    assert lines(*before, *after, since=60, until=90) == [("writes one by one", 18, 6)]


def test_what_comes_a_little_more_often_by_chance_is_not_told() -> None:
    before = [(2 + 5 * i, "shop", "a receiver answered 410", 13) for i in range(6)]
    after = [(31 + 4 * i, "shop", "a receiver answered 410", 13) for i in range(7)]
    assert lines(*before, *after) == []


def test_where_nothing_was_before_all_is_told() -> None:
    assert lines((1, "shop", "late", 13), since=-5, until=60) == [("late", 1, 1)]


def test_the_first_few_of_what_others_write_at_all_times_are_not_told() -> None:
    others = [(3 * i, "mail", "a receiver answered 410", 13) for i in range(9)]
    assert lines(*others, (40, "shop", "a receiver answered 410", 13)) == []
    many = [(31 + i, "shop", "a receiver answered 410", 13) for i in range(8)]
    assert lines(*others, *many) == [("a receiver answered 410", 8, 6)]


def test_what_all_others_say_is_read_where_that_is_asked_for() -> None:
    said = [(31 + i, e, f"{e} waits", 13) for i in range(4) for e in ("shop", "mail", "db")]
    assert {line.entity for line in read(*said, of_others=True)} == {"mail", "db"}


def test_when_it_was_first_said_since_then_is_told() -> None:
    (line,) = read((40, "shop", "cache is cold", 13), (35, "shop", "cache is cold", 13))
    assert line.since == at(35)

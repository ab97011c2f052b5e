"""What others tell of those in trouble, and who was in trouble before them."""

from nova_timeline.correlate import overheard
from nova_timeline.correlate.departures import Departure
from nova_timeline.correlate.failures import Line

from .scenes import MINUTE, at

LATE = 60


def foretold(minutes: float, said: str, *changed: float) -> list[Line]:
    """Let one begin to say something, where the shop was changed at some times."""
    told = [Line("autoscaler", 4, 13, (said,), (), at(minutes))]
    times = {"shop-api": [at(t) for t in changed], "mail-out": [at(2)]}
    first = overheard.first(times, ["shop-api"], at(LATE))
    assert first == at(min(*changed, LATE))
    return overheard.foretold(told, times, ["shop-api"], at(LATE))


def test_what_is_said_of_one_just_after_it_was_changed_is_heard() -> None:
    said = "shop-api: cannot work out how many replicas"
    assert foretold(12, said, 10)
    assert foretold(42, said, 10, 40)
    assert not foretold(30, said, 10)
    assert not foretold(9, said, 10)
    assert not foretold(12, "mail-out: cannot work out how many replicas", 10)
    assert not foretold(62, said, 61)


def test_who_got_worse_just_as_it_was_changed_was_ahead() -> None:
    changed = {"tokens": [at(10)], "shop": [at(10)]}
    apart = {"tokens", "mail"}

    def ahead(entity: str, metric: str, minutes: float) -> dict[str, int]:
        one = Departure(entity, metric, at(minutes), MINUTE, climbs=False)
        return overheard.ahead([one], changed, apart, at(LATE))

    assert ahead("tokens", "errors_total", 11) == {"tokens": at(10)}
    assert not ahead("tokens", "temperature", 11)
    assert not ahead("tokens", "errors_total", 30)
    assert not ahead("shop", "errors_total", 11)
    assert not ahead("mail", "errors_total", 11)
    assert not overheard.ahead([], changed, apart, at(LATE))

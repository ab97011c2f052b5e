"""What a change and a failure both speak of counts by what the change really altered."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import merged, spoken, timing
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.terms import Term

from .changes import record
from .scenes import at, calls, signal

ONSET = 60
FAULT = signal(90, ONSET, "shop", "fault", title="no label for parcel: weight in grams", count=30)
OTHER = record(9, 10, "web", "web: other", diff="+paint(blue)\n")


def term(diff: str, title: str = "x", fault: str = FAULT["title"], since: float = ONSET) -> Term:
    one, held = record(0, 50, "shop", title, diff=diff)
    fault_there = replace(scene(), cascade=cascade(fault, since))
    there = replace(
        fault_there,
        changes=[one, OTHER[0]],
        texts={0: f"{title}\n{diff}", 9: OTHER[1]["diff"]},
        attributes={0: held, 9: OTHER[1]},
    )
    [change] = (c for c in merged.one_each(there) if c.signal["signal"] == 0)
    return spoken.words(timing.Effect(at(50)), change, there)


def cascade(title: str, since: float = ONSET) -> Cascade:
    return Cascade("shop", ("shop",), (FAULT | {"title": title, "time": at(since)},), {"shop": 0})


def scene() -> Scene:
    return Scene(cascade(FAULT["title"]), at(ONSET), calls("web>shop"), {}, [], ())


def test_what_lines_alter_tells_more_than_what_they_put_back_and_than_a_title() -> None:
    altered = term("-f(weight)\n+f(size)\n").weight
    kept = term("-f(weight)\n+g(weight)\n").weight
    titled = term("-f(a)\n+f(b)\n", title="about the weight").weight
    assert kept == pytest.approx(titled)
    assert altered > kept > 0
    assert term("-f(a)\n+f(b)\n").weight < 0


def test_the_key_of_a_value_that_moved_is_altered() -> None:
    moved = term("-weight = 5\n+weight = 9\n").weight
    assert moved == pytest.approx(term("-f(weight)\n+f(size)\n").weight)


def test_a_name_of_several_words_tells_more_than_its_words() -> None:
    fault = "cannot read gramsOfParcel"
    whole = term("+f(grams_of_parcel)\n", fault=fault)
    parts = term("+f(grams, of, parcel)\n", fault=fault)
    assert whole.weight > parts.weight > 0
    assert "gramsofparcel" in whole.text
    assert whole.signals == (0, 90)


def test_what_failed_before_a_change_speaks_of_no_change() -> None:
    assert term("+f(weight)\n", since=49).weight > 0
    assert term("+f(weight)\n", since=40).weight < 0


@given(st.lists(st.sampled_from(["weight", "gram", "parcel", "label", "blue", "f"]), max_size=8))
def test_no_words_gain_more_than_there_is(words: list[str]) -> None:
    line = "+f(" + ", ".join(words) + ")\n"
    assert term(line).weight <= spoken.SPOKEN
    assert term(line).weight == pytest.approx(term(line + line).weight)


def test_the_keys_of_a_record_are_of_its_format() -> None:
    told = '{"%s": "%s"}'
    fault = "no label for parcel: weight in grams"

    def weight(text: str) -> float:
        one = signal(0, 50, "shop", "change", kind="deploy", title="shop was rolled out")
        there = replace(
            scene(), cascade=cascade(fault), changes=[one], texts={0: text}, attributes={0: {}}
        )
        [change] = merged.one_each(there)
        return spoken.words(timing.Effect(at(50)), change, there).weight

    assert weight(told % ("kind", "parcel")) > 0
    assert weight(told % ("parcel", "kind")) < 0

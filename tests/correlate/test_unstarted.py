"""What never ran has no fault in its code: the cluster says what its release did wrong."""

from collections.abc import Sequence
from typing import Any

import pytest

from nova_timeline.correlate import ranking, unstarted
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.terms import Candidate

from .scenes import at, calls, signal

ONSET = 40
HELD = {
    "title": "shop-1 waits for a volume that another holds: Multi-Attach error for volume",
    "rule": "containers.volume-held", "category": "config_change", "entity": "shop-1",
}  # fmt: skip
LOOPS = {
    "title": "shop-1: a container keeps crashing",
    "rule": "containers.crash-loop", "category": "code_change", "entity": "shop-1",
}  # fmt: skip
OUT_OF_MEMORY = {
    "title": "shop-1: a container was killed for lack of memory",
    "rule": "containers.oom", "category": "resource_exhaustion", "entity": "shop-1",
}  # fmt: skip
OWN_ERROR = {"title": "TypeError: price of nothing", "rule": None, "entity": "shop-1"}


def told(*failed: dict[str, Any], kind: str = "code_change") -> Candidate:
    """Roll shop out, let faults happen on its new pod, and say what the release is."""
    made = [signal(90 + i, ONSET + i / 10, None, "fault") | f for i, f in enumerate(failed)]
    release = signal(0, ONSET - 0.05, "shop", "change", category=kind)
    cascade = Cascade("shop-1", ("shop-1", "shop"), tuple(made), {"shop-1": 0, "shop": 1})
    shape = calls("shop>shop-1")
    found = Scene(cascade, at(ONSET), shape, {}, [release], (), troubled=made)
    return unstarted.told(Candidate(release, (), is_change=True), found)


def test_a_release_of_which_nothing_ran_is_what_the_cluster_says() -> None:
    release = told(HELD)
    assert release.category == "config_change"
    assert release.terms[-1].signals == (90,)


@pytest.mark.parametrize("other", [OUT_OF_MEMORY, OWN_ERROR])
def test_one_of_which_something_ran_and_told_why_it_fails_is_not(other: dict[str, Any]) -> None:
    assert told(HELD, other).category is None


def test_that_it_crashes_tells_nothing_else() -> None:
    assert told(LOOPS).category is None
    assert told(LOOPS, HELD).category == "config_change"


def test_what_is_known_of_a_change_stands() -> None:
    assert told(HELD, kind="infrastructure_change").category is None


def is_named(best: Candidate, candidates: Sequence[Candidate]) -> bool:
    return best in candidates


def test_the_best_change_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_is_named", is_named)
    made = [signal(90, ONSET, None, "fault") | HELD]
    release = signal(0, ONSET - 0.05, "shop-1", "change", category="code_change")
    cascade = Cascade("shop-1", ("shop-1",), tuple(made), {"shop-1": 0})
    texts = {0: "shop-1: a new replica set was rolled out", 90: HELD["title"]}
    found = Scene(cascade, at(ONSET), calls("web>shop-1"), texts, [release], (), troubled=made)
    best = ranking.rank(found)[0]
    assert (best.is_change, best.category) == (True, "config_change")

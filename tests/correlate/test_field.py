"""What the field breaks by is known, each kind in the words of a pair of its own."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.correlate import hazards
from nova_timeline.correlate.symptoms import Symptom

from .changes import change

PAIRS: list[dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "field.toml").read_text("utf-8")
)["pair"]
KNOWN = 0.6
"""From here on a hazard says more than that things broke as many things break."""


def fit(ours: dict[str, str], theirs: dict[str, str]) -> float:
    """Say how well one pair's change explains how another pair broke."""
    files = [ours["path"]] if "path" in ours else []
    one = change(ours.get("title", "x"), ours.get("diff", ""), files)
    broke = Symptom(theirs["fault"], "shop", True, 1, 5, is_error=True)
    found = hazards.best(one, hazards.Threats([broke]))
    return 0.0 if found is None else found[0].share * found[1].strength


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p["name"])
def test_a_change_is_known_to_break_as_it_did(pair: dict[str, Any]) -> None:
    assert fit(pair, pair) >= KNOWN


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p["name"])
def test_few_other_changes_are_thought_to_break_like_it(pair: dict[str, Any]) -> None:
    others = [other["name"] for other in PAIRS if other is not pair and fit(other, pair) >= KNOWN]
    assert len(others) <= len(PAIRS) / 4, others

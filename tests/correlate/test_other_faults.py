"""Faults of the kinds the field knows are put down to the change that did them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.correlate import merged, ranking
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.episode import Signal
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.terms import Candidate

from .changes import record
from .scenes import at, calls, signal

ONSET = 60
SHAPE = calls("web>shop", "shop>db", "shop>inventory", "mail>relay")
FAULTS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "faults.toml").read_text("utf-8")
)["fault"]
TIDY = """
-	var req Request
-	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
-		http.Error(w, err.Error(), 400)
-		return
-	}
+	req, err := decode[Request](r)
+	if err != nil {
+		writeError(w, http.StatusBadRequest, err)
+		return
+	}
"""
GUARD = "+\tif len(items) == 0 {\n+\t\treturn nil\n+\t}\n \tout := make([]T, 0, len(items))\n"
DECOYS = (
    record(1, 58, "shop", "Deploy of shop (commit bbbbbbb)", diff=TIDY, revision="b" * 40,
           files=["services/shop/handler.go"]),
    record(2, 59, "web", "Deploy of web (commit ccccccc)", revision="c" * 40,
           diff="-.btn { padding: 8px }\n+.btn { padding: 9px }\n", files=["web/shop.css"]),
    record(3, 50, None, "Commit ddddddd: bump libraries", kind="commit", files=["go.mod"],
           diff="-\texample.com/grpc v1.62.0\n+\texample.com/grpc v1.62.1\n"),
    record(4, 52, None, "Commit eeeeeee: docs: how to page", kind="commit", files=["docs/a.md"]),
    record(5, 57, None, "Commit fffffff: handle empty slice", kind="commit", diff=GUARD,
           files=["pkg/slices/slices.go"]),
    record(6, 55, "shop", "Feature flag shop_banner changed from off to on", kind="feature_flag"),
    record(7, 56, "shop", "Commit 1111111: log more of a request", kind="commit",
           diff='-log.Printf("a")\n+log.Printf("a %s", b)\n', files=["services/shop/log.go"]),
)  # fmt: skip


def ranked(fault: dict[str, Any], minutes: float, entity: str | None) -> tuple[Candidate, ...]:
    """Rank the changes of a fault, the guilty one at a time and on an entity."""
    kind = "deploy" if entity else "commit"
    guilty = record(0, minutes, entity, fault["title"], kind=kind, diff=fault["diff"],
                    files=fault["files"], revision="a" * 40)  # fmt: skip
    records = [guilty, *DECOYS]
    faults = [told(90 + i, text) for i, text in enumerate(fault["failed"])]
    web = signal(99, ONSET + 1, "web", "fault", title="web: upstream shop does not answer")
    cascade = Cascade("shop", ("shop", "web"), (*faults, web), {"shop": 0, "web": 1})
    texts = {s["signal"]: "\n".join((s["title"], *a.values())) for s, a in records}
    changes = sorted((s for s, _ in records), key=lambda s: (s["time"], s["signal"]))
    held = {s["signal"]: a for s, a in records}
    return ranking.rank(Scene(cascade, at(ONSET), SHAPE, texts, changes, (), attributes=held))


def told(number: int, text: str) -> Signal:
    metric = " rose from " in text or " fell from " in text
    kind = "metric_change" if metric else "log"
    return signal(number, ONSET, "shop", "fault", title=text, kind=kind, count=1 if metric else 30)


every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f["name"])


@every_fault
def test_the_change_that_did_it_is_named(fault: dict[str, Any]) -> None:
    first, *others = ranked(fault, 54, "shop")
    assert first.signal["signal"] == 0
    assert first.score >= ranking.NAMED
    assert first.score > max(c.score for c in others if c.is_change) + 0.1


@every_fault
def test_it_is_named_though_no_roll_out_names_it(fault: dict[str, Any]) -> None:
    first, *_ = ranked(fault, 56, None)
    assert first.signal["signal"] == (90 if fault.get("by_place_only") else 0)


@every_fault
def test_none_of_the_decoys_is_named_where_nothing_fits(fault: dict[str, Any]) -> None:
    unlike = fault | {
        "diff": "-a = f(x)\n+a = g(x)\n",
        "title": "x",
        "files": ["services/mail/a.go"],
    }
    named = [
        c for c in ranked(unlike, 20, "mail") if c.is_change and c.score >= ranking.NAMED + 0.1
    ]
    assert named == []


def test_a_change_is_told_by_all_its_records_once() -> None:
    commit = record(0, 50, None, "Commit aaaaaaa: x", kind="commit", revision="a" * 40, diff="-a\n")
    deploy = record(1, 55, "shop", "Deploy of shop (commit aaaaaaa)", revision="A" * 40)
    again = record(2, 56, "web", "Deploy of web (commit aaaaaaa)", revision="a" * 40)
    other = record(3, 56, "shop", "Deploy of shop (commit bbbbbbb)", revision="b" * 40)
    fault = told(90, "shop is slow")
    cascade = Cascade("shop", ("shop",), (fault,), {"shop": 0})
    records = (commit, deploy, again, other)
    held = {s["signal"]: a for s, a in records}
    found = merged.one_each(
        Scene(cascade, at(ONSET), SHAPE, {}, [s for s, _ in records], (), attributes=held)
    )
    assert [[s["signal"] for s in c.records] for c in found] == [[1, 2, 0], [3]]
    assert found[0].entity == "shop"
    assert found[0].patch == "-a\n"


def test_a_switch_goes_with_the_change_whose_lines_ask_for_it() -> None:
    asks = '+\tif flags.Enabled(ctx, "wide_search") {\n+\t\treturn s.wide(ctx, q)\n+\t}\n'
    commit = record(0, 10, None, "Commit aaaaaaa: wider search", kind="commit", diff=asks,
                    revision="a" * 40)  # fmt: skip
    deploy = record(1, 12, "shop", "Deploy of shop (commit aaaaaaa)", revision="a" * 40)
    fixed = record(2, 50, "shop", "Deploy of shop (commit bbbbbbb)", revision="b" * 40, diff="+x\n")
    on, other = (
        (record(n, 58, "shop", f"{key} was switched on", kind="feature_flag")[0],
         {"feature_flag.key": key, "feature_flag.value": "on"})
        for n, key in ((3, "wide_search"), (4, "wide"))
    )  # fmt: skip
    records = (commit, deploy, fixed, on, other)
    held = {s["signal"]: a for s, a in records}
    cascade = Cascade("shop", ("shop",), (told(90, "shop is slow"),), {"shop": 0})
    found = merged.one_each(
        Scene(cascade, at(ONSET), SHAPE, {}, [s for s, _ in records], (), attributes=held)
    )
    assert sorted([s["signal"] for s in c.records] for c in found) == [[2], [3, 1, 0], [4]]

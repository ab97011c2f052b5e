"""Steps of requests, as they are drawn from events."""

from __future__ import annotations

from typing import Any

import polars as pl

from nova_timeline import schema
from nova_timeline.correlate import steps


def events(rows: list[dict[str, Any]]) -> Any:
    names = sorted({name for row in rows for name in row} - {"attributes"})
    columns: dict[str, Any] = {
        n: pl.Series([row.get(n) for row in rows], strict=False).to_arrow() for n in names
    }
    said = [row.get("attributes", {}) for row in rows]
    keys = sorted({k for some in said for k in some})
    texts = {k: pl.Series([s.get(k) for s in said], dtype=pl.String) for k in keys}
    columns["attributes"] = schema.attributes(len(rows), texts)
    return schema.conform("event", columns, len(rows))


SPAN = {"trace_id": "t", "span_id": "s", "entity": "shop", "timestamp": 1000, "end_timestamp": 4000,
        "event_name": "span", "body": "GET /", "severity_number": 9}  # fmt: skip
LINE = {"trace_id": "t", "span_id": "s", "entity": "shop", "timestamp": 2000, "body": "paid 17",
        "severity_number": 13}  # fmt: skip


def test_spans_and_the_log_lines_within_them_are_drawn() -> None:
    said = {"span.kind": "server", "span.name": "GET /", "span.parent_id": "p", "other": "x"}
    drawn = steps.of(events([{"body": "no span"}, LINE, SPAN | {"attributes": said}]), first=10)
    assert drawn is not None
    assert drawn.schema == steps.schema()
    line, span = pl.DataFrame(drawn).to_dicts()
    assert (line["kind"], line["time"], line["lasted"], line["row"]) == (steps.LOG, 2000, 0, 11)
    assert (line["severity"], line["parent"]) == (13, 0)
    assert (span["kind"], span["lasted"], span["row"]) == (steps.SIDES["server"], 3000, 12)
    assert (span["trace"], span["span"]) == (line["trace"], line["span"])
    assert span["parent"] not in (0, span["span"])


def test_lines_of_one_template_are_the_same_step_and_spans_of_one_name() -> None:
    rows = [
        LINE, LINE | {"body": "paid 3"}, LINE | {"body": "refused"},
        SPAN | {"attributes": {"span.name": "a"}}, SPAN | {"attributes": {"span.name": "b"}},
        SPAN | {"attributes": {"span.name": "a"}, "event_name": "span.error", "body": "a: failed"},
    ]  # fmt: skip
    drawn = steps.of(events(rows))
    assert drawn is not None
    what = pl.DataFrame(drawn)["what"].to_list()
    assert what[0] == what[1]
    assert what[3] == what[5]
    assert len(set(what)) == 4


def test_nothing_is_drawn_without_ids_of_spans() -> None:
    assert steps.of(events([{"body": "x", "trace_id": "t", "timestamp": 1}])) is None
    assert steps.of(events([{"body": "x", "span_id": "s", "timestamp": 1}])) is None
    assert steps.of(schema.empty("event")) is None

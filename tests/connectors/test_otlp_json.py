"""OTLP/JSON: nesting, wrapped values, unknown times and damage."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.connectors import _otlp_values
from nova_timeline.errors import UnreadableSourceError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def wrapped(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case dict():
            pairs = cast("dict[str, Any]", value)
            return {
                "kvlistValue": {
                    "values": [{"key": k, "value": wrapped(v)} for k, v in pairs.items()]
                }
            }
        case list():
            several = cast("list[object]", value)
            return {"arrayValue": {"values": [wrapped(v) for v in several]}}
        case _:
            return {"stringValue": value}


@given(VALUES, st.sampled_from([None, 1]))
@settings(deadline=None)
def test_the_wrapping_comes_off(value: Any, indent: int | None) -> None:
    text = np.frombuffer(json.dumps(wrapped(value), indent=indent).encode(), np.uint8)
    out, _ = _otlp_values.bare(text, np.array([0, len(text)], np.int64))
    assert json.loads(out.tobytes()) == value


def plain(item: Batch) -> list[dict[str, Any]]:
    """Turn a batch into rows, the time in nanoseconds."""
    times = item.table["timestamp"].cast(pa.int64()).to_pylist()
    rest = item.table.drop_columns(["timestamp", "observed_timestamp", "end_timestamp"]).to_pylist()
    return [row | {"timestamp": time} for row, time in zip(rest, times, strict=True)]


def read(path: Path, text: str) -> tuple[list[dict[str, Any]], list[str]]:
    file = path / "otlp.jsonl"
    file.write_text(text)
    items = list(load("otlp_json")({}).read(Partition("otlp.jsonl", file)))
    rows = [r for i in items if isinstance(i, Batch) for r in plain(i)]
    return rows, [i.reason for i in items if isinstance(i, Gap)]


def document(*records: dict[str, Any], service: str = "web") -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    scopes = [{"logRecords": list(records)}]
    return json.dumps({"resourceLogs": [{"scopeLogs": scopes, "resource": resource}]}) + "\n"


def test_a_record_without_a_time_takes_the_observed_one_and_says_whose_clock(
    tmp_path: Path,
) -> None:
    rows, _ = read(
        tmp_path,
        document(
            {"timeUnixNano": "0", "observedTimeUnixNano": "1772545320123456789"}, {"body": {}}
        ),
    )
    assert rows[0]["timestamp"] == 1772545320123456789
    assert rows[0]["clock"] == "service:opentelemetry-collector"
    assert rows[1]["timestamp"] is None


def test_alike_lines_of_two_services_are_two_events(tmp_path: Path) -> None:
    record = {"timeUnixNano": "1772545320000000000", "body": {"stringValue": "x"}}
    rows, _ = read(tmp_path, document(record) + document(record, service="db") + document(record))
    assert len({r["event_id"] for r in rows}) == 2
    assert [r["entity"] for r in rows] == ["web", "db", "web"]


def test_text_that_is_json_stays_text(tmp_path: Path) -> None:
    inside = '{"a": "b\\nc"}'
    attribute = {"key": 'k"', "value": {"stringValue": inside}}
    [row], _ = read(
        tmp_path, document({"body": {"stringValue": inside}, "attributes": [attribute]})
    )
    assert row["body"] == inside
    assert dict(row["attributes"]) == {'k"': inside}


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    whole = document({"body": {"stringValue": "a"}})
    rows, said = read(tmp_path, whole + whole[:60] + "\n" + '{"other": 1}\n' + whole)
    assert [r["body"] for r in rows] == ["a", "a"]
    assert any("1 of 4 documents end inside a record" in s for s in said)
    assert any("1 of 4 documents hold no resourceLogs" in s for s in said)


def test_a_document_cut_off_keeps_its_whole_records(tmp_path: Path) -> None:
    text = json.dumps(
        json.loads(document(*({"body": {"stringValue": str(i)}} for i in range(9)))), indent=1
    )
    cut = text[: text.index('"7"')]
    rows, said = read(tmp_path, cut)
    assert [r["body"] for r in rows] == [str(i) for i in range(7)]
    assert said


def test_other_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSourceError, match="not OTLP/JSON"):
        read(tmp_path, '{"Records": []}\n')


def test_spans_are_cut_the_same_whatever_the_piece(tmp_path: Path) -> None:
    span = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "ab", "spanId": "cd"}]}]}]}
    file = tmp_path / "traces.jsonl"
    file.write_text((json.dumps(span) + "\n") * 20)
    reader = load("otlp_json")({})
    assert list(reader.partitions("t", file, 10)) == list(reader.partitions("t", file, 1000))


def traced(service: str, *spans: dict[str, Any], **resource: str) -> str:
    pairs = [
        {"key": k, "value": {"stringValue": v}}
        for k, v in ({"service.name": service} | resource).items()
    ]
    inner = {"resource": {"attributes": pairs}, "scopeSpans": [{"spans": list(spans)}]}
    return json.dumps({"resourceSpans": [inner]}) + "\n"


def span(number: str, parent: str = "", kind: Any = 2, **attributes: str) -> dict[str, Any]:
    return {
        "traceId": "t",
        "spanId": number,
        "parentSpanId": parent,
        "name": "GET /",
        "kind": kind,
        "startTimeUnixNano": "1772545320000000001",
        "endTimeUnixNano": "1772545320000000009",
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
    }


def items(path: Path, text: str, name: str) -> list[dict[str, Any]]:
    file = path / "traces.jsonl"
    file.write_text(text)
    found = load("otlp_json")({}).read(Partition("traces.jsonl", file))
    return [r for i in found if isinstance(i, Batch) and i.name == name for r in plain_rows(i)]


def plain_rows(item: Batch) -> list[dict[str, Any]]:
    table = item.table
    for name in table.schema.names:
        if pa.types.is_timestamp(table[name].type):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, table[name].cast(pa.int64()))
    return table.to_pylist()


def test_every_span_is_an_event_by_the_clock_of_its_host(tmp_path: Path) -> None:
    failed = span("b") | {"status": {"code": 2, "message": "refused"}}
    text = traced("web", span("a"), failed, **{"host.name": "WEB-2.shop.internal"})
    text += traced("api", span("c"), **{"service.instance.id": "api-7"}) + traced("db", span("d"))
    rows = items(tmp_path, text, "event")
    assert [(r["event_name"], r["severity_number"], r["body"]) for r in rows[:2]] == [
        ("span", 9, "GET /"),
        ("span.error", 17, "GET /: refused"),
    ]
    assert [r["clock"] for r in rows] == ["host:web-2", "host:web-2", "host:api-7", "host:db"]
    assert (rows[0]["timestamp"], rows[0]["end_timestamp"]) == (
        1772545320000000001,
        1772545320000000009,
    )


def test_a_client_that_nobody_answers_calls_the_peer_it_names(tmp_path: Path) -> None:
    database = {"db.system.name": "postgresql", "server.address": "orders-db.example.com"}
    text = traced(
        "web",
        span("a", kind=3, **{"peer.service": "ledger", "server.address": "10.0.0.7"}),
        span("b", kind="SPAN_KIND_CLIENT", **database),
        span("c", kind=3, **{"server.address": "api.internal"}),
        span("d", kind=3, **{"server.address": "localhost"}),
        span("e", kind=2, **{"server.address": "web.example.com"}),
    )
    text += traced("api", span("f", parent="c"))
    edges = {(r["caller"], r["callee"]) for r in items(tmp_path, text, "edge")}
    assert edges == {("web", "ledger"), ("web", "orders-db.example.com"), ("web", "api")}

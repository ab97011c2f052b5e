"""CloudWatch Logs: four ways out of the service, and what a line says about itself."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.connectors import _levels
from nova_timeline.errors import UnreadableSourceError

TIME = 1_772_546_280_123


def read(path: Path, **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
    reader = load("aws_cloudwatch_logs")(options)
    items = [i for p in reader.partitions("logs", path) for i in reader.read(p)]
    rows = [r for i in items if isinstance(i, Batch) for r in plain(i)]
    return rows, [i.reason for i in items if isinstance(i, Gap)]


def plain(item: Batch) -> list[dict[str, Any]]:
    columns = ["timestamp", "observed_timestamp"]
    rows = item.table.drop_columns(columns).to_pylist()
    times = [[t.value for t in item.table[c]] for c in columns]
    return [
        row | dict(zip(columns, pair, strict=True)) | {"attributes": dict(row["attributes"])}
        for row, *pair in zip(rows, *times, strict=True)
    ]


def written(folder: Path, content: object, name: str = "logs.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def event(message: object, **more: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"timestamp": TIME, "ingestionTime": TIME + 850, "message": text, "eventId": "1", **more}


def one(folder: Path, message: object, **options: Any) -> dict[str, Any]:
    [row], said = read(written(folder, {"events": [event(message)]}), **options)
    assert said == []
    return row


def test_the_producers_clock_and_the_services_are_kept_apart(tmp_path: Path) -> None:
    row = one(tmp_path, "hello\n")
    assert row["timestamp"] == TIME * 1_000_000
    assert row["observed_timestamp"] == (TIME + 850) * 1_000_000
    assert row["timestamp_precision"] == 1_000_000
    assert (row["body"], row["kind"], row["role"]) == ("hello", "log", None)


SAID = [
    ({"level": "error", "message": "no"}, 17, "no"),
    ({"severity": "WARNING", "msg": "no"}, 13, "no"),
    ({"log": {"level": "debug"}, "message": "no"}, 5, "no"),
    ({"log.level": "fatal", "message": "no"}, 21, "no"),
    ({"level": 50, "msg": "no"}, 17, "no"),
    ({"level": {"name": "x"}}, None, '{"level": {"name": "x"}}'),
    ("2026-03-03T13:58:00.123Z\tc1d2e3f4-0a1b-4c2d-8e3f-405162738495\tINFO\t"
     '{"level":"error","message":"no"}', 17, "no"),
    ('{"level":"error"', None, '{"level":"error"'),
]  # fmt: skip


@pytest.mark.parametrize(("message", "number", "body"), SAID)
def test_structured_messages_say_level_and_text(
    tmp_path: Path, message: object, number: int | None, body: str
) -> None:
    row = one(tmp_path, message)
    assert (row["severity_number"], row["body"]) == (number, body)


@pytest.mark.parametrize(
    "given",
    [
        {"trace_id": "69a6e8e80123456789abcdef01234567"},
        {"traceId": "1-69a6e8e8-0123456789abcdef01234567"},
        {"xray_trace_id": "Root=1-69a6e8e8-0123456789abcdef01234567;Sampled=1"},
    ],
)
def test_trace_ids_are_written_as_opentelemetry_does(tmp_path: Path, given: dict[str, str]) -> None:
    row = one(tmp_path, {"message": "x", "span_id": "1f2e3d4c5b6a7988", **given})
    assert row["trace_id"] == "69a6e8e80123456789abcdef01234567"
    assert row["span_id"] == "1f2e3d4c5b6a7988"


WRITERS = [
    ("/ecs/checkout", None, "checkout", "checkout"),
    ("/aws/lambda/resize", "2026/03/03/[$LATEST]8f1d", "resize", "resize"),
    ("shared", "2026/03/03/resize[$LATEST]8f1d", "resize", "resize"),
    (None, "app/cart/0f6b1c2d3e4f5061728394a5b6c7d8e9", "cart", "cart"),
    ("/aws/rds/instance/orders-db/postgresql", "orders-db.0", "orders-db", None),
    ("123456789012:/aws/rds/instance/orders-db/postgresql", None, "orders-db", None),
    ("/aws/eks/shop/cluster", "kube-apiserver-1", "shop", None),
    ("/aws/ecs/containerinsights/shop/performance", "x", "shop", None),
    ("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/cart:*", None, "cart", "cart"),
    ("/var/log/messages", "i-0abc1234def567890", "messages", None),
    (None, "orders", "orders", None),
]


@pytest.mark.parametrize(("group", "stream", "entity", "service"), WRITERS)
def test_group_and_stream_tell_who_wrote(
    tmp_path: Path, group: str | None, stream: str | None, entity: str, service: str | None
) -> None:
    given = event("x", logStreamName=stream, logGroupIdentifier=group)
    [row], _ = read(written(tmp_path, {"events": [given]}))
    assert (row["entity"], row["service.name"]) == (entity, service)


def test_the_option_then_the_line_then_the_group_name_the_service(tmp_path: Path) -> None:
    message = {"service": "worker", "message": "x"}
    assert one(tmp_path, message, log_group="/ecs/cart")["entity"] == "worker"
    assert one(tmp_path, message, log_group="/ecs/cart", service="shop")["entity"] == "shop"


def test_a_stream_is_a_clock_of_its_own(tmp_path: Path) -> None:
    events = [event("x", logStreamName=s) for s in ("app/a/1", "i-0abc1234def567890/app.log")]
    rows, _ = read(written(tmp_path, {"events": events}))
    assert [r["clock"] for r in rows] == ["host:app/a/1", "host:i-0abc1234def567890"]


def test_text_with_lines_that_continue(tmp_path: Path) -> None:
    text = (
        "java.io.IOException: from before\n"
        "2026-03-03T13:58:00.123Z ERROR boom\r\n"
        "\tat a.B(C.java:1)\n\n"
        "2026-03-03 looks like a time\n"
        "2026-03-03T13:58:00.999999Z next\n"
    )
    rows, said = read(written(tmp_path, text, "000000"))
    assert [r["body"] for r in rows] == [
        "java.io.IOException: from before",
        "ERROR boom\r\n\tat a.B(C.java:1)\n\n2026-03-03 looks like a time",
        "next",
    ]
    assert [r["timestamp"] for r in rows] == [
        None,
        TIME * 1_000_000,
        1_772_546_280_999_999_000,
    ]
    assert said == []


def test_a_continued_record_across_pieces_is_read_once(tmp_path: Path) -> None:
    tail = "".join(f"\tat frame {i}\n" for i in range(300))
    path = written(tmp_path, f"2026-03-03T13:58:00.123Z boom\n{tail}2026-03-03T13:58:01Z ok\n", "a")
    reader = load("aws_cloudwatch_logs")({})
    for piece in (10, 31, 500, 1 << 20):
        parts = reader.partitions("logs", path, piece)
        rows = [r for p in parts for i in reader.read(p) if isinstance(i, Batch) for r in plain(i)]
        assert [len(r["body"]) for r in rows] == [len("boom\n" + tail) - 1, 2]


def test_the_same_line_of_two_tasks_is_two_events(tmp_path: Path) -> None:
    ids: list[bytes] = []
    for task in ("ecs-cart-" + "1" * 32, "ecs-cart-" + "2" * 32):
        path = tmp_path / task / "000000.gz"
        path.parent.mkdir()
        path.write_bytes(gzip.compress(b"2026-03-03T13:58:00Z started\n"))
        reader = load("aws_cloudwatch_logs")({})
        [item] = reader.read(Partition(f"export/{task}/000000.gz", path))
        assert isinstance(item, Batch)
        [row] = plain(item)
        assert row["entity"] == "cart"
        ids.append(row["event_id"])
    assert ids[0] != ids[1]


def test_text_that_may_be_cut_off_and_text_of_another_kind(tmp_path: Path) -> None:
    _, said = read(written(tmp_path, "2026-03-03T13:58:00Z a\n2026-03-03T13:58:01Z b", "a"))
    assert "no line end" in said[0]
    with pytest.raises(UnreadableSourceError, match="no line begins with an ISO time"):
        read(written(tmp_path, "Mar  3 13:58:00 host app: hello\n", "b"))


def test_insights_mean_utc_and_say_when_they_are_not_done(tmp_path: Path) -> None:
    fields = {
        "@timestamp": "2026-03-03 13:58:00.123",
        "@message": "x",
        "@log": "1" * 12 + ":/ecs/a",
    }
    row = [{"field": k, "value": v} for k, v in fields.items()]
    [got], said = read(written(tmp_path, {"results": [row], "status": "Complete"}))
    assert (got["timestamp"], got["entity"]) == (TIME * 1_000_000, "a")
    assert got["cloud.account.id"] == "1" * 12
    assert said == []
    strange = [[{"field": "count(*)", "value": "4"}], ["x"], 7]
    rows, said = read(written(tmp_path, {"results": [row, *strange], "status": "Running"}))
    assert len(rows) == 1
    assert said[0].startswith("the query's status is Running")
    assert said[1].startswith("3 of 4 records are no log events")


def test_a_subscriptions_bundle_is_opened_and_its_control_messages_left(tmp_path: Path) -> None:
    events = [{"id": str(i), "timestamp": TIME + i, "message": f"m{i}"} for i in range(2)]
    data = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/ecs/a", "logStream": "s"}
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": events[:1]}
    text = json.dumps(control) + json.dumps(data | {"logEvents": events})
    rows, said = read(written(tmp_path, text))
    assert [(r["body"], r["entity"], r["cloud.account.id"]) for r in rows] == [
        ("m0", "a", "1"),
        ("m1", "a", "1"),
    ]
    assert len({r["event_id"] for r in rows}) == 2
    assert said == []


def test_other_json_is_refused_and_a_page_that_is_not_the_last_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSourceError, match="no log events"):
        read(written(tmp_path, {"hello": 1}))
    _, said = read(written(tmp_path, {"events": [event("x")], "nextToken": "t"}))
    assert "more follow" in said[0]
    assert read(written(tmp_path, {"events": [], "searchedLogStreams": []})) == ([], [])


LEVELS = [
    ("ERROR boom", "ERROR"),
    ("[ERROR]\t2026-03-03T13:58:00.123Z\tc1d2\tboom", "ERROR"),
    ("2026-03-03T13:58:00.123Z\tc1d2e3f4-0a1b\tWARN\tslow", "WARN"),
    ("2026-03-03 13:58:00,123 ERROR [main] c.e.Cart - boom", "ERROR"),
    ("2026-03-03 13:58:00.123  INFO 1 --- [  main] c.e.Cart : up", "INFO"),
    ("13:58:00.123 [http-nio-8080 exec 1] DEBUG c.e.Cart - x", "DEBUG"),
    ("2026/03/03 13:58:00 [error] 7#7: *1 upstream timed out", "error"),
    ("2026-03-03 13:58:00 UTC:10.0.0.1(5):shop@orders:[412]:FATAL:  too many", "FATAL"),
    ("2026-03-03 13:58:00.123 UTC [412] LOG:  checkpoint", "LOG"),
    ("Mar  3 13:58:00 ip-10-0-0-1 shop[12]: CRITICAL disk", "CRITICAL"),
    ("ERROR:root:boom", "ERROR"),
    ("Error: connect ECONNREFUSED", "Error"),
    ("E0303 13:58:00.123456       1 main.go:7] boom", "ERROR"),
    ("ts=2026-03-03T13:58:00Z level=warn msg=slow", "warn"),
    ('time="2026-03-03T13:58:00Z" level="error" msg=x', "error"),
    ("retrying after ERROR from upstream", None),
    ("order 7 placed without ERROR", None),
    ("INFORMED the user", None),
    ("errors: 0", None),
    ("", None),
]


@pytest.mark.parametrize(("line", "level"), LEVELS)
def test_a_level_counts_where_loggers_put_it(line: str, level: str | None) -> None:
    assert _levels.of_text(pl.Series([line])).to_list() == [level]

"""What is read around a moment equals what a look at every event gives."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nova_timeline import around, schema
from nova_timeline.around import REACH, SEVERITIES, Logged, logged
from nova_timeline.correlate import templates
from nova_timeline.errors import RunFolderError
from nova_timeline.model import ClockEstimate, Moment
from tests.findings import START

MOMENT = Moment("m1", START, "checkout", "alert", "an alert fires")
CLOCKS = (ClockEstimate("host:late", 40_000_000_000, 0, 9), ClockEstimate("host:well", 0, 0, 9))
AHEAD = {clock.clock: clock.offset_ns for clock in CLOCKS}
KINDS = ("log", "health", "host", "deploy", "alert")
HOSTS = ("host:late", "host:well", None)


def drawn(size: int) -> pa.Table:
    """Return events of three entities over twice the reach, with many equal times and nulls."""
    random = np.random.default_rng(8)

    def some(values: tuple[Any, ...]) -> list[Any]:
        return [values[i] for i in random.integers(0, len(values), size)]

    seconds = random.integers(-600, 600, size) * 1_000_000_000
    return schema.conform(
        "event",
        {
            "event_id": pa.array([random.bytes(16) for _ in range(size)], pa.binary(16)),
            "timestamp": pa.array(START + seconds, pa.timestamp("ns", "UTC")),
            "clock": pa.array(some(HOSTS), pa.string()),
            "kind": pa.array(some(KINDS), pa.string()),
            "entity": pa.array(some(("checkout", "web", None)), pa.string()),
            "severity_number": pa.array(some((None, 1, 4, 5, 9, 13, 16, 17, 24)), pa.int8()),
            "body": pa.array(
                [
                    None if i % 13 == 0 else f"order {i} {'refused' if i % 3 else 'made'}"
                    for i in range(size)
                ],
                pa.string(),
            ),
            "event_name": "PutItem",
            "evidence.uri": "app.jsonl",
            "evidence.locator": pa.array([f"bytes={i}+1" for i in range(size)], pa.string()),
        },
        size,
    )


def written(run: Path, *parts: pa.Table) -> Path:
    """Write a run's events, one file a part, in small row groups."""
    (run / "events").mkdir(parents=True)
    for number, part in enumerate(parts):
        with pq.ParquetWriter(run / "events" / f"part-{number}.parquet", part.schema) as file:
            file.write_table(part, 50)
    return run


def looked(table: pa.Table) -> Logged:
    """Look at every event for `MOMENT`."""
    rows: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = table.to_pylist()
    for row in events:
        row["time"] = row["timestamp"].value - AHEAD.get(row["clock"] or "", 0)
        near = abs(row["time"] - START) <= REACH
        if near and row["entity"] == "checkout" and row["kind"] in KINDS[:3]:
            row["level"] = ((row["severity_number"] or 0) + 3) // 4
            row["text"] = row["body"] or row["event_name"]
            rows.append(row)
    counts = Counter[int](row["level"] for row in rows)
    said = Counter(templates.text(row["text"]) for row in rows)
    rows.sort(key=lambda r: (-r["level"], abs(r["time"] - START), r["time"], r["event_id"]))
    return Logged(
        START - REACH,
        START + REACH,
        tuple((SEVERITIES[level], counts[level]) for level in sorted(counts, reverse=True)),
        tuple(said.most_common()),
        tuple(
            around.Line(
                r["time"],
                SEVERITIES[int(r["level"])],
                r["text"],
                "app.jsonl",
                r["evidence.locator"],
            )
            for r in rows[:3]
        ),
    )


def test_it_equals_a_look_at_every_event(tmp_path: Path) -> None:
    table = drawn(900)
    found = logged(written(tmp_path, table), CLOCKS, MOMENT)
    wanted = looked(table)
    assert sum(count for _, count in wanted.severities) > 80
    assert len(wanted.severities) == len(SEVERITIES)
    assert found.templates != ()
    assert Counter(dict(found.templates)) == Counter(dict(wanted.templates))
    assert replace(found, templates=()) == replace(wanted, templates=())


def test_it_is_the_same_however_the_events_lie_in_files(tmp_path: Path) -> None:
    table = drawn(400)
    whole = logged(written(tmp_path / "whole", table), CLOCKS, MOMENT)
    mixed = table.take(np.random.default_rng(1).permutation(400))
    cut = written(tmp_path / "cut", mixed.slice(300), mixed.slice(0, 10), mixed.slice(10, 290))
    assert logged(cut, CLOCKS, MOMENT) == whole


def test_silence_is_told_as_silence(tmp_path: Path) -> None:
    run = written(tmp_path, drawn(100))
    found = logged(run, CLOCKS, replace(MOMENT, entity="nobody"))
    assert (found.severities, found.templates, found.lines) == ((), (), ())
    empty = written(tmp_path / "empty", schema.empty("event"))
    assert logged(empty, (), MOMENT).severities == ()


def test_what_is_masked_is_only_what_varies(tmp_path: Path) -> None:
    found = logged(written(tmp_path, drawn(300)), CLOCKS, MOMENT)
    assert {text for text, _ in found.templates} == {
        "order <*> made", "order <*> refused", "PutItem",
    }  # fmt: skip


def test_events_that_are_not_there_or_damaged_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=re.escape(f"{tmp_path / 'events'} cannot be read")):
        logged(tmp_path, CLOCKS, MOMENT)
    run = written(tmp_path, drawn(100))
    (run / "events" / "part-0.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunFolderError, match="cannot be read"):
        logged(run, CLOCKS, MOMENT)

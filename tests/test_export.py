"""moments.parquet and links.parquet: fixed columns, every row, and through Parquet unharmed."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nova_timeline.export import links_table, moments_table, schema
from nova_timeline.model import Cause, Findings, Moment
from tests.findings import EVERY, FINDINGS, SECOND, at


@pytest.mark.parametrize("findings", EVERY)
def test_tables_have_their_columns_even_when_empty(findings: Findings) -> None:
    empty = replace(findings, moments=())
    for table in (moments_table(findings), moments_table(empty)):
        assert table.schema == schema("moments")
    for table in (links_table(findings), links_table(empty)):
        assert table.schema == schema("links")
    assert moments_table(empty).num_rows == links_table(empty).num_rows == 0


def test_a_moment_is_a_row() -> None:
    rows = moments_table(FINDINGS).to_pylist()
    assert [row["id"] for row in rows] == [moment.id for moment in FINDINGS.moments]
    assert rows[1]["evidence"] == list(FINDINGS.moments[1].evidence)
    assert rows[3]["order"] == "uncertain"
    assert rows[3]["title"] == FINDINGS.moments[3].title
    times = moments_table(FINDINGS)["time"].cast(pa.int64()).to_pylist()
    assert times == [moment.time for moment in FINDINGS.moments]
    ends = moments_table(FINDINGS)["end_time"].cast(pa.int64()).to_pylist()
    assert ends == [None, at(12.5), *[None] * 9]


def test_no_field_of_a_moment_is_left_out() -> None:
    columns = set(schema("moments").names)
    assert columns | {"caused_by"} == {field.name for field in fields(Moment)}


def test_a_cause_is_a_row() -> None:
    rows = links_table(FINDINGS).to_pylist()
    assert [(row["effect"], row["cause"], row["rank"], row["order"]) for row in rows] == [
        ("m003", "m002", 1, "certain"),
        ("m003", "m001", 2, "certain"),
        ("m004", "m003", 1, "uncertain"),
        ("m006", "m004", 1, "uncertain"),
    ]
    assert rows[0]["delta_ns"] == 120 * SECOND
    assert rows[0]["score"] == 0.913_457
    assert rows[0]["reasons"] == ["same dependency, one hop", "began 2 min later"]


def test_a_cause_outside_the_timeline_keeps_its_row() -> None:
    moment = replace(FINDINGS.moments[0], caused_by=(Cause("gone", 0.5),))
    row = links_table(replace(FINDINGS, moments=(moment,))).to_pylist()[0]
    assert (row["cause"], row["cause_time"], row["delta_ns"]) == ("gone", None, None)


def test_tables_survive_parquet(tmp_path: Path) -> None:
    from pyarrow import parquet

    files: Any = parquet
    moment = replace(FINDINGS.moments[0], title="half a pair \ud83d")
    findings = replace(FINDINGS, moments=(moment, *FINDINGS.moments[1:]))
    for name, table in (("moments", moments_table(findings)), ("links", links_table(findings))):
        files.write_table(table, tmp_path / name)
        assert files.read_table(tmp_path / name).equals(table)
    assert moments_table(findings)["title"][0].as_py() == r"half a pair \ud83d"

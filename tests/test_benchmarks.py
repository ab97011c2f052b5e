"""The benchmarks' programs: seeded data, peers that agree, one JSON object on the last line."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _fault, _incident, _measure, evidence_join, reconstruct

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> _incident.Written:
    return _incident.at(tmp_path_factory.mktemp("benchmarks"), 2000)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def test_the_same_seed_gives_the_same_bytes(written: _incident.Written, tmp_path: Path) -> None:
    again = _incident.at(tmp_path, 2000)
    assert contents(again.folder) == contents(written.folder)
    assert contents(_incident.at(tmp_path, 2000, seed=1).folder) != contents(written.folder)


def test_each_source_holds_the_records_it_is_said_to(written: _incident.Written) -> None:
    place = written.folder
    batches = [
        scope["logRecords"]
        for line in lines(place / "otlp.jsonl")
        for resource in line["resourceLogs"]
        for scope in resource["scopeLogs"]
    ]
    delivered = [json.loads(f.read_text())["Records"] for f in (place / "cloudtrail").iterdir()]
    with (place / "metrics.csv").open() as file:
        points = list(csv.DictReader(file))
    assert written.rows == {
        "app_logs": sum(len(lines(f)) for f in (place / "logs").iterdir()),
        "otlp_logs": sum(map(len, batches)),
        "gcp_logs": len(lines(place / "gcp.jsonl")),
        "cloudtrail": sum(map(len, delivered)),
        "metrics_csv": len(points),
        "metrics_jsonl": len(lines(place / "metrics.jsonl")),
    }
    assert written.records == 2000
    assert written.size == sum(map(len, contents(place).values()))


def test_the_fault_shows_only_while_it_lasts(written: _incident.Written) -> None:
    failures = [
        line["timestamp"]
        for file in (written.folder / "logs").iterdir()
        for line in lines(file)
        if "no free connection" in line["message"]
    ]
    assert failures
    assert _fault.iso(_fault.ONSET) <= min(failures)
    assert max(failures) < _fault.iso(_fault.RECOVERY)


def test_polars_counts_every_record(written: _incident.Written) -> None:
    assert reconstruct.polars_parse(str(written.folder))["read"] == written.rows


def test_a_peak_is_that_of_the_work_alone() -> None:
    _measure.measured(lambda: bytes(64 << 20))
    cost, size = _measure.measured(lambda: len(bytes(16 << 20)))
    assert size == 16 << 20
    assert cost.peak_extra_mb < 48
    assert cost.peak_mb >= cost.peak_extra_mb


def test_a_failure_in_a_fresh_process_is_told() -> None:
    with pytest.raises(RuntimeError, match="no_such_function"):
        _measure.in_fresh_process("benchmarks.reconstruct", "no_such_function", "")


def test_reconstruct_prints_one_object_on_the_last_line(written: _incident.Written) -> None:
    program = [sys.executable, "-m", "benchmarks.reconstruct"]
    choices = ["--records", "2000", "--repeat", "1", "--folder", str(written.folder.parent)]
    done = subprocess.run(
        [*program, *choices, "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["benchmark"] == "reconstruct"
    assert found["sizes"] == {
        "records": written.records,
        "bytes": written.size,
        "files": written.files,
    }
    for cost in (found["ours"], found["peers"]["polars_parse"]):
        assert {"seconds", "cpu_seconds", "peak_extra_mb"} <= cost.keys()
    assert found["ratio"].keys() == found["peers"].keys()
    assert found["ratio_to_parse"] > 0
    assert found["peak_mb"] > 0
    assert found["equal"], found["read"]
    assert found["incomplete"] == []
    assert found["cause_found"] is (found["cause"] == _fault.CAUSE)


def last_line(program: str, *choices: str) -> dict[str, Any]:
    """Run a benchmark small and return the object on its last line."""
    command = [sys.executable, "-m", f"benchmarks.{program}", *choices, "--repeat", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_order_agrees_with_its_peers() -> None:
    found = last_line("order", "--events", "20000", "--streams", "9")
    assert found["equal"], found["differ"]
    assert found["rows"] == found["sizes"]["events"] == 20_000
    assert "heapq_merge" in found["ratio"]


def test_the_evidence_join_agrees_with_its_peers(tmp_path: Path) -> None:
    small = ("--events", "30000", "--entities", "40", "--folder", str(tmp_path))
    found = last_line("evidence_join", *small)
    assert found["equal"], found["differ"]
    assert found["rows"] == found["sizes"]["moments"] > 20
    assert found["sizes"]["pairs"] > 5_000
    peers = {"duckdb", "duckdb_range", "polars", "polars_in_memory", "numpy", "pandas"}
    assert found["ratio"].keys() == peers
    assert found["variants"].keys() == {"one_thread"}


def test_the_evidence_join_leaves_out_what_would_not_fit() -> None:
    named, skipped = evidence_join.chosen("all", 10_000_000)
    assert named == ["duckdb", "duckdb_range", "polars", "numpy"]
    assert skipped.keys() == {"polars_in_memory", "pandas"}
    assert evidence_join.chosen("none", 10_000_000_000) == ([], {})
    with pytest.raises(SystemExit, match="no peers are called duck; there are duckdb"):
        evidence_join.chosen("duck", 1)


@pytest.mark.parametrize("hub", [(), ("--hub",)], ids=["plain", "hub"])
def test_the_window_join_agrees_with_its_peers(hub: tuple[str, ...], tmp_path: Path) -> None:
    small = ("--events", "20000", "--entities", "60", "--folder", str(tmp_path))
    found = last_line("window_join", *small, *hub)
    assert found["equal"], found["differ"]
    assert found["rows"] > 500
    assert found["ratio"].keys() == found["cpu_ratio"].keys() == found["peers"].keys()
    assert {"duckdb_range_join", "duckdb_iejoin", "polars_join_where"} < found["peers"].keys()
    assert found["variants"].keys() == {"all_pairs", "one_thread"}
    assert found["xpass"] > 0
    assert found["extra_to_input"] >= 0
    assert ("to_plain" in found) == bool(hub)
    if not hub:
        assert found["nearest_only"]["equal"]
        assert found["nearest_only"]["ratio"].keys() == {"duckdb_asof", "polars_join_asof"}


def test_the_window_join_leaves_out_what_would_not_fit(tmp_path: Path) -> None:
    choices = ("--events", "150000", "--entities", "60", "--folder", str(tmp_path))
    found = last_line("window_join", *choices, "--peers", "duckdb_iejoin")
    assert found["peers"] == {}
    assert "80 s at 1e6" in found["skipped"]["duckdb_iejoin"]


def test_bursts_agree_with_their_peers() -> None:
    found = last_line("bursts", "--events", "300000", "--entities", "20")
    assert found["equal"], found["differ"]
    assert found["rows"] > 10


def test_change_points_are_those_of_numpy_and_where_they_were_planted() -> None:
    found = last_line("change_points", "--points", "20000", "--series", "40")
    assert found["equal"], found["differ"]
    assert found["agreement"]["ours"]["planted"] > 0.9
    assert {"numpy", "polars_rolling", "ruptures"} == found["ratio"].keys()


def test_a_process_starts_with_the_kernels_that_an_earlier_one_compiled() -> None:
    found = last_line("start")
    assert found["equal"]
    assert found["compiled"] == 0
    assert found["ratio"].keys() == found["peers"].keys() == {"python", "numba"}
    assert found["variants"].keys() == {"without_scipy"}

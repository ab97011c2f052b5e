"""The document of performance: saved runs, its tables and plot, all of made-up figures."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _cost_plot, _machine, _performance_page, _programs, _saved, document

MACHINE = {"CPU": "Abacus 3000", "cores": "2", "Python": "3.13.1"}


def cost(seconds: float) -> dict[str, float]:
    return {"seconds": seconds, "cpu_seconds": 2 * seconds, "peak_extra_mb": 10.0}


def kernel(name: str, events: int, *, hub: bool = False, peers: bool = True) -> _saved.Saved:
    """Make a run in which ours takes 10 ns an event, DuckDB 200 or 300, and Polars 500."""
    second = events / 1e9
    others = {"duckdb_slow": 300, "duckdb": 200, "polars": 500} if peers else {}
    found = {
        "benchmark": name,
        "sizes": {"events": events},
        "ours": cost(10 * second),
        "peers": {peer: cost(ns * second) for peer, ns in others.items()},
        "ratio": {peer: ns / 10 for peer, ns in others.items()},
        "cpu_ratio": {peer: ns / 10 for peer, ns in others.items()},
        "variants": {"one_thread": cost(15 * second)},
        "xpass": 5.5,
        "extra_to_input": 0.25,
        "equal": True,
        "rows": 77,
        "differ": [],
        "measured_once": ["duckdb_slow"] if peers else [],
        "skipped": {"pandas": "it takes 10 GB"},
    }
    arguments = ["--events", f"{events}", *(["--hub"] if hub else [])]
    arguments += [] if peers else ["--peers", "none"]
    return _saved.Saved(name, arguments, MACHINE, 1.5, found | ({"to_plain": 2.5} if hub else {}))


def trip() -> _saved.Saved:
    found = {
        "sizes": {"records": 500, "bytes": 3_000_000, "files": 7},
        "ours": cost(4.0),
        "peers": {"polars_parse": cost(2.0)},
        "ratio_to_parse": 2.0,
        "cpu_ratio_to_parse": 2.25,
        "peak_mb": 640.0,
        "equal": True,
    }
    return _saved.Saved("reconstruct", ["--records", "500"], MACHINE, 3.5, found)


def scale() -> _saved.Saved:
    found = {
        "engine": "ray",
        "sizes": {"records": 500},
        "seconds": {"1": {"start": 5.0, "total": 8.0}, "2": {"start": 5.5, "total": 4.0}},
        "local_seconds": {"start": 0.0, "total": 3.25},
        "speedup": {"2": 1.875},
        "identical": True,
        "killed_identical": True,
    }
    return _saved.Saved("scale", ["--records", "500"], MACHINE, 0.5, found)


def start() -> _saved.Saved:
    found = {
        "sizes": {"events": 3},
        "ours": cost(0.75),
        "variants": {"without_scipy": cost(0.625)},
        "peers": {"python": cost(0.125), "numba": cost(0.5)},
        "equal": True,
    }
    return _saved.Saved("start", [], MACHINE, 0.5, found)


def runs() -> list[_saved.Saved]:
    joins = [kernel("window_join", n) for n in (10**6, 10**5)]
    alone = kernel("window_join", 10**7, peers=False)
    return [*joins, alone, kernel("window_join", 10**6, hub=True), trip(), scale(), start()]


def saved(file: Path, *some: _saved.Saved) -> Path:
    for run in some:
        _saved.append(file, run)
    return file


def test_the_last_run_of_a_command_counts(tmp_path: Path) -> None:
    file = saved(tmp_path / "build" / "a.jsonl", kernel("order", 100_000), kernel("bursts", 9))
    again = kernel("order", 100_000)
    again.found["rows"] = 78
    saved(file, again)
    assert _saved.read([file]) == [again, kernel("bursts", 9)]


def test_runs_whose_answers_differ_are_refused(tmp_path: Path) -> None:
    run = kernel("order", 9)
    run.found.update(equal=False, differ=["duckdb"])
    with pytest.raises(ValueError, match=r"order --events 9: \['duckdb'\]"):
        _saved.read([saved(tmp_path / "a.jsonl", run)])


def test_runs_of_two_machines_are_refused(tmp_path: Path) -> None:
    other = _saved.Saved("bursts", [], MACHINE | {"cores": "4"}, 0.0, kernel("bursts", 9).found)
    with pytest.raises(ValueError, match=r"another machine .* \(another cores\)"):
        _saved.read([saved(tmp_path / "a.jsonl", kernel("order", 9), other)])


def test_a_curve_has_the_best_plan_of_each_side_at_each_size() -> None:
    plain, hub = _performance_page.kernels(runs())
    assert (plain.title, hub.title) == ("window join", "window join, hub")
    curves = _performance_page.curves(plain)
    rounded = {side: [(n, round(ns)) for n, ns in curve] for side, curve in curves.items()}
    assert rounded == {
        "ours": [(10**n, 10) for n in (5, 6, 7)],
        "DuckDB": [(10**n, 200) for n in (5, 6)],
        "Polars": [(10**n, 500) for n in (5, 6)],
    }


def test_tables_are_of_the_largest_run_with_peers() -> None:
    text = _performance_page.rendered(runs(), "make it")
    assert "| window join | 1,000,000 | 20.0x | 50.0x | 5.5 | 0.25 |" in text
    assert "| **ours** | 0.0100 | 0.0200 | 10.0 | 1 | 1 |" in text
    assert "| ours, one thread | 0.0150 | 0.0300 | 10.0 | 1.5 | 1.5 |" in text
    assert "| `duckdb_slow` (once) | 0.3000 | 0.6000 | 10.0 | 30.0 | 30.0 |" in text
    assert text.index("| `duckdb` |") < text.index("| `duckdb_slow` (once) |")
    assert "- Alone on 10,000,000 events: 0.100 s" in text


def test_the_page_tells_what_tables_do_not() -> None:
    text = _performance_page.rendered(runs(), "make it")
    for told in (
        "$ make it",
        "| CPU | Abacus 3000 |",
        "3.5 processes had wanted a core",
        "Left out: `pandas`: it takes 10 GB",
        "2.5 times what it takes without the hub",
        "takes 2.00 times as long as the parsing alone, and 2.25 times its CPU time",
        "| 2 | 5.50 | 4.00 | 1.88 |",
        "a worker was killed half-way",
        "| window join | 10.0 | 10.0 | 10.0 |",
        "**0.75 s**. An interpreter that imports numba alone takes 0.50 s, one that",
    ):
        assert told in text
    assert not re.search(r"\n\n\n|[ \t]\n", text)


def test_peers_with_answers_of_their_own_are_told() -> None:
    run = kernel("change_points", 9)
    figures = {"planted": 0.875, "excess": 0.5}
    found = run.found | {"differ": ["polars"], "agreement": {"ours": figures}}
    own = [_saved.Saved("change_points", ["--points", "9"], MACHINE, 0.0, found)]
    text = _performance_page.rendered(own, "make it")
    assert "by all methods but `polars`." in text
    assert "`ours` found 87.5% of what was planted, and 0.50 points besides" in text


def test_whole_trips_may_be_missing() -> None:
    text = _performance_page.rendered([kernel("order", 100_000)], "make it")
    assert "The whole trip" not in text
    assert "From nothing" not in text
    assert "`--ray-address`" in text


def test_the_plot_is_the_same_bytes_in_the_ink_of_the_page() -> None:
    kernels = _performance_page.kernels(runs())
    curves = {k.title: _performance_page.curves(k) for k in kernels}
    svg = _cost_plot.drawn(curves)
    assert svg == _cost_plot.drawn(curves)
    assert svg.rstrip().endswith("</svg>")
    assert "prefers-color-scheme: dark" in svg
    assert "currentColor" in svg
    assert "<dc:date>" not in svg
    for text in ("window join, hub", "ns per event", "best DuckDB plan", "best Polars plan"):
        assert f">{text}<" in svg


def test_the_plan_runs_every_benchmark_there_is() -> None:
    planned = list(document.plan(10_000_000, [*_programs.names(), "brand_new"]))
    assert {*_programs.names(), "brand_new"} <= {name for name, _ in planned}
    assert ("window_join", ["--events", "100000000", "--peers", "none"]) in planned
    assert ("order", ["--events", "100000"]) in planned
    assert ("change_points", ["--points", "10000000"]) in planned
    small = list(document.plan(200_000, []))
    assert ("order", ["--events", "200000"]) in small
    assert ("order", ["--events", "20000"]) not in small


def test_what_was_saved_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def run(name: str, arguments: list[str]) -> Any:
        made.append(_programs.spoken(name, arguments))
        return kernel(name, int(arguments[1])).found

    monkeypatch.setattr(_programs, "run", run)
    file = tmp_path / "a.jsonl"
    document.measure(1_000_000, ["order"], file, again=False)
    assert made == [f"python -m benchmarks.order --events {n}" for n in (100_000, 1_000_000)]
    document.measure(1_000_000, ["order"], file, again=False)
    assert len(made) == 2
    document.measure(1_000_000, ["order"], file, again=True)
    assert len(made) == 4
    assert [run.machine for run in _saved.read([file])] == [_machine.described()] * 2


def test_the_program_renders_what_was_saved(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.jsonl", *runs())
    page = tmp_path / "docs" / "performance.md"
    assert document.main(["--from", str(file), "--out", str(page)]) == 0
    assert "--run --events 1000000`" in page.read_text()
    assert page.with_name("performance.svg").read_text().startswith("<?xml")


def test_the_program_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert document.main(["--from", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl is not there; measure first" in capsys.readouterr().err


def test_the_machine_is_described_from_its_files(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus 3000\n")
    (tmp_path / "proc" / "meminfo").write_text("MemTotal:       16777216 kB\n")
    told = _machine.described(tmp_path)
    assert told["CPU"] == "Abacus 3000"
    assert told["memory"] == "16.0 GiB"
    assert {"cores", "Python", "numba", "polars", "duckdb"} <= told.keys()
    assert json.loads(json.dumps(told)) == told


def test_the_document_in_the_tree_is_one_that_was_made() -> None:
    text = document.PAGE.read_text()
    assert "benchmarks/performance.md.jinja" in text
    assert f"]({_performance_page.PLOT})" in text
    assert document.PAGE.with_name(_performance_page.PLOT).exists()

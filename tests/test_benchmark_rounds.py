"""What the benchmarks of single kernels share: seeded events, a graph, and turns with peers."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import _events, _graph, _rounds

COUNT = 30_000


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> _events.Events:
    return _events.at(tmp_path_factory.mktemp("events"), COUNT, 50)


def test_the_same_seed_gives_the_same_events(events: _events.Events, tmp_path: Path) -> None:
    again, other = (_events.at(tmp_path, COUNT, 50, seed=s) for s in (0, 1))
    for name, kind in _events.TYPES.items():
        assert events.columns[name].dtype == kind
        assert np.array_equal(events.columns[name], again.columns[name])
    assert not np.array_equal(events.columns["ts"], other.columns["ts"])
    assert [f.suffix for f in tmp_path.iterdir()] == [".arrow", ".arrow"]


def test_events_are_sorted_and_as_many_as_asked_for(events: _events.Events) -> None:
    key = events.columns["ts"] * _events.SOURCES + events.columns["source"]
    assert len(key) == COUNT
    assert events.size == 20 * COUNT
    assert events.table.num_rows == COUNT
    assert (np.diff(key) >= 0).all()
    shares = np.bincount(events.columns["kind"], minlength=7) / COUNT
    assert 0.005 < shares[list(_events.EFFECTS)].sum() < 0.015
    assert 0.015 < shares[list(_events.CAUSES)].sum() < 0.025


def test_slices_follow_one_another_without_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_events, "_SLICE", 7_000)
    ts = _events.at(tmp_path, COUNT, 50).columns["ts"]
    assert (np.diff(ts) >= 0).all()
    counts = np.bincount((ts - _events.FIRST) // (24 * 60_000_000))
    assert len(counts) == 5
    assert counts.min() > COUNT // 10


@pytest.mark.parametrize("hub", [False, True])
def test_reach_is_what_a_walk_finds(hub: bool) -> None:
    graph = _graph.made(40, hub=hub)
    found = _graph.within(graph, 3)
    for entity in range(40):
        far = {entity: 0}
        level = [entity]
        for hops in (1, 2, 3):
            rows = [graph.targets[graph.starts[e] : graph.starts[e + 1]].tolist() for e in level]
            level = sorted({t for row in rows for t in row} - set(far))
            far |= dict.fromkeys(level, hops)
        row = slice(found.starts[entity], found.starts[entity + 1])
        pairs = zip(found.entities[row].tolist(), found.hops[row].tolist(), strict=True)
        assert list(pairs) == list(far.items())
    assert np.array_equal(found.sources, np.repeat(range(40), np.diff(found.starts)))


def test_a_hub_is_near_to_everyone() -> None:
    plain, hub = (_graph.within(_graph.made(300, hub=h), 2) for h in (False, True))
    assert len(hub.entities) > 3 * len(plain.entities)


def test_methods_that_differ_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    rows = (np.arange(5), np.array([1, 2, 3, 4, 5], np.int32))
    wrong = (np.arange(5), np.array([1, 2, 3, 5, 4]))
    found = _rounds.compare(
        "example",
        {"rows": 5},
        ours=lambda: rows,
        peers={"same": lambda: [list(range(5)), rows[1].astype(np.int8)], "wrong": lambda: wrong},
        variants={"slowly": lambda: rows},
        skipped={"huge": "needs 1 TB"},
        scanned=rows,
        input_bytes=60,
        repeat=1,
        limit=0.0,
    )
    _rounds.report(found, as_json=True)
    assert json.loads(capsys.readouterr().out) == found
    assert found["differ"] == ["wrong"]
    assert not found["equal"]
    assert found["rows"] == 5
    assert found["ratio"].keys() == found["cpu_ratio"].keys() == {"same", "wrong"}
    assert found["variants"]["slowly"]["ratio"].keys() == {"same", "wrong"}
    assert found["measured_once"] == ["same", "wrong"]
    _rounds.report(found, as_json=False)
    assert "left out: huge: needs 1 TB" in capsys.readouterr().out

"""The whole trip: what goes in decides what comes out, and nothing else does."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import stamina

from nova_timeline import clock, collect, connector, document, normalise, store
from nova_timeline.config import Incident
from nova_timeline.connector import Batch, Gap, Partition
from nova_timeline.correlate.analysis import Evidence
from nova_timeline.engine import Choice, Engine, Local
from nova_timeline.errors import TransientError
from nova_timeline.model import Coverage
from nova_timeline.pipeline import reconstruct
from nova_timeline.timeline import Timeline
from tests import runs
from tests.closed import shut

PEOPLE = ("anna.keller", "ivan.petrov", "maya.ortiz", "noor.haddad", "priya.raman", "tomas.lindq")


def written(incident: Path, engine: Engine) -> bytes:
    """Reconstruct an incident and return its ``timeline.json``."""
    return document.dumps(reconstruct(Incident.load(incident), engine=engine).findings)


def coverage(timeline: Timeline, use: str) -> Coverage:
    [found] = [c for c in timeline.coverage if c.use == use]
    return found


@pytest.fixture(scope="module")
def small_timeline(small_run: Path) -> Timeline:
    return Timeline.open(small_run)


@pytest.fixture(scope="module")
def expected(small_run: Path) -> bytes:
    return (small_run / "timeline.json").read_bytes()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_bytes(
    small: Path, expected: bytes, workers: int
) -> None:
    assert written(small, Local(workers)) == expected


def test_any_engine_gives_the_same_bytes(small: Path, expected: bytes, engine: Engine) -> None:
    assert written(small, engine) == expected


@pytest.mark.parametrize("named", ["auto", "local", Choice(workers=1)], ids=str)
def test_an_engine_is_taken_by_its_name(named: str | Choice, small: Path, expected: bytes) -> None:
    found = reconstruct(Incident.load(small), engine=named).findings
    assert document.dumps(found) == expected


def test_sources_in_another_order_give_the_same_bytes(
    small: Path, expected: bytes, engine: Engine, tmp_path: Path
) -> None:
    folder = shutil.copytree(small.parent, tmp_path / "turned")
    uses = [s.use for s in Incident.load(small).sources]
    for order in (uses[::-1], uses[3:] + uses[:3]):
        (folder / small.name).write_text(runs.incident_text(order))
        assert written(folder / small.name, engine) == expected


def test_a_moved_folder_gives_the_same_bytes(
    small: Path, expected: bytes, engine: Engine, tmp_path: Path
) -> None:
    moved = shutil.copytree(small.parent, tmp_path / "archive" / "moved [2026]")
    assert written(moved / small.name, engine) == expected


def test_one_file_read_as_two_sources_gives_the_same_bytes_each_time(
    small: Path, engine: Engine, tmp_path: Path
) -> None:
    folder = shutil.copytree(small.parent, tmp_path / "twice")
    again = '[[source]]\nuse = "jsonl"\npath = "logs/app-1.jsonl"\nname = "{}"\n'
    texts = [f"{runs.incident_text()}\n{again.format(name)}" for name in ("aaa", "zzz")]
    for text in texts:
        (folder / small.name).write_text(text)
        first = written(folder / small.name, Local(1))
        assert all(written(folder / small.name, other) == first for other in (Local(4), engine))


def test_the_bundled_incident_is_the_same_bytes_by_any_engine(
    bundled_run: Path, engine: Engine
) -> None:
    made = written(runs.BUNDLED / "incident.toml", engine)
    assert made == (bundled_run / "timeline.json").read_bytes()


def test_points_in_many_parts_give_the_same_bytes(
    bundled_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    parts = collect.Collection.evidence

    def noted(found: collect.Collection) -> Evidence:
        evidence = parts(found)
        looked_at.append(len(evidence.series))
        return evidence

    monkeypatch.setattr(collect, "_PART", 1 << 10)
    monkeypatch.setattr(collect.Collection, "evidence", noted)
    made = written(runs.BUNDLED / "incident.toml", Local(2))
    assert made == (bundled_run / "timeline.json").read_bytes()
    assert looked_at == [8]


class Elsewhere(Local):
    """Threads that are taken for workers of other machines."""

    is_here = property(lambda _: False)  # pyright: ignore[reportIncompatibleMethodOverride]


def test_workers_that_do_not_see_the_disk_give_the_same_run(small: Path, tmp_path: Path) -> None:
    files: list[dict[str, bytes]] = []
    for engine in (Local(2), Elsewhere(2)):
        timeline = reconstruct(Incident.load(small), engine=engine, out=tmp_path / "run")
        run = timeline.save(tmp_path / "run")
        made = [p for p in run.rglob("*") if p.is_file()]
        files.append({p.relative_to(run).as_posix(): p.read_bytes() for p in made})
    assert files[0] == files[1]
    assert {name.partition("/")[0] for name in files[0] if "/" in name} == {*store.FOLDERS.values()}


def test_the_bundled_incident_is_the_same_bytes_in_another_place_order_and_process(
    bundled_run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(runs.BUNDLED, tmp_path / "elsewhere")
    head, *tables = (folder / "incident.toml").read_text().split("[[source]]")
    last, shape = tables[-1].split("[topology]")
    turned = [last, *tables[:-1][::-1]]
    text = "[[source]]".join([head, *turned]) + f"[topology]{shape}"
    (folder / "incident.toml").write_text(text)
    out = subprocess.run(
        [sys.executable, "-m", "nova_timeline", "reconstruct", folder / "incident.toml", "--json",
         "--out", tmp_path / "run", "--workers", "1"],
        env=os.environ | {"PYTHONHASHSEED": "4711", "POLARS_MAX_THREADS": "1"},
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert out == (bundled_run / "timeline.json").read_bytes()


@pytest.mark.parametrize("which", ["bundled", "small_timeline"])
def test_every_line_cites_records_that_are_there(
    which: str, request: pytest.FixtureRequest
) -> None:
    timeline: Timeline = request.getfixturevalue(which)
    evidence = timeline.findings.evidence
    assert timeline.moments
    for moment in timeline.moments:
        assert moment.evidence, moment
        assert set(moment.evidence) <= evidence.keys()
    reasons = [r for cause in timeline.root_causes for r in (*cause.reasons, *cause.behind)]
    reasons += [r for one in timeline.findings.ruled_out for r in one.reasons]
    for reason in reasons:
        assert reason.evidence, reason
        assert set(reason.evidence) <= evidence.keys()
    for key in [*evidence][::17]:
        assert timeline.evidence(key).raw


@pytest.mark.parametrize("which", ["bundled", "small_timeline"])
@pytest.mark.parametrize("name", ["event", "metric", "edge"])
def test_every_row_cites_a_record_of_the_store(
    which: str, name: str, request: pytest.FixtureRequest
) -> None:
    timeline: Timeline = request.getfixturevalue(which)
    place = ["evidence.uri", "evidence.locator", "evidence.sha256"]
    held = timeline.to_polars("evidence").select(place)
    rows = timeline.to_polars(name).select(place)
    assert rows.join(held, on=place, how="anti").is_empty()
    assert held.select(place[:2]).is_unique().all()


def test_names_within_the_timeline_lead_somewhere(bundled: Timeline) -> None:
    ids = [m.id for m in bundled.moments]
    assert len(ids) == len(set(ids))
    known = set(ids)
    named = [c.moment for m in bundled.moments for c in m.caused_by]
    named += [m for c in bundled.cascades for m in (c.root_moment, *c.moments)]
    named += [p.moment for p in bundled.phases.values()]
    named += [m for r in bundled.root_causes for m in (r.moment, *r.contributing) if m]
    assert set(named) <= known
    assert {m.cascade for m in bundled.moments} - {None} <= {c.id for c in bundled.cascades}


def test_moments_stand_in_the_order_of_time(bundled: Timeline) -> None:
    times = [m.time for m in bundled.moments]
    assert times == sorted(times)


def test_the_window_has_its_first_edge_and_not_its_last(small_timeline: Timeline) -> None:
    bodies = set(small_timeline.to_arrow("event")["body"].to_pylist())
    assert {"on the first edge", "inside the last millisecond"} <= bodies
    assert not {"one millisecond too early", "on the last edge"} & bodies
    window = small_timeline.incident.window
    times: Any = small_timeline.to_arrow("event")["timestamp"].cast(pa.int64()).drop_null()
    bounds: Any = pc.min_max(times)
    assert bounds["min"].as_py() == window.start == clock.nanoseconds(runs.START)
    assert bounds["max"].as_py() < window.end == clock.nanoseconds(runs.END)


def test_overlapping_exports_give_each_record_once(small_timeline: Timeline) -> None:
    told = coverage(small_timeline, "jsonl")
    events = small_timeline.to_polars("event")
    mine = events.filter(events["source"] == told.source)
    assert told.duplicates == runs.OVERLAP
    assert told.rows - told.duplicates == len(mine) == mine["body"].n_unique()
    outside = 2  # one before the window, one on its last edge
    assert told.read == told.rows + outside
    assert events["event_id"].is_unique().all()


def test_records_without_a_time_are_kept_counted_and_never_ordered(
    small_timeline: Timeline,
) -> None:
    told = coverage(small_timeline, "jsonl")
    events = small_timeline.to_polars("event")
    undated = events.filter(events["timestamp"].is_null())
    assert told.undated == 1
    assert "undated" in undated["body"].to_list()
    assert len(undated) == sum(c.undated for c in small_timeline.coverage)
    places = set(undated.select("evidence.uri", "evidence.locator").iter_rows())
    assert not places & {(c.uri, c.locator) for c in small_timeline.findings.evidence.values()}


@pytest.fixture
def broken_journal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Let the journal's reader fail after its first batch."""
    reader = connector.load("journald")
    whole = reader.read

    def arrange(error: Exception) -> None:
        def read(self: Any, partition: Partition, *more: Any) -> Iterator[Batch | Gap]:
            yield next(iter(whole(self, partition, *more)))
            raise error

        monkeypatch.setattr(reader, "read", read)

    return arrange


def test_a_reader_that_fails_is_told_and_the_rest_goes_on(
    small: Path, small_timeline: Timeline, broken_journal: Callable[[Exception], None]
) -> None:
    broken_journal(ZeroDivisionError("by chance"))
    timeline = reconstruct(Incident.load(small))
    told = coverage(timeline, "journald")
    [file] = told.files
    assert (told.state, file.state) == ("partial", "unavailable")
    assert "ZeroDivisionError: by chance" in file.reason
    for use in ("jsonl", "csv", "windows_event_log", "aws_cloudtrail", "changes"):
        assert coverage(timeline, use) == coverage(small_timeline, use)


def test_a_reader_that_gives_nothing_leaves_its_source_unavailable(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: Any) -> Iterator[Batch | Gap]:
        msg = "no such thing"
        raise KeyError(msg)
        yield

    monkeypatch.setattr(connector.load("journald"), "read", read)
    told = coverage(reconstruct(Incident.load(small)), "journald")
    assert (told.state, told.rows, told.seen) == ("unavailable", 0, None)


def stumbling(monkeypatch: pytest.MonkeyPatch, error: Exception, times: int) -> None:
    """Let the journal's reader fail so many times, each time after its first batch."""
    reader = connector.load("journald")
    whole = reader.read
    left = [error] * times

    def read(self: Any, partition: Partition, *more: Any) -> Iterator[Batch | Gap]:
        yield next(iter(whole(self, partition, *more)))
        if left:
            raise left.pop()
        yield from [*whole(self, partition, *more)][1:]

    monkeypatch.setattr(reader, "read", read)


@pytest.mark.parametrize(
    "error", [TransientError("throttled"), OSError(errno.ESTALE, "Stale file handle")]
)
def test_a_reader_that_fails_for_a_moment_changes_nothing(
    error: Exception, small: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumbling(monkeypatch, error, times=2)
    with stamina.set_testing(True, attempts=3):
        assert written(small, Local(1)) == expected


def test_a_reader_that_fails_at_every_attempt_is_told(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumbling(monkeypatch, TransientError("throttled"), times=100)
    with stamina.set_testing(True, attempts=3):
        told = coverage(reconstruct(Incident.load(small)), "journald")
    assert (told.state, told.files[0].reason) == ("partial", "throttled")


def deny(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let files of that name be opened by nobody; root may read any file, so modes do not do."""
    opened: Any = Path.open

    def refuse(self: Path, *how: Any, **more: Any) -> Any:
        if self.name == name:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *how, **more)

    monkeypatch.setattr(Path, "open", refuse)


@pytest.mark.parametrize("use", ["jsonl", "aws_cloudtrail", "journald", "windows_event_log", "csv"])
def test_a_file_that_may_not_be_read_is_denied(
    use: str, small: Path, small_timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = Incident.load(small)
    [source] = [s for s in incident.sources if s.use == use]
    *_, (uri, path) = connector.load(use)().files(incident.base, source.path).found
    deny(monkeypatch, path.name)
    timeline = reconstruct(incident)
    told = coverage(timeline, use)
    [file] = [f for f in told.files if f.uri == uri]
    assert file.state == "denied"
    assert told.state == ("partial" if use == "jsonl" else "denied")
    others = [c for c in timeline.coverage if c.use != use]
    assert others == [c for c in small_timeline.coverage if c.use != use]


def test_a_folder_that_may_not_be_looked_into_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open", "shut"):
        (tmp_path / "logs" / name).mkdir(parents=True)
    line = '{"timestamp": "2026-03-03T13:40:00Z", "message": "hello", "service": "shop"}\n'
    (tmp_path / "logs/open/app.jsonl").write_text(line)
    given = {
        "incident": {
            "id": "INC-1",
            "title": "t",
            "start": "2026-03-03T13:30:00Z",
            "end": "2026-03-03T15:00:00Z",
        },
        "source": [{"use": "jsonl", "path": "logs"}],
    }
    shut(monkeypatch, "shut")
    told = coverage(reconstruct(Incident.parse(given, tmp_path)), "jsonl")
    assert (told.state, told.reason) == ("partial", "not allowed to look into logs/shut")
    assert [(f.uri, f.state) for f in told.files] == [("logs/shut", "denied")]
    given["source"] = [{"use": "jsonl", "path": "logs/shut"}]
    told = coverage(reconstruct(Incident.parse(given, tmp_path)), "jsonl")
    assert (told.state, told.rows) == ("denied", 0)


def test_people_are_pseudonyms_everywhere(bundled_run: Path, small_run: Path) -> None:
    for run, names in ((bundled_run, PEOPLE), (small_run, (runs.PERSON, "wilma.quist"))):
        for name in ("timeline.json", "report.html", "postmortem.md"):
            text = (run / name).read_text().casefold()
            assert not [n for n in names if n in text], f"{name} of {run}"


def test_a_person_has_one_pseudonym(small_timeline: Timeline) -> None:
    known: list[Any] = small_timeline.to_arrow("event")["actor"].drop_null().to_pylist()
    assert normalise.pseudonym(runs.PERSON) in known
    assert all(name.startswith("actor-") for name in known)


def test_what_the_run_was_made_of_is_told(small: Path, small_timeline: Timeline) -> None:
    inputs = small_timeline.about["inputs"]
    assert sorted(i["uri"] for i in inputs) == sorted(runs.FILES)
    assert small_timeline.about["base"] == str(small.parent.resolve())
    assert json.dumps(small_timeline.about)


def test_a_source_without_records_in_the_window_says_so(small: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(small.parent, tmp_path / "later")
    text = runs.incident_text(["aws_cloudtrail", "journald"]).replace("2026", "2027")
    (folder / small.name).write_text(text)
    timeline = reconstruct(Incident.load(folder / small.name))
    assert timeline.verdict == "no incident found"
    for told in timeline.coverage:
        assert (told.state, told.rows, told.seen) == ("complete", 0, None)
        assert "no record lies inside the window" in told.reason

"""A folder of incidents: which are found, what is kept, what fails, and what is told of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import shifted
from nova_timeline import batch, store
from nova_timeline.cli import DONE, FAILED, NOT_WHOLE, WRONG, main
from nova_timeline.document import loads
from nova_timeline.engine import Choice
from nova_timeline.errors import IncidentFileError
from tests import engines, runs

Printed = pytest.CaptureFixture[str]
QUICK = ("jsonl", "changes")
"""Sources of the small incident that are read in no time."""


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of two incident files that share their sources, and a third in its own."""
    place = tmp_path / "incidents"
    runs.write(place, QUICK)
    text = (place / "incident.toml").read_text()
    (place / "incident.toml").unlink()
    for name in ("a", "b"):
        (place / f"{name}.toml").write_text(text.replace("INC-7", f"INC-7{name}"))
    runs.write(place / "c", QUICK)
    return place


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[dict[str, object]]]:
    """Give a folder of incidents, their runs, and what was told when they were made."""
    place = tmp_path_factory.mktemp("batch")
    incidents = runs.write(place / "incidents" / "one", QUICK).parents[1]
    shutil.copytree(incidents / "one", incidents / "two")
    done = subprocess.run(
        [sys.executable, "-m", "nova_timeline", "batch", incidents, "--out", place / "runs",
         "--json", "--workers", "2"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return incidents, place / "runs", json.loads(done.stdout)


@pytest.fixture
def own(made: tuple[Path, Path, object], tmp_path: Path) -> tuple[Path, Path]:
    """Give a copy of the incidents and their runs, to be changed."""
    incidents = shutil.copytree(made[0], tmp_path / "incidents")
    return incidents, shutil.copytree(made[1], tmp_path / "runs")


def states(incidents: Path, out: Path) -> dict[str, str]:
    """Do the batch in this process and return the state of each run."""
    tasks = batch.incident_files(incidents)
    found = (batch.one(batch.Task(path, out / name)) for name, path in tasks.items())
    return {Path(o.run).name: o.state for o in found}


def test_every_incident_file_is_found_and_nothing_else(folder: Path) -> None:
    (folder / "d.json").write_text(json.dumps({"incident": {"id": "INC-8"}}))
    (folder / "export.json").write_text('{"Records": []}\n{"Records": []}')
    (folder / "broken.toml").write_text("[incident")
    (folder / "empty").mkdir()
    found = batch.incident_files(folder)
    assert found == {
        "a": folder / "a.toml",
        "b": folder / "b.toml",
        "c": folder / "c" / "incident.toml",
        "d": folder / "d.json",
        "broken": folder / "broken.toml",
    }


def test_two_incidents_of_one_name_are_refused(folder: Path) -> None:
    (folder / "c.json").write_text('{"incident": {}}')
    with pytest.raises(IncidentFileError, match=r"c\.json and c/incident\.toml .*rename one"):
        batch.incident_files(folder)


def test_a_folder_without_incidents_is_refused(tmp_path: Path, capsys: Printed) -> None:
    assert run("batch", tmp_path, "--out", tmp_path / "runs") == WRONG
    assert "holds no incident file" in capsys.readouterr().err
    assert run("batch", tmp_path / "none", "--out", tmp_path / "runs") == WRONG
    assert "is no folder" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_what_was_made_is_told_and_holds(
    made: tuple[Path, Path, list[dict[str, object]]], capsys: Printed
) -> None:
    _, out, told = made
    assert [Path(str(o["run"])).name for o in told] == ["one", "two"]
    assert sorted(p.name for p in out.iterdir()) == ["one", "two"]
    for outcome in told:
        findings = loads((Path(str(outcome["run"])) / "timeline.json").read_bytes())
        assert (outcome["state"], outcome["id"]) == ("done", "INC-7")
        assert outcome["verdict"] == findings.verdict
    assert run("verify", out / "one") == DONE
    capsys.readouterr()


def test_a_run_of_the_same_evidence_is_kept(own: tuple[Path, Path]) -> None:
    before = {p: p.stat().st_mtime_ns for p in own[1].rglob("*")}
    assert states(*own) == {"one": "kept", "two": "kept"}
    assert {p: p.stat().st_mtime_ns for p in own[1].rglob("*")} == before


@pytest.mark.parametrize(
    "change",
    ["incident", "topology", "source", "new source", "output", "no manifest", "manifest", "gone"],
)
def test_a_run_of_other_evidence_or_half_a_run_is_made_anew(
    change: str, own: tuple[Path, Path]
) -> None:
    incident, made = own[0] / "one", own[1] / "one"
    match change:
        case "incident" | "topology":
            with (incident / f"{change}.toml").open("a") as file:
                file.write("\n# looked at again\n")
        case "source":
            log = incident / runs.LOGS[0]
            log.write_text(log.read_text().replace("charge 3 made", "charge 3 lost"))
        case "new source":
            shutil.copy(incident / runs.LOGS[0], incident / "logs" / "app-3.jsonl")
        case "output":
            (made / "report.html").unlink()
        case "no manifest":
            (made / store.MANIFEST).unlink()
        case "manifest":
            (made / store.MANIFEST).write_text("{")
        case _:
            shutil.rmtree(made)
    assert states(*own) == {"one": "done", "two": "kept"}
    assert states(*own) == {"one": "kept", "two": "kept"}


def test_what_an_ended_program_left_is_taken_away(own: tuple[Path, Path]) -> None:
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    dead, alive = (own[1] / f".one.{pid}.part" for pid in (ended.pid, os.getppid()))
    for place in (dead, alive):
        place.mkdir()
    shutil.rmtree(own[1] / "one")
    assert states(*own) == {"one": "done", "two": "kept"}
    assert not dead.exists()
    assert alive.exists()


def test_what_is_no_run_is_not_touched(own: tuple[Path, Path]) -> None:
    (own[1] / "one" / store.MANIFEST).unlink()
    (own[1] / "one" / "thesis.tex").write_text("It was")
    [failed] = [
        batch.one(batch.Task(own[0] / "one" / "incident.toml", own[1] / "one")),
    ]
    assert failed.state == "failed"
    assert "exists and is not a run" in failed.error
    assert (own[1] / "one" / "thesis.tex").exists()


def test_one_that_fails_takes_no_other_along(folder: Path, tmp_path: Path, capsys: Printed) -> None:
    (folder / "b.toml").write_text("[incident]\nid = 7\n")
    (folder / "c" / "logs" / "app-1.jsonl").write_text("no JSON\n")
    assert run("batch", folder, "--out", tmp_path / "runs", "--workers", 2) == FAILED
    printed, said = capsys.readouterr()
    assert "b.toml failed: b.toml: [incident]: 'start' is missing" in said
    rows = {line.split()[0]: line for line in printed.splitlines()[1:]}
    assert rows.keys() == {"INC-7a", "b.toml", "INC-7"}
    assert "failed" in rows["b.toml"]
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["a", "c"]
    (folder / "b.toml").unlink()
    assert run("batch", folder, "--out", tmp_path / "runs") == DONE
    assert run("batch", folder, "--out", tmp_path / "runs", "--strict") == NOT_WHOLE
    assert capsys.readouterr().out.count("kept") == 4


@pytest.mark.parametrize(
    "engine", ["local", pytest.param("ray", marks=[*engines.on_ray, pytest.mark.slow])]
)
def test_shifted_incidents_give_the_same_answer(engine: str, tmp_path: Path) -> None:
    incidents = shifted.copies(2, tmp_path / "incidents", journals=False)
    done = subprocess.run(
        [sys.executable, "-m", "nova_timeline", "batch", incidents[0].parents[1], "--json",
         "--out", tmp_path / "runs", "--engine", engine, "--workers", "2"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, second = json.loads(done.stdout)
    assert (first["id"], second["id"]) == ("INC-2041-00", "INC-2041-01")
    assert "pgbouncer.max_client_conn" in first["root_cause"]
    assert first["root_cause"] == second["root_cause"]
    assert (first["onset"], second["onset"]) == (
        "2026-03-03 14:11:40.118",
        "2026-03-04 15:11:40.118",
    )


def test_stopping_keeps_what_is_done_and_leaves_nothing_else(tmp_path: Path) -> None:
    incidents = runs.write(tmp_path / "incidents" / "one", QUICK).parents[1]
    for n in range(30):
        shutil.copytree(incidents / "one", incidents / f"more-{n:02}")
    mark, out = f"batch-{os.getpid()}", tmp_path / "runs"
    program = subprocess.Popen(
        [sys.executable, "-m", "nova_timeline", "batch", incidents, "--out", out],
        env=engines.environment(mark, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(out.glob("[!.]*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(program.pid, signal.SIGINT)
    printed, said = program.communicate(timeout=60)
    assert (program.returncode, printed) == (130, "")
    assert said == "nova-timeline: stopped; the same command goes on from what is done\n"
    assert engines.marked(mark) == []
    left = sorted(p.name for p in out.iterdir())
    assert left
    assert all((out / name / store.MANIFEST).is_file() for name in left)


def test_an_incident_that_kills_its_worker_is_told(
    made: tuple[Path, Path, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "")
    incidents = shutil.copytree(made[0], tmp_path / "incidents")
    monkeypatch.setattr(batch, "one", lethal)
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    found = batch.run(incidents, tmp_path / "runs", Choice("local", workers=1), tell)
    assert [o.state for o in found] == ["failed", "done"]
    assert "while it was at one task" in found[0].error
    assert told[-1] == (2, 2)


def lethal(task: batch.Task) -> batch.Outcome:
    """Kill the worker that has the first incident."""
    if task.run.name == "one":
        os.kill(os.getpid(), signal.SIGKILL)
    return batch.Outcome(task.incident.name, str(task.run), "done", 0.0)

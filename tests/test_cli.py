"""The command line: what each command prints, and with which exit code it ends."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nova_timeline import config, connector, report, sql
from nova_timeline.cli import DONE, FAILED, NOT_WHOLE, WRONG, main
from nova_timeline.timeline import Timeline
from tests import runs
from tests.commands import Printed, gives, run

COMMANDS = (
    "reconstruct",
    "batch",
    "verify",
    "explain",
    "report",
    "draft",
    "connectors",
    "sql",
    "demo",
)
Raw = pytest.CaptureFixture[bytes]

pytestmark = pytest.mark.usefixtures("stands_in")


def ended(*arguments: str) -> int:
    """Run a command that argparse ends, and return its exit code."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert isinstance(stop.value.code, int)
    return stop.value.code


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``$NOVA`` is the program; the exit code is the program's own."""
    given = os.environ | {"NOVA": f"{sys.executable} -m nova_timeline"} | environment
    text = f"{line}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(
        ["/bin/bash", "-c", text], env=given, capture_output=True, text=True, check=False
    )


# The happy path of every command.


def test_reconstruct_writes_a_run_and_prints_what_it_found(small: Path, capsys: Printed) -> None:
    assert run("reconstruct", small, "--out", "made") == DONE
    printed, said = capsys.readouterr()
    assert "INC-7 Charges fail" in printed
    assert "made/report.html" in printed
    assert said == ""
    assert run("verify", "made") == DONE
    assert [p.name for p in Path().iterdir()] == ["made"]


def test_reconstruct_prints_timeline_json(small: Path, small_run: Path, capfdbinary: Raw) -> None:
    assert run("reconstruct", small, "--out", "made", "--json", "--workers", 2) == DONE
    made = Path("made/timeline.json").read_bytes()
    assert capfdbinary.readouterr().out == made == (small_run / "timeline.json").read_bytes()


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
def test_reconstruct_on_ray_prints_the_same_timeline_json(small: Path, small_run: Path) -> None:
    done = shell(f"$NOVA reconstruct {small} --out made --json --engine ray --workers 2")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert done.stdout.encode() == (small_run / "timeline.json").read_bytes()
    assert run("verify", "made") == DONE


def test_demo_reconstructs_the_bundled_incident(
    bundled: Timeline, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    gives(monkeypatch, bundled)
    assert run("demo") == DONE
    printed = capsys.readouterr().out
    assert "INC-2041 Checkout returns 502s" in printed
    assert "Root cause" in printed
    assert "aws_cloudtrail:aws/cloudtrail is partial" in printed
    assert Path("demo-run/report.html").is_file()


def test_strict_ends_with_1_when_a_source_is_not_complete(
    bundled: Timeline, small: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(small.parent, Path("copy"))
    (folder / small.name).write_text(runs.incident_text(["aws_cloudtrail", "journald"]))
    assert run("reconstruct", folder / small.name, "--out", "whole", "--strict") == DONE
    gives(monkeypatch, bundled)
    assert run("demo", "--strict") == NOT_WHOLE
    assert run("demo") == DONE
    capsys.readouterr()


def test_verify_says_what_was_held_against_what(bundled_run: Path, capsys: Printed) -> None:
    assert run("verify", bundled_run) == DONE
    printed, said = capsys.readouterr()
    assert printed.startswith("everything holds: ")
    assert "46 source files" in printed
    assert said == ""


def test_verify_names_what_does_not_hold(own_run: Path, capsys: Printed) -> None:
    with (own_run / "report.html").open("a") as file:
        file.write(" ")
    (own_run.parent / "incident" / "app.csv").unlink()
    assert run("verify", own_run) == NOT_WHOLE
    printed, said = capsys.readouterr()
    assert "does not hold: report.html: not the bytes that were written" in printed
    assert "1 thing does not hold: " in printed
    assert "note: app.csv: no longer there" in said
    assert run("verify", own_run, "--json") == NOT_WHOLE
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] is False
    assert told["failures"] == ["report.html: not the bytes that were written"]


def test_explain_shows_a_cause_and_a_moment_with_their_raw_records(
    bundled: Timeline, bundled_run: Path, capsys: Printed
) -> None:
    assert run("explain", bundled_run, "cause:1") == DONE
    printed = capsys.readouterr().out
    assert "pgbouncer.max_client_conn" in printed
    assert "sha256" in printed
    moment = next(m for m in bundled.moments if m.caused_by)
    assert run("explain", bundled_run, moment.id) == DONE
    printed = capsys.readouterr().out
    assert moment.id in printed
    assert "Caused by" in printed


def test_explain_tells_what_was_logged_around_a_moment(
    small_run: Path, own_run: Path, capsys: Printed
) -> None:
    burst = next(m for m in Timeline.open(small_run).moments if m.entity == "payments")
    assert run("explain", small_run, burst.id) == DONE
    printed = capsys.readouterr().out
    assert "What payments logged around it" in printed
    assert "charge <*> made" in printed
    assert "logs/app-1.jsonl at bytes=" in printed
    (own_run / "events" / "part-0.parquet").write_bytes(b"PAR1")
    assert run("explain", own_run, burst.id) == DONE
    told = "".join(capsys.readouterr().out.split())  # a long path may break the line anywhere
    assert "cannotberead:itsbytesarenotthosethatwerewritten" in told


def test_report_prints_where_it_is(small_run: Path, capsys: Printed) -> None:
    assert run("report", small_run) == DONE
    assert capsys.readouterr().out == f"{small_run / 'report.html'}\n"


@pytest.mark.parametrize("damage", [b"<p>edited</p>", b"\xff\xfe", None])
def test_report_is_drawn_anew_beside_a_run_whose_own_is_not_it(
    damage: bytes | None, own_run: Path, capsys: Printed
) -> None:
    page = own_run / "report.html"
    whole = page.read_bytes()
    page.unlink()
    if damage is not None:
        page.write_bytes(damage)
    assert run("report", own_run) == DONE
    made = own_run.parent / "run-report.html"
    assert capsys.readouterr().out == f"{made}\n"
    assert made.read_bytes() == whole
    assert page.exists() is (damage is not None)


def test_draft_prints_the_postmortem(bundled_run: Path, capfdbinary: Raw) -> None:
    assert run("draft", bundled_run) == DONE
    assert capfdbinary.readouterr().out == (bundled_run / "postmortem.md").read_bytes()


def test_connectors_lists_every_one(capsys: Printed) -> None:
    assert run("connectors") == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == connector.available()
    for name in connector.available():
        assert run("connectors", name) == DONE
        printed = capsys.readouterr().out
        assert connector.load(name).summary in printed
        assert all(option in printed for option in connector.load(name).options)


def test_version_is_printed(capsys: Printed) -> None:
    assert ended("--version") == DONE
    assert capsys.readouterr().out.startswith("nova-timeline 0.")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_ends_in_an_example(command: str, capsys: Printed) -> None:
    assert ended(command, "--help") == DONE
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith(f"example: nova-timeline {command}")


def test_the_incident_file_in_the_help_is_one(tmp_path: Path, capsys: Printed) -> None:
    assert ended("reconstruct", "--help") == DONE
    shown = capsys.readouterr().out.split("relative to it:\n")[1].split("example:")[0]
    (tmp_path / "incident.toml").write_text(textwrap.dedent(shown))
    (tmp_path / "hosts/web-1/journal").mkdir(parents=True)
    (tmp_path / "hosts/web-1/journal/system.journal").touch()
    incident = config.Incident.load(tmp_path / "incident.toml")
    assert [source.use for source in incident.sources] == ["journald"]


def test_the_help_of_sql_names_the_tables(capsys: Printed) -> None:
    assert ended("sql", "--help") == DONE
    assert f"tables: {', '.join(sql.TABLES)}\n" in capsys.readouterr().out


def test_a_connector_without_options_says_so(capsys: Printed) -> None:
    assert run("connectors", "journald") == DONE
    assert "path, name and entity, as every source, and no others" in capsys.readouterr().out


def test_help_names_every_command(capsys: Printed) -> None:
    assert ended("--help") == DONE
    printed = capsys.readouterr().out
    assert all(command in printed for command in COMMANDS)
    assert printed.strip().splitlines()[-1].startswith("example: nova-timeline ")


# Mistakes: exit code 2, one line, nothing written.


@pytest.mark.parametrize("command", ["verify", "explain", "report", "draft", "sql"])
def test_a_folder_that_is_no_run_is_refused(command: str, capsys: Printed) -> None:
    more = {"explain": ["cause:1"], "sql": ["select 1"]}.get(command, [])
    Path("thesis").mkdir()
    for folder in ("thesis", "nowhere"):
        assert run(command, folder, *more) == WRONG
        said = capsys.readouterr().err
        assert f"{folder} is not a run: it has no manifest.json; make one with" in said


def test_an_unknown_moment_is_answered_with_the_nearest(
    bundled: Timeline, bundled_run: Path, capsys: Printed
) -> None:
    known = bundled.moments[3].id
    assert run("explain", bundled_run, known[:-1]) == WRONG
    assert f"did you mean '{known}'?" in capsys.readouterr().err
    assert run("explain", bundled_run, "cause:9") == WRONG
    assert "no root cause is called 'cause:9'" in capsys.readouterr().err
    assert run("explain", bundled_run, "\x1b[2J") == WRONG
    assert "\x1b" not in capsys.readouterr().err


def test_an_unknown_connector_is_answered_with_the_nearest(capsys: Printed) -> None:
    assert run("connectors", "jurnald") == WRONG
    assert "did you mean 'journald'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["reconstruct"], ["reconstruct", "x.toml"], ["rebuild"], ["verify"],
     ["demo", "--workers", "0"], ["demo", "--workers", "many"], ["demo", "--engine", "abacus"]],
)  # fmt: skip
def test_a_command_that_cannot_be_is_refused(arguments: list[str], capsys: Printed) -> None:
    assert ended(*arguments) == WRONG
    assert "usage: nova-timeline" in capsys.readouterr().err
    assert [*Path().iterdir()] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('use = "jsonl"', 'use = "jsonk"', "did you mean 'jsonl'?"),
        ("start =", "begin =", "unknown key 'begin'"),
        ('path = "app.csv"', 'path = "ap.csv"', "did you mean 'app.csv'?"),
        ("[incident]", "[incident", "not TOML"),
        ("2026-03-03T15", "2026-03-03T12", "is not after 'start'"),
        ("topology.toml", "topologie.toml", "topologie.toml"),
    ],
)
def test_a_mistake_in_the_incident_file_is_told_and_nothing_is_written(
    old: str, new: str, said: str, small: Path, capsys: Printed
) -> None:
    folder = shutil.copytree(small.parent, Path("copy"))
    text = (folder / small.name).read_text()
    assert old in text
    (folder / small.name).write_text(text.replace(old, new, 1))
    assert run("reconstruct", folder / small.name, "--out", "made") == WRONG
    assert said in capsys.readouterr().err
    assert [p.name for p in Path().iterdir()] == ["copy"]


def test_an_incident_file_that_is_not_there_is_told(capsys: Printed) -> None:
    assert run("reconstruct", "none.toml", "--out", "made") == WRONG
    assert "none.toml: cannot be read: No such file" in capsys.readouterr().err


def test_something_else_in_the_place_of_the_run_is_refused_before_any_work(
    small: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("nova_timeline.pipeline.reconstruct")
    Path("thesis").mkdir()
    Path("thesis/chapter-1.tex").write_text("It was")
    for place in ("thesis", "thesis/chapter-1.tex"):
        assert run("reconstruct", small, "--out", place) == WRONG
        assert f"{place} exists and is not a run; name another" in capsys.readouterr().err
    assert [p.name for p in Path("thesis").iterdir()] == ["chapter-1.tex"]
    assert Path("thesis/chapter-1.tex").read_text() == "It was"


# Failures: exit code 3, nothing left behind.


@pytest.mark.parametrize(
    "error", [RuntimeError("no ink"), OSError(28, "No space left on device"), MemoryError()]
)
def test_a_run_that_fails_half_way_leaves_nothing(
    error: Exception, small: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(report, "render", fail)
    assert run("reconstruct", small, "--out", "made") == FAILED
    assert "nova-timeline: the run failed" in capsys.readouterr().err
    assert [*Path().iterdir()] == []


def test_a_run_that_is_stopped_leaves_nothing(
    small: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "render", stop)
    assert run("reconstruct", small, "--out", "made") == 130
    assert "stopped; nothing was written" in capsys.readouterr().err
    assert [*Path().iterdir()] == []


def test_a_place_that_cannot_be_written_fails(small: Path, capsys: Printed) -> None:
    Path("file").write_text("x")
    assert run("reconstruct", small, "--out", "file/made") == FAILED
    assert "file cannot be written: Not a directory" in capsys.readouterr().err


# In a shell.


@pytest.mark.parametrize(
    "line",
    [
        "$NOVA draft $RUN | head -1",
        "$NOVA explain $RUN cause:1 | head -1",
        "$NOVA sql $RUN 'select * from events' --json | head -1",
        "$NOVA connectors | head -1",
        "$NOVA draft $RUN | true",
    ],
)
def test_a_reader_that_has_had_enough_is_no_failure(line: str, bundled_run: Path) -> None:
    done = shell(line, RUN=str(bundled_run))
    assert (done.returncode, done.stderr) == (DONE, "")


def test_a_terminal_that_knows_only_ascii_is_no_failure(bundled_run: Path) -> None:
    line = "$NOVA explain $RUN cause:1; $NOVA draft $RUN; $NOVA sql $RUN 'select 1'"
    done = shell(line, RUN=str(bundled_run), PYTHONIOENCODING="ascii")
    assert done.returncode == DONE
    assert done.stderr == "1 row\n"


def test_the_program_runs_as_a_module_and_as_a_command(small: Path) -> None:
    done = shell(f"$NOVA reconstruct {small} --out made --strict")
    assert (done.returncode, done.stderr) == (NOT_WHOLE, "")
    assert "INC-7" in done.stdout
    assert Path("made/manifest.json").is_file()
    command = Path(sys.executable).with_name("nova-timeline")
    if command.exists():
        assert shell(f"{command} verify made").returncode == DONE

"""Two saved runs that tests share: the bundled incident, and a small one of six formats.

The small one is written here, so that a test can plant what it looks for: records on both edges of
the window, one without a time, two exports that overlap, and a person's name.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nova_timeline import store
from nova_timeline.config import Incident
from nova_timeline.pipeline import reconstruct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nova_timeline.timeline import Timeline

FIXTURES = Path(__file__).parents[1] / "fixtures"
BUNDLED = FIXTURES / "checkout-outage"
QUIET = FIXTURES / "quiet-night"

PERSON = "wilma.quist@example.com"
START = datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
END = START + timedelta(hours=2)
OVERLAP = 20
"""Records that both exports of the application's log hold."""
LOGS = ("logs/app-1.jsonl", "logs/app-2.jsonl")
COPIED = {
    "cloudtrail.json.gz": "aws_cloudtrail/sample-delivered.json.gz",
    "app.csv": "csv/sample-app.csv",
    "system.evtx": "windows_event_log/sample.evtx",
    "system.journal": "journald/sample.journal",
}
"""File of the small incident -> the committed sample it is."""
FILES = (*LOGS, *COPIED, "deploys.json")

_SOURCES = {
    "jsonl": "logs/*.jsonl",
    "aws_cloudtrail": "cloudtrail.json.gz",
    "csv": "app.csv",
    "windows_event_log": "system.evtx",
    "journald": "system.journal",
    "changes": "deploys.json",
}
_TOPOLOGY = """
[[entity]]
name = "checkout"

[[entity]]
name = "payments"

[[edge]]
caller = "checkout"
callee = "payments"
"""


@pytest.fixture(scope="session")
def bundled() -> Timeline:
    """Give the bundled incident, reconstructed."""
    return reconstruct(Incident.load(BUNDLED / "incident.toml"))


@pytest.fixture(scope="session")
def quiet() -> Timeline:
    """Give the night on which nothing happened, reconstructed."""
    return reconstruct(Incident.load(QUIET / "incident.toml"))


@pytest.fixture(scope="session")
def bundled_run(bundled: Timeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the run folder of the bundled incident; not to be written to."""
    return bundled.save(tmp_path_factory.mktemp("bundled") / "run")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the incident file of the small incident; not to be written to."""
    return write(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def small_run(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the run folder of the small incident; not to be written to."""
    timeline = reconstruct(Incident.load(small))
    return timeline.save(tmp_path_factory.mktemp("small-run") / "run")


@pytest.fixture
def own_run(small: Path, small_run: Path, tmp_path: Path) -> Path:
    """Give a copy of the small incident's run, with its sources beside it, to be damaged."""
    run = shutil.copytree(small_run, tmp_path / "run")
    reseal(run, base=str(shutil.copytree(small.parent, tmp_path / "incident")))
    return run


def reseal(run: Path, **changed: Any) -> None:
    """Write a run's manifest anew over whatever it now holds, with parts of it changed."""
    own = ("format", "outputs", "seal")
    kept = {key: value for key, value in store.manifest(run).items() if key not in own}
    (run / store.MANIFEST).unlink()
    store.seal(run, kept | changed, {})


def write(folder: Path, sources: Iterable[str] = tuple(_SOURCES)) -> Path:
    """Write the small incident into a folder, with its sources in the order given."""
    (folder / "logs").mkdir(parents=True)
    lines = [json.dumps(record) + "\n" for record in _records()]
    middle = len(lines) // 2
    (folder / LOGS[0]).write_text("".join(lines[: middle + OVERLAP]))
    (folder / LOGS[1]).write_text("".join(lines[middle:]))
    for name, sample in COPIED.items():
        shutil.copyfile(FIXTURES / sample, folder / name)
    (folder / "deploys.json").write_text(json.dumps(_deploys(), indent=1))
    (folder / "topology.toml").write_text(_TOPOLOGY)
    (folder / "incident.toml").write_text(incident_text(sources))
    return folder / "incident.toml"


def incident_text(sources: Iterable[str] = tuple(_SOURCES)) -> str:
    """Return the incident file of the small incident."""
    head = ['id = "INC-7"', 'title = "Charges fail"', f"start = {START.isoformat()}"]
    tables = [f'[[source]]\nuse = "{use}"\npath = "{_SOURCES[use]}"\n' for use in sources]
    shape = '[topology]\npath = "topology.toml"\n'
    return "\n".join(["[incident]", *head, f"end = {END.isoformat()}\n", *tables, shape])


def _records() -> list[dict[str, Any]]:
    """Return what checkout and payments logged: well, then failing for ten minutes, then well."""
    found: list[dict[str, Any]] = []

    def say(seconds: float, service: str, level: str, message: str) -> None:
        time = (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        found.append({"time": time, "service": service, "level": level, "message": message})

    say(-0.001, "checkout", "INFO", "one millisecond too early")
    say(0, "checkout", "INFO", "on the first edge")
    for n in range(120):
        say(30 * n + 1, "payments", "INFO", f"charge {n} made")
        failing = 60 <= n < 80
        level, told = ("ERROR", "connection refused") if failing else ("INFO", "charged")
        if failing:
            say(30 * n + 1.5, "payments", "ERROR", f"charge {n} failed: connection refused")
        say(30 * n + 2, "checkout", level, f"order {n}: {told}")
    found.append({"time": "soon", "service": "checkout", "level": "INFO", "message": "undated"})
    say(7199.999, "checkout", "INFO", "inside the last millisecond")
    say(7200, "checkout", "INFO", "on the last edge")
    return found


def _deploys() -> list[dict[str, Any]]:
    began, ended = (START + timedelta(seconds=s) for s in (1795, 2405))
    return [
        {"id": "d-1", "timestamp": began.isoformat(), "service": "payments", "version": "2.0",
         "commit_sha": "5642d6b17f39cc430c2a48ca705cbab33002d03b", "deployed_by": PERSON},
        {"id": "d-2", "timestamp": ended.isoformat(), "service": "payments", "version": "1.9",
         "commit_sha": "b3318c4dc309a1f0aa2be02b4dc1dc1a5b3dd0f1", "deployed_by": PERSON},
    ]  # fmt: skip

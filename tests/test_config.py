"""The incident file: what is right is read, and each mistake is one clear line."""

import json
from pathlib import Path

import pytest

from nova_timeline import clock
from nova_timeline.config import Incident
from nova_timeline.errors import IncidentFileError

GOOD = """
[incident]
id = "INC-1"
title = "Checkout returns 502s"
start = 2026-03-03T13:30:00Z
end = 2026-03-03T15:10:00+00:00

[[source]]
use = "jsonl"
path = "app.jsonl"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.jsonl").write_text('{"timestamp": "2026-03-03T14:00:00Z", "message": "x"}\n')
    return tmp_path


def load(folder: Path, text: str) -> Incident:
    (folder / "incident.toml").write_text(text)
    return Incident.load(folder / "incident.toml")


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(IncidentFileError) as caught:
        load(folder, text)
    return str(caught.value).splitlines()


def test_a_right_file_is_read(folder: Path) -> None:
    incident = load(folder, GOOD)
    assert incident.id == "INC-1"
    assert clock.rfc3339(incident.window.start, 10**9) == "2026-03-03T13:30:00Z"
    assert [s.name for s in incident.sources] == ["jsonl:app.jsonl"]


def test_json_says_the_same_as_toml(folder: Path) -> None:
    same = {
        "incident": {
            "id": "INC-1",
            "title": "Checkout returns 502s",
            "start": "2026-03-03T14:30:00+01:00",
            "end": "2026-03-03T15:10:00Z",
        },
        "source": [{"use": "jsonl", "path": "app.jsonl"}],
    }
    (folder / "incident.json").write_text(json.dumps(same))
    assert Incident.load(folder / "incident.json") == load(folder, GOOD)


def test_what_is_usual_ends_inside_the_window(folder: Path) -> None:
    assert load(folder, GOOD).usual_until is None
    end = "end = 2026-03-03T15:10:00+00:00"
    text = GOOD.replace(end, f"{end}\nusual_until = 2026-03-03T14:00:00Z")
    found = load(folder, text)
    assert found.usual_until == found.window.start + 30 * 60 * 1_000_000_000
    [told] = mistakes(folder, text.replace("T14:00:00Z", "T16:00:00Z"))
    assert told.endswith("'usual_until' must lie inside the window, before its end")


def test_a_window_may_be_given_around_a_time(folder: Path) -> None:
    text = GOOD.replace("start = 2026-03-03T13:30:00Z", "around = 2026-03-03T14:00:00Z")
    text = text.replace("end = 2026-03-03T15:10:00+00:00", 'before = "30m"\nafter = "1h"')
    window = load(folder, text).window
    assert clock.rfc3339(window.start, 10**9) == "2026-03-03T13:30:00Z"
    assert clock.rfc3339(window.end, 10**9) == "2026-03-03T15:00:00Z"


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('use = "jsonl"', 'use = "jsnl"', "no connector is called 'jsnl'; did you mean 'jsonl'?"),
        ('path = "app.jsonl"', 'path = "ap.jsonl"', "there is no file 'ap.jsonl'"),
        ('path = "app.jsonl"', 'path = "app.jsonl"\nkint = "log"', "did you mean 'kind'?"),
        (
            'path = "app.jsonl"',
            'path = "app.jsonl"\nkind = "lgo"',
            "cannot be 'lgo'; did you mean 'log'?",
        ),
        ('path = "app.jsonl"', 'path = "app.jsonl"\nkind = 3', "must be str, not 3"),
        ('path = "app.jsonl"', 'pth = "app.jsonl"', "did you mean 'path'?"),
        (
            'path = "app.jsonl"',
            'path = "app.jsonl"\nentity = "{host.nam}"',
            "did you mean 'host.name'?",
        ),
        ("13:30:00Z", "13:30:00", "'start' has no time zone: 2026-03-03T13:30:00"),
        ("13:30:00Z", "16:30:00Z", "'end' (2026-03-03T15:10:00Z) is not after 'start'"),
        ("start = 2026-03-03T13:30:00Z", "start = 2026-03-03", "is a day without a time"),
        ("start = 2026-03-03T13:30:00Z", "", "'start' is missing"),
        ("[incident]", "[incidnt]", "unknown key 'incidnt'; did you mean 'incident'?"),
        ('title = "Checkout', 'titel = "Checkout', "did you mean 'title'?"),
        ("[incident]", "[incident", "not TOML"),
        ('id = "INC-1"', "id = 1", "'id' must be a text such as 'INC-2041', not 1"),
        (
            'id = "INC-1"',
            'id = "INC-1"\nseverity = 1',
            "'severity' must be a text such as 'SEV1', not 1",
        ),
        (
            'id = "INC-1"',
            'id = "INC-1"\naffected = "checkout"',
            "'affected' must be a list of texts such as ['checkout'], not 'checkout'",
        ),
        ('id = "INC-1"', 'id = "INC-1"\naffected = ["checkout", 3]', "not ['checkout', 3]"),
    ],
)
def test_each_mistake_is_told_with_its_place_and_the_next_step(
    folder: Path, right: str, wrong: str, said: str
) -> None:
    assert right in GOOD
    found = mistakes(folder, GOOD.replace(right, wrong))
    assert all(line.startswith("incident.toml: ") for line in found)
    assert any(said in line for line in found), found


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    text = GOOD.replace("13:30:00Z", "13:30:00").replace('use = "jsonl"', 'use = "jornald"')
    assert len(mistakes(folder, text)) == 2


def test_a_folder_in_the_place_of_the_incident_file_is_told(folder: Path) -> None:
    with pytest.raises(IncidentFileError, match="Is a directory; name the incident file in it"):
        Incident.load(folder)


def test_a_folder_without_fitting_files_is_a_mistake(folder: Path) -> None:
    (folder / "logs").mkdir()
    (folder / "logs" / "README").write_text("nothing")
    [line] = mistakes(folder, GOOD.replace('"app.jsonl"', '"logs"'))
    assert "no file in 'logs' is named like" in line


def test_two_sources_of_one_name_must_be_told_apart(folder: Path) -> None:
    twice = GOOD + '\n[[source]]\nuse = "jsonl"\npath = "app.jsonl"\n'
    [line] = mistakes(folder, twice)
    assert "two sources are called 'jsonl:app.jsonl'; give each a 'name'" in line
    assert load(folder, twice + 'name = "again"\n').sources[1].name == "again"


def test_a_topology_that_is_wrong_is_told(folder: Path) -> None:
    (folder / "topology.toml").write_text('[[edge]]\ncaler = "a"\ncallee = "b"\n')
    [line] = mistakes(folder, GOOD + '\n[topology]\npath = "topology.toml"\n')
    assert "[[edge]] number 1: unknown key 'caler'; did you mean 'caller'?" in line

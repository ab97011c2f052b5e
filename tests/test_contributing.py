"""What CONTRIBUTING.md shows is what works."""

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from nova_timeline import connector, knowledge
from nova_timeline.connector import Batch, Connector, Partition

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
ENTRY = {
    "id": "R02K1Q0Z8T1",
    "type": "trigger_log_entry",
    "summary": "Triggered through the API.",
    "created_at": "2026-03-03T14:13:02Z",
    "agent": {"summary": "Ada Example"},
    "service": {"summary": "checkout"},
    "html_url": "https://example.com/log_entries/R02K1Q0Z8T1",
}


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def read(reader: Connector, file: Path) -> list[Batch]:
    return [b for b in reader.read(Partition(file.name, file)) if isinstance(b, Batch)]


def test_the_connector_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "pagerduty_log.py"
    code.write_text(block("python"))
    name = "nova_timeline.connectors.pagerduty_log"
    spec = importlib.util.spec_from_file_location(name, code)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    sample = tmp_path / "sample-log_entries.json"
    sample.write_text(json.dumps({"log_entries": [ENTRY], "more": False}))
    [made] = read(module.PagerDutyLog(), sample)
    [row] = made.table.to_pylist()
    assert row["role"] == "alert_firing"
    assert row["event_name"] == "alert.firing"
    assert row["entity"] == "checkout"
    assert json.loads(made.evidence["raw"][0].as_py()) == ENTRY


def test_the_rule_claims_its_sample(tmp_path: Path) -> None:
    pack = block("toml")
    [rule] = tomllib.loads(pack)["rule"]
    sample = tmp_path / rule["sample"]["name"]
    sample.write_text(rule["sample"]["text"])
    reader = connector.load(rule["sample"]["use"])(rule["sample"]["options"])
    [made] = read(reader, sample)
    rules = knowledge.read({rule["id"].partition(".")[0]: pack})
    [row] = knowledge.classify_by(rules, made.table, rule["sample"]["use"]).to_pylist()
    assert (row["rule"], row["role"]) == (rule["id"], "fault")
    assert row["title"] == "cart was evicted: its node ran low on disk"


def test_the_readme_lists_every_connector() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert listed == sorted(listed)
    assert listed == connector.available()

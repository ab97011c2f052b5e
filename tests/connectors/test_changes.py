"""Changes: what each record is, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.connector import Batch, Partition, load
from nova_timeline.errors import OptionError

WHEN = {"time": "2026-03-03T13:42:00Z"}


def read(path: Path, *records: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    file = path / "changes.json"
    file.write_text(json.dumps(list(records)))
    items = load("changes")(options).read(Partition("changes.json", file))
    rows = [r for i in items if isinstance(i, Batch) for r in i.table.to_pylist()]
    return [r | {"attributes": dict(r["attributes"])} for r in rows]


@pytest.mark.parametrize(
    ("record", "kind", "category"),
    [
        ({"service": "a", "sha": "5642d6b1"}, "deploy", "code_change"),
        ({"sha": "5642d6b1", "diff": "+x"}, "commit", "code_change"),
        ({"sha": "5642d6b1", "files": ["x"]}, "commit", "code_change"),
        ({"sha": "5642d6b1", "files": ["a/main.tf", "v/values.yaml"]}, "commit", "config_change"),
        ({"sha": "5642d6b1", "files": ["a/.env.live", "app.ini"]}, "commit", "config_change"),
        ({"sha": "5642d6b1", "files": ["a/main.tf", "main.go"]}, "commit", "code_change"),
        ({"service": "a", "version": "2", "files": ["x"]}, "deploy", "code_change"),
        ({"flag": "f", "change": "off->on"}, "feature_flag", "feature_flag"),
        ({"key": "f", "old": False, "new": True}, "feature_flag", "feature_flag"),
        ({"key": "pool", "old": "5", "new": "9"}, "config_change", "config_change"),
        ({"type": "scaling", "service": "a"}, "scaling", "scaling"),
    ],
)
def test_a_record_says_what_it_is(
    tmp_path: Path, record: dict[str, Any], kind: str, category: str
) -> None:
    [row] = read(tmp_path, WHEN | record)
    assert (row["kind"], row["category"], row["role"]) == (kind, category, "change")


def test_a_diff_by_file_is_put_together(tmp_path: Path) -> None:
    files = [{"filename": "a.py", "patch": "@@\n+x"}, {"filename": "b.png"}]
    [row] = read(tmp_path, WHEN | {"sha": "1234567", "files": files})
    assert row["attributes"]["files"] == '["a.py","b.png"]'
    assert row["attributes"]["diff"] == "--- a/a.py\n+++ b/a.py\n@@\n+x"


def test_a_rollback_is_marked(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        WHEN | {"service": "a", "version": "1", "description": "Rolling back to 1"},
        WHEN | {"service": "b", "version": "2", "description": "roll out backpressure"},
    )
    assert [r["attributes"].get("deployment.rollback") for r in rows] == ["true", None]
    assert rows[0]["title"] == "Rollback of a to version 1"


def test_the_same_deploy_in_two_exports_is_one(tmp_path: Path) -> None:
    one, two, other = read(
        tmp_path,
        WHEN | {"service": "a", "sha": "1234567"},
        WHEN | {"service": "a", "commit_sha": "1234567", "note": "again"},
        WHEN | {"service": "b", "sha": "1234567"},
    )
    assert one["event_id"] == two["event_id"] != other["event_id"]


def test_titles_name_no_people(tmp_path: Path) -> None:
    rows = read(tmp_path, WHEN | {"service": "a", "author": "dana@example.com", "sha": "1234567"})
    assert rows[0]["actor"] == "dana@example.com"
    assert "dana" not in rows[0]["title"] + rows[0]["body"] + str(rows[0]["attributes"])


def test_a_field_that_means_nothing_is_refused() -> None:
    with pytest.raises(OptionError, match="did you mean 'revision'"):
        load("changes")({"fields": {"revison": "rev"}})

"""The connector contract's own parts: sealing batches, finding files, options, the registry."""

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from nova_timeline import connector
from nova_timeline.connector import Connector, Option, Partition, batch, find_files
from nova_timeline.errors import OptionError, UnknownConnectorError
from tests.closed import shut

HERE = Partition("log.jsonl", Path("log.jsonl"))


def sealed(raw: list[bytes], **given: Any) -> list[bytes]:
    """Return the identities of one batch's events."""
    locators = pa.array([f"bytes={i}+1" for i in range(len(raw))], pa.string())
    made = batch(
        "event",
        HERE,
        raw=pa.array(raw, pa.large_binary()),
        locators=locators,
        columns={"kind": "log"},
        **given,
    )
    ids: list[Any] = made.table["event_id"].to_pylist()
    return ids


def numbers(*values: int) -> Any:
    return pa.array(values, pa.int64())


def texts(*values: str | None) -> Any:
    return pa.array(values, pa.string())


def test_an_id_of_the_source_is_the_identity_whatever_the_bytes() -> None:
    [one, two] = sealed([b"a", b"b"], native=texts("x", "x"), scope="s")
    [other] = sealed([b"a"], native=texts("x"), scope="t")
    assert one == two != other


def test_bytes_are_the_identity_where_there_is_no_id() -> None:
    with_ids = sealed([b"a", b"b"], native=texts(None, "x"))
    assert with_ids[0] == sealed([b"a"])[0]
    assert with_ids[1] != sealed([b"b"])[0]


def test_rows_of_one_record_without_ids_are_told_apart_by_their_place() -> None:
    ids = sealed([b"a", b"b"], native=texts(None, "x", None, None), record=numbers(0, 0, 0, 1))
    assert len(set(ids)) == 4
    [first, second, third] = sealed([b"a"], record=numbers(0, 0, 0))
    assert (ids[0], ids[2]) == (first, second)
    assert first == sealed([b"a"])[0]
    assert third not in ids


def test_the_place_counts_among_its_own_record_in_whatever_order() -> None:
    together = sealed([b"a", b"b"], record=numbers(0, 0, 1, 1))
    mixed = sealed([b"a", b"b"], record=numbers(1, 0, 1, 0))
    assert mixed == [together[2], together[0], together[3], together[1]]


def test_rows_of_a_record_cite_it() -> None:
    made = batch(
        "metric",
        HERE,
        raw=pa.array([b"a", b"b"], pa.large_binary()),
        locators=texts("bytes=0+1", "bytes=1+1"),
        columns={"value": pa.array([1.0, 2.0, 3.0])},
        record=numbers(1, 0, 1),
    )
    assert made.table["evidence.locator"].to_pylist() == ["bytes=1+1", "bytes=0+1", "bytes=1+1"]
    kept = made.evidence.to_pylist()
    known = {r["evidence.locator"]: r["evidence.sha256"] for r in kept}
    assert made.table["evidence.sha256"].to_pylist() == [
        known[at] for at in made.table["evidence.locator"].to_pylist()
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/one.json", "a/b/TWO.JSON", "a/notes.txt", "c.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_a_folder_is_searched_whole_and_says_what_it_passed_over(folder: Path) -> None:
    files = find_files(folder, "a", ("*.json",))
    assert [uri for uri, _ in files.found] == ["a/b/TWO.JSON", "a/one.json"]
    assert files.passed_over == ("a/notes.txt",)


def test_folders_that_fit_a_pattern_are_searched_like_one_that_is_named(folder: Path) -> None:
    (folder / "d/b").mkdir(parents=True)
    (folder / "d/b/three.json").write_text("{}")
    files = find_files(folder, "*/b/", ("*.json",))
    assert [uri for uri, _ in files.found] == ["a/b/TWO.JSON", "d/b/three.json"]
    assert [uri for uri, _ in find_files(folder, "a/**", ("*.json",)).found] == [
        "a/b/TWO.JSON", "a/one.json"
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["a", "a/b", "a/b/TWO.JSON", "*/b", "a/*/*.JSON", "{}/a"])
def test_a_folder_that_may_not_be_looked_into_is_named(
    path: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_files(folder, path.format(folder), ("*.json",)).closed == ()
    shut(monkeypatch, "b")
    [closed] = find_files(folder, path.format(folder), ("*.json",)).closed
    assert closed == ("a/b" if path != "{}/a" else f"{folder}/a/b")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("c.json", ["c.json"]),
        ("*/*.json", ["a/one.json"]),
        ("a/notes.txt", ["a/notes.txt"]),
        ("none.json", []),
        ("*.none", []),
    ],
)
def test_a_file_or_a_glob_is_taken_at_its_word(folder: Path, path: str, found: list[str]) -> None:
    assert [uri for uri, _ in find_files(folder, path, ("*.json",)).found] == found


def test_an_absolute_path_stays_absolute(folder: Path) -> None:
    [(uri, path)] = find_files(Path("/"), str(folder / "c*.json"), ()).found
    assert uri == path.as_posix() == (folder / "c.json").as_posix()


class Sample(Connector):
    """A connector with settings."""

    summary = "for these tests"
    globs = ("*",)
    options: ClassVar = {
        "unit": Option("the unit", choices=("ms", "s"), default="s"),
        "count": Option("how many", int),
        "group": Option("the group", required=True),
    }

    def read(self, partition: Partition, window: object = None) -> Any:
        """Give nothing."""
        del partition, window
        return iter(())


def test_options_keep_their_defaults() -> None:
    assert Sample({"group": "g"}).settings == {"unit": "s", "count": None, "group": "g"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs the option 'group'"),
        ({"group": "g", "unti": "s"}, "did you mean 'unit'"),
        ({"group": "g", "unit": "m"}, "cannot be 'm'"),
        ({"group": "g", "count": "3"}, "must be int, not '3'"),
        ({"group": "g", "count": True}, "must be int, not True"),
    ],
)
def test_a_wrong_option_says_what_would_be_right(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        Sample(options)


def test_an_unknown_connector_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownConnectorError, match="did you mean 'aws_cloudtrail'"):
        connector.load("aws_cloudtrial")


def test_a_connector_is_found_by_its_name() -> None:
    assert connector.load("aws_cloudtrail").__module__.endswith(".aws_cloudtrail")
    assert "aws_cloudtrail" in connector.available()

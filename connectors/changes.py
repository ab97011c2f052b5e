"""What people changed: deploys, commits with their diffs, feature flags, configuration.

JSON arrays, objects around one, or JSON lines, as deploy tools, GitHub, GitLab and flag services
give them, or as a team writes them itself; option ``fields`` says where a record keeps what when
the usual names (`_change_fields.DEFAULTS`) do not fit.

With ``kind = "auto"`` each record says what it is: by its own word (``type``, ``kind``), else a
flag by its flag key, a configuration change by its parameter, a commit by its diff, files or
parents, else a name with an old and a new value and no revision (a flag when the values are
switches or shares, else configuration), else a deploy. A deploy that was never carried out
(pending, cancelled ...) is a notice and no change. Titles name no people: who did it is in
``actor`` alone. A record's identity is its kind with its revision, or id, or name; and its service,
environment and time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nova_timeline import arrow, schema
from nova_timeline.clock import NANOSECONDS
from nova_timeline.connector import PIECE, Batch, Connector, Gap, Option, Partition, batch
from nova_timeline.errors import OptionError, nearest

from . import _change_fields, _field_map, _json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from nova_timeline.clock import Window

_SWITCH = r"(?i)^(true|false|on|off|enabled|disabled|\d+(\.\d+)?\s*%)$"
_REVISION = r"^[0-9a-fA-F]{7,64}$"
_ARROW = r"^\s*(?<old>.*?)\s*(?:->|→|=>)\s*(?<new>.*?)\s*$"
_ROLLBACK = r"(?i)\broll(ed|ing)?[ _-]?back\b|\brevert(s|ed|ing)?\b"
_NOT_CARRIED_OUT = [
    *("pending", "queued", "created", "waiting", "scheduled", "blocked", "skipped"),
    *("cancelled", "canceled", "inactive", "rejected", "manual"),
]


class Changes(Connector):
    """What people changed: deploys, commits with their diffs, feature flags, configuration."""

    summary = "deploys, commits with diffs, feature flags and config changes as JSON or JSON lines"
    globs = ("*.json", "*.jsonl", "*.ndjson", "*.json.gz", "*.jsonl.gz", "*.ndjson.gz")
    options: ClassVar[Mapping[str, Option]] = {
        "kind": Option(
            "what the records are; auto: each says so itself",
            default="auto",
            choices=("auto", *schema.KINDS),
        ),
        "fields": Option(
            f"what ({', '.join(_change_fields.DEFAULTS)}, or attributes.X) -> where a record keeps "
            "it: a key, a dotted path or a JSONPath, or a list of them",
            dict,
        ),
        "constants": Option("the same names -> one text for every record", dict),
        "timestamp_unit": Option("the unit of times that are numbers", choices=tuple(NANOSECONDS)),
        "timezone": Option("the zone of times that name none: UTC, or an offset such as +02:00"),
    }

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Check the options.

        Raises:
            OptionError: a name that means nothing here, or a source that is no text.
        """
        super().__init__(options)
        fields: dict[str, object] = self.settings["fields"] or {}
        self.constants: dict[str, str] = self.settings["constants"] or {}
        for name in (*fields, *self.constants):
            if name not in _change_fields.DEFAULTS and not name.startswith("attributes."):
                msg = f"changes knows no field {name!r}{nearest(name, _change_fields.DEFAULTS)}"
                raise OptionError(msg)
        given = {name: _field_map.sources(name, value) for name, value in fields.items()}
        self.sources = {**_change_fields.DEFAULTS, **given}
        self.zone = _field_map.zone(self.settings["timezone"])

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split JSON lines; any other form of JSON is one piece."""
        yield from _json.partitions(uri, path, piece)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the records."""
        import polars as pl

        from . import _rows

        del window
        found = _json.records(partition, _change_fields.ENVELOPES)
        decoded = _field_map.decode(partition, found, _field_map.paths(self.sources))
        yield from decoded.gaps
        if len(decoded) == 0:
            return
        columns = _field_map.first_present(decoded.table)
        frame = pl.DataFrame({name: c.set(c == "", None) for name, c in columns.items()})
        frame = frame.with_columns(pl.lit(text).alias(n) for n, text in self.constants.items())
        records = _understood(frame, self.settings["kind"])
        times = {
            name: _rows.read_times(records[name], self.settings["timestamp_unit"], self.zone)
            for name in ("time", "end")
        }
        for name, read in times.items():
            for hint in read.hints:
                yield Gap(partition.uri, f"{name}: {hint}; they stay undated")
        yield batch(
            "event",
            partition,
            raw=decoded.raw,
            locators=decoded.locators,
            native=_native(records),
            scope="changes",
            columns=_columns(records)
            | {
                "timestamp": times["time"].timestamp,
                "timestamp_precision": times["time"].precision,
                "end_timestamp": times["end"].timestamp,
            },
        )


def _understood(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Settle what each record is, and make its other columns agree with that."""
    import polars as pl

    from . import _change_files, _change_titles

    lists = set(_change_files.COLUMNS)
    plain = [n for n in frame.columns if n in _change_fields.DEFAULTS and n not in lists]
    # An object where a word is looked for is not that word.
    frame = _with_arrows(frame).with_columns(
        pl.when(~pl.col(n).str.contains(r"^[{\[]")).then(n).alias(n) for n in plain
    )
    frame = frame.with_columns(
        pl.col("status").str.to_lowercase(),
        own=pl.col("type").str.to_lowercase().replace_strict(_change_fields.TYPES, default=None),
    )
    frame = frame.with_columns(kind=_kinds() if kind == "auto" else pl.lit(kind))
    deploy = pl.col("kind") == "deploy"
    commit = pl.col("kind") == "commit"
    frame = frame.with_columns(
        revision=pl.coalesce("revision", pl.when(commit).then("id")),
        id=pl.when(~commit).then("id"),
    )
    switched = pl.col("kind").is_in(["feature_flag", "config_change"])
    moved = deploy & pl.col("old").is_not_null()
    frame = frame.with_columns(
        _change_files.read(frame),
        version=pl.coalesce("version", pl.when(moved).then("new")),
        previous_version=pl.coalesce("previous_version", pl.when(moved).then("old")),
        subject=pl.when(switched).then(pl.coalesce("flag", "config", "name")),
        old=pl.when(switched).then("old"),
        new=pl.when(switched).then("new"),
        short=pl.when(pl.col("revision").str.contains(_REVISION))
        .then(pl.col("revision").str.slice(0, 7))
        .otherwise("revision"),
        module=pl.col("repository").str.strip_suffix(".git").str.split("/").list.last(),
        rollback=_takes_back() & ~switched,
    )
    return frame.with_columns(title=_change_titles.title())


def _with_arrows(frame: pl.DataFrame) -> pl.DataFrame:
    """Take the old and the new value out of ``old -> new``."""
    import polars as pl

    arrow = frame["change"].str.extract_groups(_ARROW).struct.unnest()
    return frame.with_columns(pl.coalesce(pl.col(n), arrow[n]).alias(n) for n in ("old", "new"))


def _takes_back() -> pl.Expr:
    """Say whether a record's words speak of a rollback."""
    import polars as pl

    said = pl.concat_str("type", "status", "message", separator=" ", ignore_nulls=True)
    return said.str.contains(_ROLLBACK).fill_null(value=False)


def _kinds() -> pl.Expr:
    """Say what a record is; see the module."""
    import polars as pl

    change = pl.any_horizontal(
        pl.col(n).is_not_null()
        for n in ("diff", "files", "parents", "added", "modified", "removed")
    )
    rollout = pl.any_horizontal(
        pl.col(n).is_not_null() for n in ("version", "environment", "status")
    )
    named = pl.all_horizontal(pl.col(n).is_not_null() for n in ("name", "old", "new"))
    switch = pl.col("old").str.contains(_SWITCH) | pl.col("new").str.contains(_SWITCH)
    return (
        pl.when(pl.col("own").is_not_null())
        .then("own")
        .when(pl.col("flag").is_not_null())
        .then(pl.lit("feature_flag"))
        .when(pl.col("config").is_not_null())
        .then(pl.lit("config_change"))
        .when(change & ~rollout)
        .then(pl.lit("commit"))
        .when(named & pl.col("revision").is_null())
        .then(pl.when(switch).then(pl.lit("feature_flag")).otherwise(pl.lit("config_change")))
        .otherwise(pl.lit("deploy"))
    )


def _native(records: pl.DataFrame) -> Any:
    """Write each record's identity; null where it names neither what nor when."""
    import polars as pl

    what = pl.coalesce("revision", "id", "subject", "version")
    parts = [
        pl.col("kind"),
        what,
        *(pl.col(n).fill_null("") for n in ("service", "environment", "time")),
    ]
    return arrow.column(records.select(pl.concat_str(parts, separator="|")).to_series())


def _columns(records: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    idle = pl.col("status").is_in(_NOT_CARRIED_OUT).fill_null(value=False)
    failed = pl.col("status").str.contains("fail|error").fill_null(value=False)
    made = records.select(
        role=pl.when(idle).then(pl.lit("notice")).otherwise(pl.lit("change")),
        category=_category(),
        number=pl.when(failed).then(17).otherwise(9),
        entity=pl.coalesce("service", "module"),
        body=pl.coalesce("message", "title"),
        link=pl.when(pl.col("url").str.starts_with("http")).then("url"),
    )
    return {
        "kind": records["kind"],
        "role": made["role"],
        "category": made["category"],
        "title": records["title"],
        "event_name": records["kind"],
        "severity_number": made["number"],
        "severity_text": records["status"],
        "body": made["body"],
        "clock": "service:changes",
        "entity": made["entity"],
        "service.name": records["service"],
        "cloud.region": records["region"],
        "deployment.environment.name": records["environment"],
        "actor": records["actor"],
        "evidence.url": made["link"],
        "attributes": _attributes(records),
    }


def _category() -> pl.Expr:
    """Say what kind of cause a change would be; a commit to settings alone changes no code."""
    import polars as pl

    from . import _change_files

    settings = (pl.col("kind") == "commit") & pl.col("files").str.contains(_change_files.SETTINGS)
    by_kind = pl.col("kind").replace_strict(_change_fields.CATEGORIES, default=None)
    return pl.when(settings).then(pl.lit("config_change")).otherwise(by_kind)


def _attributes(records: pl.DataFrame) -> Any:
    import polars as pl

    flag = pl.col("kind") == "feature_flag"
    config = pl.col("kind") == "config_change"
    made = records.select(
        repository=pl.when(pl.col("repository").str.contains("://")).then("repository"),
        rollback=pl.when("rollback").then(pl.lit("true")),
        deployment=pl.when(pl.col("kind") == "deploy").then("id"),
        **{f"flag.{n}": pl.when(flag).then(n) for n in ("subject", "old", "new")},
        **{f"config.{n}": pl.when(config).then(n) for n in ("subject", "old", "new")},
    )
    own = [n for n in records.columns if n.startswith("attributes.")]
    return schema.attributes(
        len(records),
        {
            "vcs.ref.head.revision": records["revision"],
            "vcs.ref.head.name": records["ref"],
            "vcs.repository.name": records["module"],
            "vcs.repository.url.full": made["repository"],
            "version": records["version"],
            "previous_version": records["previous_version"],
            "environment": records["environment"],
            "deployment.id": made["deployment"],
            "deployment.status": records["status"],
            "deployment.rollback": made["rollback"],
            "files": records["files"],
            "diff": records["diff"],
            "feature_flag.key": made["flag.subject"],
            "feature_flag.previous": made["flag.old"],
            "feature_flag.value": made["flag.new"],
            "config.key": made["config.subject"],
            "config.previous": made["config.old"],
            "config.value": made["config.new"],
            **{n.removeprefix("attributes."): records[n] for n in own},
        },
    )

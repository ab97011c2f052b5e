"""How much of each source could be seen: what was asked for, what was read, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import connector
from nova_timeline.model import Coverage, FileCoverage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from nova_timeline.connector import Files, Gap
    from nova_timeline.model import Incident, Source

_NAMED = 5
_WORST_FIRST = ("unavailable", "denied", "partial", "retention_cut", "provisional", "complete")


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are, how many of them without a time, and between which times."""

    rows: int = 0
    undated: int = 0
    first: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, table: pa.Table) -> Count:
        """Count a table's rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if "timestamp" not in table.column_names or table.num_rows == 0:
            return cls(table.num_rows)
        time: Any = table["timestamp"].cast(pa.int64())
        bounds: Any = pc.min_max(time)
        return cls(len(table), time.null_count, bounds["min"].as_py(), bounds["max"].as_py())


@dataclass(frozen=True, slots=True)
class Reading:
    """What one task read of a source."""

    source: str
    rows: int
    """Rows made of it inside the window, repeats included."""
    gaps: tuple[Gap, ...]
    read: Mapping[str, int]
    """uri -> records decoded."""


def of(
    incident: Incident,
    readings: Sequence[Reading],
    kept: Iterable[tuple[str, Count]],
) -> tuple[Coverage, ...]:
    """Say, source by source, how much could be seen.

    Args:
        incident: what was asked for.
        readings: what each task read.
        kept: source and count of every file of events, metrics and edges that was kept.
    """
    counts: dict[str, list[Count]] = {}
    for source, count in kept:
        counts.setdefault(source, []).append(count)
    ordered = sorted(incident.sources, key=lambda s: s.name)
    return tuple(_covered(incident, s, readings, counts.get(s.name, ())) for s in ordered)


def _covered(
    incident: Incident, source: Source, readings: Sequence[Reading], kept: Sequence[Count]
) -> Coverage:
    mine = [r for r in readings if r.source == source.name]
    rows = sum(c.rows for c in kept)
    within = sum(r.rows for r in mine)
    way = connector.load(source.use)(source.options).files(incident.base, source.path)
    files = (*_closed(way), *_files(mine))
    read = sum(n for r in mine for n in r.read.values())
    worst = min((f.state for f in files), key=_WORST_FIRST.index, default="complete")
    if worst in ("unavailable", "denied") and read:
        worst = "partial"
    times = [t for c in kept for t in (c.first, c.last) if t is not None]
    return Coverage(
        source.name, source.use, incident.window, (min(times), max(times)) if times else None,
        within, worst, _reason(way, files, mine, rows),
        read, sum(c.undated for c in kept), within - rows, files,
    )  # fmt: skip


def _closed(way: Files) -> Iterator[FileCoverage]:
    """List the folders that could not be looked into, whatever is in them."""
    why = "not allowed to look into this folder"
    return (FileCoverage(folder, 0, "denied", why) for folder in way.closed)


def _reason(
    way: Files,
    files: Sequence[FileCoverage],
    readings: Sequence[Reading],
    rows: int,
) -> str:
    """Say in a line what was not read, and what was passed over."""
    broken = sum(f.state != "complete" for f in files) - len(way.closed)
    total = len({uri for r in readings for uri in r.read})
    reasons = [f"{broken} of {total} files not read whole"] if broken else []
    for what, names in (
        ("not allowed to look into", way.closed), ("passed over by name:", way.passed_over)
    ):  # fmt: skip
        more = " ..." if len(names) > _NAMED else ""
        reasons += [f"{what} {', '.join(names[:_NAMED])}{more}"] if names else []
    if not rows and not broken and not way.closed:
        reasons.append("no record lies inside the window")
    return "; ".join(reasons)


def _files(readings: Sequence[Reading]) -> tuple[FileCoverage, ...]:
    """List the files that gave less than all they held."""
    gaps: dict[str, list[Gap]] = {}
    for gap in (g for r in readings for g in r.gaps):
        gaps.setdefault(gap.uri, []).append(gap)
    found: list[FileCoverage] = []
    for uri, missing in sorted(gaps.items()):
        worst = min((g.state for g in missing), key=_WORST_FIRST.index)
        said = "; ".join(dict.fromkeys(g.reason for g in missing))
        found.append(FileCoverage(uri, sum(r.read.get(uri, 0) for r in readings), worst, said))
    return tuple(found)


def table(coverage: Sequence[Coverage]) -> pa.Table:
    """Write the coverage as its table: a row a source, and one a file not read whole."""
    import pyarrow as pa

    from nova_timeline import schema

    rows: list[dict[str, Any]] = []
    for c in coverage:
        seen = c.seen or (None, None)
        asked = {"asked_start": c.asked.start, "asked_end": c.asked.end}
        rows.append(
            {"source": c.source, **asked, "seen_start": seen[0], "seen_end": seen[1],
             "read": c.read, "rows": c.rows, "undated": c.undated, "duplicates": c.duplicates,
             "state": c.state, "reason": c.reason}
        )  # fmt: skip
        rows += [
            {
                "source": c.source,
                "uri": f.uri,
                **asked,
                "read": f.rows,
                "state": f.state,
                "reason": f.reason,
            }
            for f in c.files
        ]
    return pa.Table.from_pylist(rows, schema=schema.table("coverage"))

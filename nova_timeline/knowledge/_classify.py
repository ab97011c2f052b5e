"""Classification: which rule fits which row, found a column at a time.

Rows that could fit are found by their event names (each distinct name is looked at once) and by the
words in their bodies (all words at once); only those few rows are asked the rest of the questions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, coded

from ._rules import Case, Check, Rule, rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from ._scan import Index

    Numbers = npt.NDArray[np.int64]

_ATTRIBUTE = "attributes."
_SEVERITY = "severity_number"
_NONE = -1
_PLAIN = Check("kind", equals=("log",))
_NAMES = ("service.name", "host.name", "k8s.deployment.name", "k8s.pod.name", "k8s.node.name")


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules that one connector's rows can fit, arranged by how candidates are found.

    Cases are numbered in the order in which they are tried. ``names`` and ``patterns`` find by
    event name, ``words`` by body, by the severity a row must at least have (0 if none): most rows
    of most logs are not severe and so need not be searched for most words. ``rest`` holds, case by
    case, what is left to be asked.
    """

    rules: tuple[Rule, ...]
    rule_of: tuple[int, ...]
    names: tuple[tuple[str, int], ...]
    patterns: tuple[tuple[Check, int], ...]
    words: Mapping[int, tuple[tuple[str, int], ...]]
    rest: tuple[tuple[Check, ...], ...]


def classify(table: pa.Table, connector: str) -> pa.Table:
    """Fill kind, role, category, rule, title, severity_number and entity of rows that fit a rule.

    The first rule that fits counts. Rows that fit none, and what a rule does not speak of, stay as
    the connector left them.

    Args:
        table: rows of `nova_timeline.schema` ``event``, all read by one connector.
        connector: its name.
    """
    return _classified(_own_plan(connector), table)


def classify_by(given: tuple[Rule, ...], table: pa.Table, connector: str) -> pa.Table:
    """Do what `classify` does with rules of one's own."""
    return _classified(_plan(given, connector), table)


def _classified(plan: Plan, table: pa.Table) -> pa.Table:
    rows, cases = _candidates(plan, table)
    if len(rows) == 0:
        return table
    rows, cases = _fitting(plan, table, rows, cases)
    if len(rows) == 0:
        return table
    return _filled(plan, table, *_first(plan, rows, cases))


@cache
def _own_plan(connector: str) -> Plan:
    return _plan(rules(), connector)


def _plan(given: tuple[Rule, ...], connector: str) -> Plan:
    rule_of: list[int] = []
    names: list[tuple[str, int]] = []
    patterns: list[tuple[Check, int]] = []
    words: dict[int, list[tuple[str, int]]] = {}
    rest: list[tuple[Check, ...]] = []
    for number, rule in enumerate(given):
        for case in rule.when:
            if case.sources and connector not in case.sources:
                continue
            at = len(rule_of)
            rule_of.append(number)
            finder = _finder(case)
            left = [check for check in case.checks if check is not finder]
            if finder.column == "body":
                floor = max([0, *(int(c.min or 0) for c in left if c.column == _SEVERITY)])
                words.setdefault(floor, []).extend((word, at) for word in finder.contains)
                left.append(replace(finder, contains=()))
                if all(check.column != "kind" for check in left):
                    left.append(_PLAIN)
            elif finder == Check("event_name", equals=finder.equals):
                names += [(name, at) for name in finder.equals]
            else:
                patterns.append((finder, at))
            rest.append(tuple(check for check in left if check != Check(check.column)))
    by_floor = {floor: tuple(found) for floor, found in sorted(words.items())}
    return Plan(given, tuple(rule_of), tuple(names), tuple(patterns), by_floor, tuple(rest))


def _finder(case: Case) -> Check:
    by_name = [c for c in case.checks if c.column == "event_name"]
    return by_name[0] if by_name else next(c for c in case.checks if c.column == "body")


@cache
def _leads(words: tuple[tuple[str, int], ...]) -> tuple[Index, Numbers, Numbers]:
    """Index distinct words; those of number n lead to ``cases[starts[n] : starts[n + 1]]``."""
    import numpy as np

    from . import _scan

    cases_of: dict[str, list[int]] = {}
    for word, case in words:
        cases_of.setdefault(word, []).append(case)
    starts = np.cumsum([0, *(len(several) for several in cases_of.values())])
    cases = np.array([case for several in cases_of.values() for case in several], np.int64)
    return _scan.index(tuple(cases_of)), starts, cases


def _candidates(plan: Plan, table: pa.Table) -> tuple[Numbers, Numbers]:
    """Return (row, case) pairs that are worth a closer look."""
    import numpy as np

    found = [*_by_name(plan, table["event_name"]), *_by_words(plan, table)]
    rows = [np.empty(0, np.int64), *(r for r, _ in found)]
    cases = [np.empty(0, np.int64), *(c for _, c in found)]
    return np.concatenate(rows), np.concatenate(cases)


def _by_name(plan: Plan, column: pa.ChunkedArray[Any]) -> Iterable[tuple[Numbers, Numbers]]:
    """Find candidates by event name, looking at each distinct name once."""
    import numpy as np
    import polars as pl
    import pyarrow.compute as pc

    if column.null_count == len(column) or not (plan.names or plan.patterns):
        return
    distinct: Any = pc.drop_null(pc.unique(column))
    names = pl.Series(values=distinct, dtype=pl.String)
    compute: Any = pc
    codes = compute.index_in(column, value_set=distinct)
    code_of = np.asarray(pc.fill_null(codes, -1), np.int64)
    known = pl.DataFrame(plan.names, schema=["name", "case"], orient="row")
    lowered = pl.DataFrame({"name": names.str.to_lowercase(), "code": np.arange(len(names))})
    pairs = [lowered.join(known.cast({"name": pl.String}), on="name").select("code", "case")]
    for check, case in plan.patterns:
        hit = np.flatnonzero(_holds(names, check).to_numpy())
        pairs.append(pl.DataFrame({"code": hit, "case": np.full(len(hit), case)}))
    both = pl.concat([p.cast(pl.Int64) for p in pairs])
    wanted = np.zeros(len(names) + 1, bool)
    wanted[both["code"].to_numpy()] = True
    wanted[-1] = False
    rows = np.flatnonzero(wanted[code_of])
    joined = pl.DataFrame({"row": rows, "code": code_of[rows]}).join(both, on="code")
    yield joined["row"].to_numpy(), joined["case"].to_numpy()


def _by_words(plan: Plan, table: pa.Table) -> Iterable[tuple[Numbers, Numbers]]:
    """Find candidates by the words in their bodies, once for each word that led to them."""
    import numpy as np
    import pyarrow as pa

    from . import _scan

    severity: Any = table[_SEVERITY]
    severities = np.asarray(severity.fill_null(0))
    for floor, words in plan.words.items():
        wanted = np.flatnonzero(severities >= floor)
        if len(wanted) == 0:
            continue
        bodies = arrow.whole(table["body"])
        at: Any = pa.array(wanted)
        bodies = bodies if len(wanted) == len(table) else bodies.take(at)
        index, starts, cases = _leads(words)
        rows, found = _scan.find(index, *arrow.letters(bodies))
        several = starts[found + 1] - starts[found]
        first = starts[found] - np.cumsum(several) + several
        places = np.arange(int(several.sum())) + np.repeat(first, several)
        yield wanted[np.repeat(rows, several)], cases[places]


def _fitting(plan: Plan, table: pa.Table, rows: Numbers, cases: Numbers) -> tuple[Numbers, Numbers]:
    """Keep the pairs whose row also holds against the rest of the case."""
    import numpy as np
    import polars as pl

    order = np.argsort(cases, kind="stable")
    rows, cases = rows[order], cases[order]
    distinct, starts = np.unique(cases, return_index=True)
    present: list[int] = distinct.tolist()
    stops = np.append(starts[1:], len(cases))
    asked = {check.column for case in present for check in plan.rest[case]}
    wanted = np.zeros(table.num_rows, bool)
    wanted[rows] = True
    subset, places = np.flatnonzero(wanted), np.cumsum(wanted) - 1
    frame = _frame(table, subset, asked)
    keep = np.ones(len(rows), bool)
    for case, start, stop in zip(present, starts.tolist(), stops.tolist(), strict=True):
        if not plan.rest[case]:
            continue
        at = pl.Series(places[rows[start:stop]])
        for check in plan.rest[case]:
            keep[start:stop] &= _holds(frame[check.column].gather(at), check).to_numpy()
    return rows[keep], cases[keep]


def _first(plan: Plan, rows: Numbers, cases: Numbers) -> tuple[Numbers, Numbers]:
    """Return each row once, ascending, with the number of the first rule that fits it."""
    import numpy as np

    numbers = np.array(plan.rule_of, np.int64)[cases]
    order = np.lexsort((numbers, rows))
    rows, first = np.unique(rows[order], return_index=True)
    return rows, numbers[order][first]


def _holds(column: pl.Series, check: Check) -> pl.Series:
    """Ask a check of every value; a missing one fits only ``without`` and ``present = false``."""
    import polars as pl

    value = pl.col("v")
    lowered = value.str.to_lowercase()
    asked: list[pl.Expr] = []
    if check.present is not None:
        asked.append(value.is_not_null() if check.present else value.is_null())
    if check.equals:
        asked.append(lowered.is_in(list(check.equals)))
    if check.contains:
        asked.append(value.str.contains_any(list(check.contains), ascii_case_insensitive=True))
    if check.without:
        has = value.str.contains_any(list(check.without), ascii_case_insensitive=True)
        asked.append(~has.fill_null(value=False))
    if check.regex:
        asked.append(value.str.contains(check.regex))
    for words, begins in ((check.prefix, True), (check.suffix, False)):
        if words:
            ask = lowered.str.starts_with if begins else lowered.str.ends_with
            asked.append(pl.any_horizontal([ask(word) for word in words]))
    number = value.cast(pl.Float64, strict=False)
    if check.min is not None:
        asked.append(number >= check.min)
    if check.max is not None:
        asked.append(number <= check.max)
    held = pl.DataFrame({"v": column}).select(pl.all_horizontal(asked).fill_null(value=False))
    return held.to_series()


def _frame(table: pa.Table, rows: Numbers, columns: Iterable[str]) -> pl.DataFrame:
    """Take some rows of some columns, attributes among them; shape (len(rows), len(columns))."""
    import polars as pl
    import pyarrow as pa

    names = sorted(set(columns))
    plain = [name for name in names if not name.startswith(_ATTRIBUTE)]
    taken: dict[str, Any] = {}
    at: Any = pa.array(rows)
    for name in plain:
        taken[name] = pl.Series(values=coded.plain(arrow.whole(table[name]).take(at)))
    if len(plain) < len(names):
        mapped: Any = arrow.whole(table["attributes"]).take(at)
        taken |= _attributes(mapped, [n for n in names if n.startswith(_ATTRIBUTE)])
    return pl.DataFrame(taken)


def _attributes(column: Any, names: Sequence[str]) -> dict[str, pl.Series]:
    """Turn some keys of a map column into columns of text, null where a row has no such key."""
    import numpy as np
    import polars as pl
    import pyarrow as pa

    offsets = np.asarray(column.offsets)
    keys = column.keys.slice(offsets[0], offsets[-1] - offsets[0])
    items = column.items.slice(offsets[0], offsets[-1] - offsets[0])
    parents = np.repeat(np.arange(len(column)), np.diff(offsets))
    found: dict[str, pl.Series] = {}
    texts = pl.Series(values=keys, dtype=pl.String)
    for name in names:
        hit = (texts == name.removeprefix(_ATTRIBUTE)).arg_true().to_numpy()
        at = np.full(len(column), -1, np.int64)
        at[parents[hit[::-1]]] = hit[::-1]
        found[name] = pl.Series(values=items.take(pa.array(at, mask=at < 0)), dtype=pl.String)
    return found


def _filled(plan: Plan, table: pa.Table, rows: Numbers, numbers: Numbers) -> pa.Table:
    """Write what the rules say into their rows; the columns of text that it goes to come coded."""
    import numpy as np
    import pyarrow as pa

    said: Any = pa.array(numbers)
    lines = _lines(plan, table, rows, numbers)
    new: Mapping[str, Any] = {
        "kind": pa.array([r.kind for r in plan.rules], pa.string()).take(said),
        "role": pa.array([r.role for r in plan.rules], pa.string()).take(said),
        "category": pa.array([r.category for r in plan.rules], pa.string()).take(said),
        "rule": pa.array([r.id for r in plan.rules], pa.string()).take(said),
        "title": lines["title"].to_arrow(),
        "entity": lines["entity"].to_arrow(),
    }
    for name, texts in new.items():
        if texts.null_count < len(texts):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, coded.replaced(table[name], rows, texts))
    at = table.schema.get_field_index(_SEVERITY)
    least = np.array([_NONE if r.severity is None else r.severity for r in plan.rules], np.int8)
    given: Any = table[_SEVERITY]
    severities = np.asarray(given.fill_null(_NONE)).copy()
    severities[rows] = np.maximum(severities[rows], least[numbers])
    raised: Any = pa.array(severities, mask=severities == _NONE)
    return table.set_column(at, table.field(at), raised)


def _lines(plan: Plan, table: pa.Table, rows: Numbers, numbers: Numbers) -> pl.DataFrame:
    """Make the titles and entities of classified rows, rule by rule, in the order of the rows."""
    import numpy as np
    import polars as pl

    from . import _titles

    present: list[int] = np.flatnonzero(np.bincount(numbers)).tolist()
    asked = {
        name
        for number in present
        for piece in (*plan.rules[number].title, *plan.rules[number].entity)
        for name in piece.fields
    }
    frame = _frame(table, rows, {"entity", *_NAMES, *asked})
    frame = frame.with_columns(_titles.clean(pl.all())).with_columns(
        pl.coalesce("entity", *_NAMES).alias("entity")
    )
    parts: list[pl.DataFrame] = []
    for number in present:
        rule = plan.rules[number]
        at = np.flatnonzero(numbers == number)
        part = frame[at]
        given = part.select(_titles.entity(rule.entity)).to_series() if rule.entity else None
        if given is not None:
            part = part.with_columns(pl.coalesce(pl.lit(given), "entity").alias("entity"))
        parts.append(
            part.select(
                pl.lit(pl.Series(at)).alias("at"),
                _titles.title(rule.title).alias("title"),
                (pl.lit(given) if given is not None else pl.lit(None, pl.String)).alias("entity"),
            )
        )
    return pl.concat(parts).sort("at")

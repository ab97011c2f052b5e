"""Operational events of a fleet, drawn from a seed: logs, changes, alerts and incidents.

    events = _events.at(BUILD, 1_000_000, 2_000)     # written once, read afterwards
    events.columns["ts"], events.table, events.graph, events.size

At 1e7 events a day, four fifths are background and one fifth belongs to incidents, two an hour,
each a burst on one entity and what depends on it. Clocks are coarse, so that many times are equal:
logs have milliseconds, changes and alerts seconds, anomalies 15 s and error bursts 10 s. About 1 %
of the events are effects (`EFFECTS`) and 2 % causes (`CAUSES`). Rows are sorted by (ts, source).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import _graph
from benchmarks._graph import zipf
from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Columns = dict[str, npt.NDArray[Any]]

LOG, DEPLOY, CONFIG, SCALE, ALERT, ANOMALY, ERROR_BURST = range(7)
EFFECTS = (ALERT, ANOMALY, ERROR_BURST)
CAUSES = (DEPLOY, CONFIG, SCALE, ALERT, ERROR_BURST)
SEVERITIES = ("debug", "info", "warn", "error", "fatal")
TYPES = {
    "ts": "int64",
    "entity": "int32",
    "kind": "int8",
    "severity": "int8",
    "template": "int32",
    "source": "int16",
}
"""The columns; ``ts`` is microseconds since 1970."""
FIRST = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, in us."""
SOURCES = 64
TEMPLATES = 5_000
"""Templates of the background; every incident adds three of its own."""

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_SLICE = 4_000_000
"""Events drawn at a time, which bounds the memory."""
_USUAL = (0.981, 0.003, 0.004, 0.006, 0.0025, 0.002, 0.0015)
_IN_INCIDENT = (0.961, 0.003, 0.004, 0.006, 0.010, 0.007, 0.009)
_CLOCK_STEP = (1_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 15_000_000, 10_000_000)


@dataclass(frozen=True, slots=True)
class Events:
    """Columns of equal length, writable and without nulls, with the graph they were drawn on."""

    columns: Mapping[str, npt.NDArray[Any]]
    graph: _graph.Graph

    @property
    def size(self) -> int:
        """Return the bytes of all columns: 20 an event."""
        return sum(column.nbytes for column in self.columns.values())

    @property
    def table(self) -> pa.Table:
        """Return the columns as Arrow in one chunk, without a copy."""
        import pyarrow as pa

        return pa.table({name: pa.array(column) for name, column in self.columns.items()})


def at(folder: Path, count: int, entities: int, *, hub: bool = False, seed: int = 0) -> Events:
    """Draw the events into a file below folder, or find it there from an earlier run.

    Args:
        folder: where files are kept.
        count: how many events.
        entities: how many entities.
        hub: give the graph with every edge in both directions; the events are the same.
        seed: another seed, other events.
    """
    place = folder / f"events-{count}-{entities}-{seed}.arrow"
    if not place.exists():
        _write(place, count, entities, seed)
    return Events(_read(place, count), _graph.made(entities, hub=hub, seed=seed))


def _write(place: Path, count: int, entities: int, seed: int) -> None:
    """Write the slices one after the other; the name is right only once all of them are there."""
    import pyarrow as pa

    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".part")
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in TYPES.items()])
    with arrow.core().ipc.new_file(unfinished, schema) as writer:
        for columns in _slices(count, entities, seed):
            batch = arrow.core().record_batch([columns[name] for name in TYPES], schema=schema)
            writer.write_batch(batch)
    unfinished.rename(place)


def _read(place: Path, count: int) -> Columns:
    """Read each column into an array of its own."""
    import numpy as np

    columns = {name: np.empty(count, kind) for name, kind in TYPES.items()}
    done = 0
    with arrow.core().memory_map(str(place)) as file:
        reader = arrow.core().ipc.open_file(file)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            for name, column in columns.items():
                column[done : done + batch.num_rows] = batch[name].to_numpy()
            done += batch.num_rows
    return columns


def _slices(count: int, entities: int, seed: int) -> Iterator[Columns]:
    """Draw the events of one stretch of time after another, sorted.

    An incident can outlast its stretch: what lies beyond is carried into the next.
    """
    import numpy as np

    graph = _graph.made(entities, seed=seed)
    dependents = _graph.within(_graph.turned(graph), 2)
    parts = -(-count // _SLICE)
    length = max(2 * _HOUR, 24 * _HOUR * count // 10_000_000) // parts // _MINUTE * _MINUTE
    carried: Columns = {name: np.empty(0, kind) for name, kind in TYPES.items()}
    for part in range(parts):
        draw = np.random.default_rng([seed, count, entities, part])
        some = count * (part + 1) // parts - count * part // parts
        first = FIRST + part * length
        drawn = [
            carried,
            _background(draw, some - some // 5, graph, first, length),
            _incidents(draw, some // 5, graph, dependents, first, length, part),
        ]
        columns = {name: np.concatenate([d[name] for d in drawn]) for name in TYPES}
        end = first + length
        if part == parts - 1:
            np.minimum(columns["ts"], end - 1, out=columns["ts"])
        columns["ts"] -= columns["ts"] % np.array(_CLOCK_STEP)[columns["kind"]]
        columns["source"] = (columns["entity"] % SOURCES).astype(np.int16)
        order = np.argsort(columns["ts"] * SOURCES + columns["source"], kind="stable")
        now = order[: np.count_nonzero(columns["ts"] < end)]
        carried = {name: c[order[len(now) :]] for name, c in columns.items()}
        yield {name: c[now] for name, c in columns.items()}


def _background(
    draw: np.random.Generator, count: int, graph: _graph.Graph, first: int, length: int
) -> Columns:
    """Draw what happens anyway: logs crowd on few entities, everything else is more even."""
    import numpy as np

    minutes = length // _MINUTE
    rate = draw.lognormal(0, 0.3, minutes)
    minute = np.repeat(np.arange(minutes), draw.multinomial(count, rate / rate.sum()))
    kind = draw.choice(len(_USUAL), count, p=_USUAL).astype(np.int8)
    entity = np.empty(count, np.int32)
    # the same entities are busy throughout, and only a third of that goes with being depended on
    busy = np.random.default_rng(graph.entities).permutation(graph.entities).astype(np.int32)
    for chosen, exponent in ((kind == LOG, 0.9), (kind != LOG, 0.5)):
        some = int(np.count_nonzero(chosen))
        rank = draw.choice(graph.entities, some, p=zipf(graph.entities, exponent))
        entity[chosen] = np.where(draw.random(some) < 0.3, graph.by_rank[rank], busy[rank])
    return {
        "ts": first + minute * _MINUTE + draw.integers(0, _MINUTE, count),
        "entity": entity,
        "kind": kind,
        "severity": _drawn(draw, count, (0.25, 0.60, 0.10, 0.045, 0.005)),
        "template": draw.choice(TEMPLATES, count, p=zipf(TEMPLATES, 1.1)).astype(np.int32),
        "source": np.zeros(count, np.int16),
    }


def _incidents(
    draw: np.random.Generator,
    count: int,
    graph: _graph.Graph,
    dependents: _graph.Reach,
    first: int,
    length: int,
    part: int,
) -> Columns:
    """Draw incidents: each swells and fades on a root and up to 59 entities within 2 hops above."""
    import numpy as np

    many = max(3, 2 * length // _HOUR)
    weight = draw.lognormal(0, 1, many)
    sizes = draw.multinomial(count, weight / weight.sum())
    roots = graph.by_rank[draw.choice(graph.entities, many, p=zipf(graph.entities, 0.6, 3.0))]
    begins = np.sort(draw.integers(0, int(length * 0.97), many))
    struck = [_struck(draw, int(n), int(r), dependents) for n, r in zip(sizes, roots, strict=True)]
    own = TEMPLATES + 3 * (part * many + np.arange(many))
    return {
        "ts": first + np.repeat(begins, sizes) + (draw.gamma(2.0, 180.0, count) * 1e6).astype(int),
        "entity": np.concatenate(struck),
        "kind": _drawn(draw, count, _IN_INCIDENT),
        "severity": _drawn(draw, count, (0.02, 0.13, 0.25, 0.5, 0.1)),
        "template": (np.repeat(own, sizes) + draw.integers(0, 3, count)).astype(np.int32),
        "source": np.zeros(count, np.int16),
    }


def _struck(
    draw: np.random.Generator, count: int, root: int, dependents: _graph.Reach
) -> npt.NDArray[np.int32]:
    """Draw the entities of one incident's events: the root has about 30 % of them."""
    import numpy as np

    above = dependents.entities[dependents.starts[root] : dependents.starts[root + 1]]
    if len(above) > 60:
        above = np.r_[above[:1], draw.choice(above[1:], 59, replace=False)]
    weight = draw.pareto(1.2, len(above)) + 0.05
    weight[0] = weight.sum() * 0.4 + 0.1
    return above[draw.choice(len(above), count, p=weight / weight.sum())]


def _drawn(
    draw: np.random.Generator, count: int, chances: tuple[float, ...]
) -> npt.NDArray[np.int8]:
    import numpy as np

    return draw.choice(len(chances), count, p=chances).astype(np.int8)

"""The window x topology join: the cheapest 5 causes of each effect, ours beside its peers.

    python -m benchmarks.window_join --events 10000000 --entities 2000 --json

Of generated events (see `_events`), 1 % are effects and 2 % causes. A pair is an effect and a cause
on its entity or up to 3 hops down the dependencies, up to 30 minutes before it or 1 minute after;
it costs ``|dt|`` and what its kind and its hops cost, in us. ``--hub`` takes every dependency in
both directions, so that hubs join everything; peers then have several times the pairs.

Ours is what the product calls, `nova_timeline.correlate.candidates.cheapest`, and begins at the
columns of all events: finding effects and causes is a part of it, as it is of every peer. Variants:
``all_pairs`` scores every pair, without leaving out those that cannot be among the cheapest;
``one_thread``. ``plain`` (with --hub) is ours on the graph without hub, and ``to_plain`` the ratio.
``nearest_only`` is another question, which is all that an ASOF join answers: the latest cause
before each effect, whatever its kind and hops.

Peers that would take minutes or more memory than is sensible are left out, and ``skipped`` says so.
"""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _events, _graph, _rounds, _window_asof, _window_peers
from benchmarks._window_peers import Join

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from nova_timeline.correlate.candidates import Costs

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
HOPS = 3
WINDOW = 30 * 60_000_000
SLACK = 60_000_000
_TAU = 10 * 60_000_000
HOP_COST = round(-_TAU * math.log(0.6))
LIKELY = {
    _events.DEPLOY: 1.0,
    _events.CONFIG: 0.8,
    _events.SCALE: 0.5,
    _events.ALERT: 0.6,
    _events.ERROR_BURST: 0.7,
}
PRIORS = {kind: round(-_TAU * math.log(p)) for kind, p in LIKELY.items()}

_MOST_EVENTS = {
    "duckdb_iejoin": (100_000, "on one key it took over 80 s at 1e6 events"),
    "pandas_merge": (1_000_000, "the merge makes all pairs of an entity at once: GBs from 1e7"),
    "polars_filter": (10_000_000, "it makes all pairs of an entity: minutes and over 10 GB"),
    "polars_buckets": (10_000_000, "it took 3.5 GB at 1e7 events: over 10 GB"),
    "polars_join_where": (10_000_000, "it took 3.2 GB at 1e7 events: over 10 GB"),
    "numpy_searchsorted": (10_000_000, "about 10 s for 1e7 events"),
}
_MORE_BY_HUB = 4
"""How many times the pairs there are in about, with --hub."""


def costs() -> Costs:
    """Say to the product what this join is."""
    from nova_timeline.correlate import candidates

    kinds = range(_events.ERROR_BURST + 1)
    return candidates.Costs(
        effects=[kind in _events.EFFECTS for kind in kinds],
        priors=[PRIORS.get(kind, candidates.NO_CAUSE) for kind in kinds],
        window=WINDOW,
        slack=SLACK,
        hop_cost=HOP_COST,
        hops=HOPS,
    )


def ours(
    events: _events.Events, graph: _graph.Graph, *, prune: bool = True, threads: int = 2
) -> tuple[Any, ...]:
    """Join as the product does."""
    from nova_timeline.correlate import candidates
    from nova_timeline.topology import Adjacency

    ts, entity, kind = (events.columns[name] for name in ("ts", "entity", "kind"))
    near = Adjacency(graph.starts, graph.targets)
    found = candidates.cheapest(ts, entity, kind, near, costs(), prune=prune, threads=threads)
    return found.effect, found.cause, found.cost


def run(
    events: _events.Events, *, hub: bool, peers: Collection[str], repeat: int
) -> dict[str, Any]:
    """Measure ours and the peers that this size allows, and return the benchmark's object."""
    count = len(events.columns["ts"])
    fit, skipped = _fitting(peers, count * (_MORE_BY_HUB if hub else 1))
    sizes = {"events": count, "entities": events.graph.entities, "hub": hub, "bytes": events.size}
    scanned = [events.columns[name] for name in ("ts", "entity", "kind")]
    plain = partial(ours, events, _graph.made(events.graph.entities))
    reach = _graph.within(events.graph, HOPS) if fit else _graph.within(_graph.made(1), 0)
    join = Join(events, reach, PRIORS, WINDOW, SLACK, HOP_COST)
    found = _rounds.compare(
        "window_join",
        sizes,
        ours=partial(ours, events, events.graph),
        peers={name: partial(_window_peers.ALL[name], join) for name in fit},
        variants={
            "all_pairs": partial(ours, events, events.graph, prune=False),
            "one_thread": partial(ours, events, events.graph, threads=1),
        },
        beside={"plain": plain} if hub else {},
        skipped=skipped,
        scanned=scanned,
        input_bytes=events.size,
        repeat=repeat,
    )
    if hub:
        found["to_plain"] = round(found["ours"]["seconds"] / found["beside"]["plain"]["seconds"], 2)
    if fit and not hub:
        found["nearest_only"] = _window_asof.run(join, repeat)
        found["equal"] = found["equal"] and found["nearest_only"]["equal"]
    return found


def _fitting(names: Collection[str], size: int) -> tuple[list[str], dict[str, str]]:
    """Part peers into those that this many events allow and those left out, with the reason."""
    fit = [name for name in names if size <= _MOST_EVENTS.get(name, (size, ""))[0]]
    return fit, {name: _MOST_EVENTS[name][1] for name in names if name not in fit}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.window_join", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--events", type=int, default=1_000_000, help="how many (1000000)")
    parser.add_argument("--entities", type=int, default=2_000, help="how many (2000)")
    parser.add_argument("--hub", action="store_true", help="dependencies in both directions")
    parser.add_argument("--peers", default="all", help="all, none, or names with commas (all)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (3)")
    parser.add_argument("--folder", type=Path, default=BUILD, help="where events are kept")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    chosen = parser.parse_args(arguments)
    peers = _named(parser, chosen.peers)
    events = _events.at(chosen.folder, chosen.events, chosen.entities, hub=chosen.hub)
    found = run(events, hub=chosen.hub, peers=peers, repeat=chosen.repeat)
    _rounds.report(found, as_json=chosen.json)


def _named(parser: argparse.ArgumentParser, given: str) -> list[str]:
    known: Mapping[str, Any] = _window_peers.ALL
    names = {"all": list(known), "none": []}.get(given, given.split(","))
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"no peer is called {unknown[0]!r}; there are {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()

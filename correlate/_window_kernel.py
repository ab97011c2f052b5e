"""The kernels of the window x topology join (imports numba).

A sweep in order of time. Causes are put in front of a chain as their time comes, one chain for
each entity and prior; an effect walks the chains of the entities in its reach, newest first and
nearest entity first, and keeps the cheapest in place. It leaves a chain, an entity or a hop level
as soon as nothing there can cost less than the worst it holds. No pair is ever stored.

A kept pair is one integer, ``cost << 29 | id << 2 | hops``, so that the order of integers is that
of cost and then id.

What runs once for each cause or entity takes bare arrays and is inlined: handing over a tuple of
arrays, or calling with one, counts references in every round and costs a third of the sweep.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

from ._reach_kernel import Graph, Reach, expand

ID_BITS = 27
HOP_BITS = 2
COST_BITS = 63 - ID_BITS - HOP_BITS
_COST_SHIFT = ID_BITS + HOP_BITS
NONE = np.int64(2**63 - 1)
"""Where an effect has fewer causes than it may keep."""
_NO_LIMIT = (1 << COST_BITS) - 1
_NEVER = np.int64(-(2**60))


class Events(NamedTuple):
    """Columns of shape (n,), in order of time."""

    time: npt.NDArray[np.int64]
    entity: npt.NDArray[np.int32]
    """Codes of the graph; any other number where there is no entity."""
    kind: npt.NDArray[np.int8]
    eights: npt.NDArray[np.uint64]
    """The kinds again, eight in a word, without those left over; shape (n // 8,).

    Kind 0 is neither effect nor cause: where a word is 0, eight rows are passed over at once.
    """
    ids: npt.NDArray[np.int32]
    """What a tie is decided by, each once; of shape (0,) where it is the row's number."""


class Points(NamedTuple):
    """Those of the events that are effects, or causes: columns of shape (points,), as ordered."""

    time: npt.NDArray[np.int64]
    entity: npt.NDArray[np.int32]
    ids: npt.NDArray[np.int32]
    chain: npt.NDArray[np.int8]
    """The number of a cause's prior; of shape (0,) for effects."""


class Terms(NamedTuple):
    """What a pair costs, and which pairs there are; times in us."""

    prior: npt.NDArray[np.int64]
    """The cost of a cause by its chain, ascending, shape (chains,)."""
    window: int
    slack: int
    hop_cost: int
    hops: int
    first_hop: int
    prune: bool
    most: int
    """How many others a reach may hold."""


class Chains(NamedTuple):
    """The causes so far, those of an entity and prior in a chain; of one thread at a time."""

    newest: npt.NDArray[np.int32]
    """The newest cause of a chain, or -1, shape (entities, chains)."""
    bound: npt.NDArray[np.int64]
    """The latest time minus prior of an entity's causes, shape (entities,)."""
    older: npt.NDArray[np.int32]
    """The cause before a cause in its chain, or -1; room for all causes of a sweep."""


@kernel()
def select(
    events: Events,
    roles: npt.NDArray[np.uint8],
    first: int,
    stop: int,
    effects: npt.NDArray[np.int32],
    causes: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Write the rows of the effects and of the causes in the eights [first, stop).

    ``roles`` says of each kind whether it is an effect (1), a cause (2) or both (3). Returns how
    many there are of either; there must be room for every row that is not of kind 0.
    """
    kind, eights = events.kind, events.eights
    e = c = 0
    for word in range(first, stop):
        if word == eights.shape[0] or eights[word] != 0:
            for row in range(8 * word, min(8 * word + 8, kind.shape[0])):
                role = roles[kind[row]]
                if role & 1:
                    effects[e] = row
                    e += 1
                if role & 2:
                    causes[c] = row
                    c += 1
    return e, c


@kernel()
def gather(
    events: Events, rows: npt.NDArray[np.int32], chain: npt.NDArray[np.int8], points: Points
) -> None:
    """Copy what some rows hold; ``chain`` is that of each kind."""
    time, entity, kind, ids = events.time, events.entity, events.kind, events.ids
    times, entities, own, chains = points.time, points.entity, points.ids, points.chain
    numbered, chained = ids.shape[0] == 0, chains.shape[0] > 0
    for i in range(rows.shape[0]):
        row = rows[i]
        times[i] = time[row]
        entities[i] = entity[row]
        own[i] = row if numbered else ids[row]
        if chained:
            chains[i] = chain[kind[row]]


@kernel()
def sweep(
    effects: Points,
    causes: Points,
    graph: Graph,
    terms: Terms,
    chains: Chains,
    reach: Reach,
    best: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Find the cheapest causes of some effects.

    Args:
        effects: in order of time.
        causes: in order of time; at least those in the window of some of the effects.
        graph: from an entity to those whose causes count for it too.
        terms: what a pair costs.
        chains: room to work in, for as many causes; what it holds is overwritten.
        reach: what is known of who is near whom.
        best: the packed pairs, shape (effects, keep), cheapest first and then `NONE`; overwritten.

    Returns:
        How many pairs were kept, and how many were scored.
    """
    newest, bound, older = chains.newest, chains.bound, chains.older
    spans, pool, prior = reach.spans, reach.pool, terms.prior
    time, entity, ids, chain = causes.time, causes.entity, causes.ids, causes.chain
    moments, places, own = effects.time, effects.entity, effects.ids
    newest[:] = -1
    bound[:] = _NEVER
    best[:] = NONE
    ready = scored = kept = 0
    for e in range(moments.shape[0]):
        t, here = moments[e], places[e]
        while ready < time.shape[0] and time[ready] <= t + terms.slack:
            _admit(ready, time, entity, chain, prior, newest, bound, older)
            ready += 1
        if not 0 <= here < bound.shape[0]:
            continue
        limit = _NO_LIMIT
        for hops in range(terms.first_hop, terms.hops + 1):
            far = hops * terms.hop_cost
            if far + prior[0] > limit:
                break
            if spans[here, hops, 0] < 0:
                expand(reach, graph, here, hops, terms.most)
            for j in range(spans[here, hops, 0], spans[here, hops, 1]):
                near = pool[j]
                if t - bound[near] + far <= limit:
                    limit, some = _walk(
                        t, own[e], near, hops, far, limit, terms.window, terms.prune,
                        time, ids, prior, newest, older, best, e,
                    )  # fmt: skip
                    scored += some
        for place in range(best.shape[1]):
            kept += best[e, place] != NONE
    return kept, scored


@kernel(inline="always")
def _admit(
    place: int,
    time: npt.NDArray[np.int64],
    entity: npt.NDArray[np.int32],
    chain: npt.NDArray[np.int8],
    prior: npt.NDArray[np.int64],
    newest: npt.NDArray[np.int32],
    bound: npt.NDArray[np.int64],
    older: npt.NDArray[np.int32],
) -> None:
    """Put a cause in front of its chain."""
    here, its = entity[place], chain[place]
    if 0 <= here < bound.shape[0]:
        older[place] = newest[here, its]
        newest[here, its] = place
        bound[here] = max(bound[here], time[place] - prior[its])


@kernel(inline="always")
def _walk(
    t: int,
    own: int,
    near: int,
    hops: int,
    far: int,
    limit: int,
    window: int,
    prune: bool,
    time: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int32],
    prior: npt.NDArray[np.int64],
    newest: npt.NDArray[np.int32],
    older: npt.NDArray[np.int32],
    best: npt.NDArray[np.int64],
    e: int,
) -> tuple[int, int]:
    """Walk the chains of one entity for one effect; return the new limit and the pairs scored."""
    last = best.shape[1] - 1
    scored = 0
    for chain in range(prior.shape[0]):
        added = far + prior[chain]
        place = newest[near, chain]
        allowed = min(window, limit - added)
        while place >= 0:
            gap = t - time[place]
            if gap > allowed:
                break
            scored += 1
            mine = ids[place]
            pair = (abs(gap) + added) << _COST_SHIFT | np.int64(mine) << HOP_BITS | hops
            if pair < best[e, last] and mine != own:
                _insert(best, e, pair)
                if prune:
                    limit = best[e, last] >> _COST_SHIFT
                    allowed = min(window, limit - added)
            place = older[place]
    return limit, scored


@kernel()
def _insert(best: npt.NDArray[np.int64], e: int, pair: int) -> None:
    """Put a pair into its place of ``best[e]`` and drop the last, without a branch."""
    for place in range(best.shape[1]):
        held = best[e, place]
        best[e, place] = min(held, pair)
        pair = max(held, pair)


@kernel()
def unpack(
    effects: Points,
    best: npt.NDArray[np.int64],
    effect: npt.NDArray[np.int32],
    cause: npt.NDArray[np.int32],
    cost: npt.NDArray[np.int64],
    hops: npt.NDArray[np.int8],
) -> None:
    """Write out the kept pairs of some effects, each output of shape (kept,)."""
    at = 0
    for e in range(best.shape[0]):
        for place in range(best.shape[1]):
            pair = best[e, place]
            if pair == NONE:
                break
            effect[at] = effects.ids[e]
            cause[at] = pair >> HOP_BITS & (1 << ID_BITS) - 1
            cost[at] = pair >> _COST_SHIFT
            hops[at] = pair & (1 << HOP_BITS) - 1
            at += 1

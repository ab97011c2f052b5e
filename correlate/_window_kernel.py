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
_Row = np.uint64
"""What indexes where speed counts: numba asks of a signed number whether it counts from the end."""
_ONE = _Row(1)
NOTHING = np.uint32(2**32 - 1)
"""Where a chain ends."""


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
    entity: npt.NDArray[np.uint32]
    """As large as can be where there was no code."""
    ids: npt.NDArray[np.int32]
    chain: npt.NDArray[np.uint8]
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

    newest: npt.NDArray[np.uint32]
    """The newest cause of a chain, or `NOTHING`, shape (entities, chains)."""
    bound: npt.NDArray[np.int64]
    """The latest time minus prior of an entity's causes, shape (entities,)."""
    older: npt.NDArray[np.uint32]
    """The cause before a cause in its chain, or `NOTHING`; room for all causes of a sweep."""


@kernel()
def select(
    events: Events,
    roles: npt.NDArray[np.int8],
    first: int,
    stop: int,
    effects: npt.NDArray[np.int32],
    causes: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Write the rows of the effects and of the causes in the eights [first, stop).

    ``roles`` says of each kind whether it is an effect (1), a cause (2) or both (3). Returns how
    many there are of either; there must be room for every row that is not of kind 0, and one more:
    each row is written, and kept by counting it, as a branch on its role would be guessed wrong.
    """
    kind, eights = events.kind, events.eights
    e = c = 0
    for word in range(first, stop):
        if word == eights.shape[0] or eights[word] != 0:
            for row in range(8 * word, min(8 * word + 8, kind.shape[0])):
                role = int(roles[np.uint8(kind[row])])
                effects[e] = causes[c] = row
                e += role & 1
                c += role >> 1
    return e, c


@kernel()
def gather(
    events: Events, rows: npt.NDArray[np.int32], chain: npt.NDArray[np.uint8], points: Points
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
            chains[i] = chain[np.uint8(kind[row])]


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
    newest, bound, older = chains.newest.reshape(-1), chains.bound, chains.older
    spans, pool, prior = reach.spans, reach.pool, terms.prior
    time, entity, ids, chain = causes.time, causes.entity, causes.ids, causes.chain
    moments, places, own = effects.time, effects.entity, effects.ids
    pairs, keep = best.reshape(-1), _Row(best.shape[1])
    newest[:] = NOTHING
    bound[:] = _NEVER
    pairs[:] = NONE
    ready, ends = _Row(0), _Row(time.shape[0])
    scored = kept = 0
    for e in range(_Row(moments.shape[0])):
        t, here = moments[e], places[e]
        while ready < ends and time[ready] <= t + terms.slack:
            _admit(ready, time, entity, chain, prior, newest, bound, older)
            ready += _ONE
        if here >= bound.shape[0]:
            continue
        limit = _NO_LIMIT
        first = e * keep
        for hops in range(terms.first_hop, terms.hops + 1):
            far = hops * terms.hop_cost
            if far + prior[0] > limit:
                break
            level = _Row(hops)
            if spans[here, level, 0] < 0:
                expand(reach, graph, here, hops, terms.most)
            for j in range(_Row(spans[here, level, 0]), _Row(spans[here, level, 1])):
                near = _Row(pool[j])
                if t - bound[near] + far <= limit:
                    limit, some = _walk(
                        t, own[e], near, hops, far, limit, terms.window, terms.prune,
                        time, ids, prior, newest, older, pairs, first, first + keep,
                    )  # fmt: skip
                    scored += some
        for place in range(first, first + keep):
            kept += pairs[place] != NONE
    return kept, scored


@kernel(inline="always")
def _admit(
    place: np.uint64,
    time: npt.NDArray[np.int64],
    entity: npt.NDArray[np.uint32],
    chain: npt.NDArray[np.uint8],
    prior: npt.NDArray[np.int64],
    newest: npt.NDArray[np.uint32],
    bound: npt.NDArray[np.int64],
    older: npt.NDArray[np.uint32],
) -> None:
    """Put a cause in front of its chain."""
    here, its = _Row(entity[place]), _Row(chain[place])
    if here < _Row(bound.shape[0]):
        mine = here * _Row(prior.shape[0]) + its
        older[place] = newest[mine]
        newest[mine] = place
        bound[here] = max(bound[here], time[place] - prior[its])


@kernel(inline="always")
def _walk(
    t: int,
    own: int,
    near: np.uint64,
    hops: int,
    far: int,
    limit: int,
    window: int,
    prune: bool,
    time: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int32],
    prior: npt.NDArray[np.int64],
    newest: npt.NDArray[np.uint32],
    older: npt.NDArray[np.uint32],
    pairs: npt.NDArray[np.int64],
    first: np.uint64,
    stop: np.uint64,
) -> tuple[int, int]:
    """Walk the chains of one entity for one effect; return the new limit and the pairs scored.

    The pairs that the effect holds are those in ``[first, stop)``.
    """
    scored = 0
    chains = _Row(prior.shape[0])
    last = stop - _ONE
    for chain in range(chains):
        added = far + prior[chain]
        place = newest[near * chains + chain]
        allowed = min(window, limit - added)
        while place != NOTHING:
            gap = t - time[place]
            if gap > allowed:
                break
            scored += 1
            mine = ids[place]
            pair = (abs(gap) + added) << _COST_SHIFT | np.int64(mine) << HOP_BITS | hops
            if pair < pairs[last] and mine != own:
                for held in range(first, stop):  # into its place, without a branch
                    other = pairs[held]
                    pairs[held] = min(other, pair)
                    pair = max(other, pair)
                if prune:
                    limit = pairs[last] >> _COST_SHIFT
                    allowed = min(window, limit - added)
            place = older[place]
    return limit, scored


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

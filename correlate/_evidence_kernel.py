"""The kernels of the evidence join: keep, order, slide (imports numba).

`correlate.evidence_join` says what is asked, and calls them. Moments come sorted by entity and then
by time. A *cell* is one severity of one entity; cell ``entity * levels + severity``.
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_NEVER = np.int64(2**63 - 1)

_Int8s = npt.NDArray[np.int8]
_Int32s = npt.NDArray[np.int32]
_Int64s = npt.NDArray[np.int64]


@kernel()
def keep(
    first: int,
    time: _Int64s,
    entity: _Int32s,
    kind: _Int8s,
    wanted: int,
    moment_time: _Int64s,
    moment_starts: _Int64s,
    reach: int,
    kept: _Int32s,
) -> int:
    """Keep the rows of a stretch of the table that lie in any window of their entity, in one pass.

    As time goes on, an entity's windows shut in the order of its moments: a row that comes before
    the next one shuts lies in the union of them all if it does not come before that one opens.
    Unsigned numbers, and no branch on what is kept: each saves a tenth of the time.

    Args:
        first: the position of the stretch's first row in the table.
        time: of each row, never falling, shape (n,); likewise the columns that follow.
        entity: a code outside [0, entities) is of no entity that has moments.
        kind: only rows of the wanted kind are kept.
        wanted: the kind.
        moment_time: by entity and then by time, shape (moments,).
        moment_starts: where each entity's moments begin, shape (entities + 1,).
        reach: how far a window goes to either side.
        kept: is given the positions of the rows, in their order; at least n long.

    Returns:
        How many were kept; -1 if a time falls.
    """
    other = np.uint32(moment_starts.shape[0] - 1)
    cursor = moment_starts[:-1].copy()
    shuts = np.full(other + 1, _NEVER, np.int64)
    for e in range(other):
        if cursor[e] < moment_starts[e + 1]:
            shuts[e] = moment_time[cursor[e]] + reach
    count, sort, width = np.uint32(0), np.int8(wanted), 2 * reach
    before, rising = time[0], True
    for i in range(time.shape[0]):
        t, own = time[i], min(np.uint32(entity[i]), other)
        rising &= t >= before
        before = t
        shut = shuts[own]
        if t > shut:
            m = cursor[own]
            while m < moment_starts[own + 1] and moment_time[m] + reach < t:
                m += 1
            cursor[own] = m
            shut = moment_time[m] + reach if m < moment_starts[own + 1] else _NEVER
            shuts[own] = shut
        kept[count] = first + i
        count += np.uint32((kind[i] == sort) & (shut - t <= width))
    return int(np.int64(count)) if rising else -1


@kernel()
def tally(
    kept: _Int32s,
    entity: _Int32s,
    severity: _Int8s,
    template: _Int32s,
    levels: int,
    sizes: _Int64s,
) -> int:
    """Count the kept rows of each cell into sizes, shape (entities * levels,).

    Returns:
        The greatest template among them, -1 if there are no rows; for a row whose severity or
        template is no code, -2 less its position.
    """
    greatest = np.int64(-1)
    for k in range(kept.shape[0]):
        i = np.int64(kept[k])
        if severity[i] < 0 or severity[i] >= levels or template[i] < 0:
            return -2 - int(i)
        sizes[np.int64(entity[i]) * levels + severity[i]] += 1
        greatest = max(greatest, np.int64(template[i]))
    return int(greatest)


@kernel()
def order(
    kept: _Int32s,
    time: _Int64s,
    entity: _Int32s,
    severity: _Int8s,
    template: _Int32s,
    levels: int,
    free: _Int64s,
    index: _Int64s,
) -> None:
    """Put rows into their cells, each in the order in which it comes (a counting sort).

    Args:
        kept: the rows, ascending.
        time: of every row of the table, shape (n,); likewise entity, severity and template.
        entity: see `keep`.
        severity: see `keep`.
        template: see `keep`.
        levels: how many severities there are.
        free: the first free place of each cell; moved on.
        index: is given the time, and template and row in one word, shape (all kept, 2): a row is
            one write to one place in memory.
    """
    for k in range(kept.shape[0]):
        i = np.int64(kept[k])
        cell = np.int64(entity[i]) * levels + severity[i]
        place = free[cell]
        free[cell] = place + 1
        index[place, 0] = time[i]
        index[place, 1] = np.int64(template[i]) << 32 | i


@kernel()
def _first_from(index: _Int64s, low: int, high: int, time: int) -> int:
    """Find the first place in [low, high) that is not before the time; high if there is none."""
    while low < high:
        middle = (low + high) // 2
        if index[middle, 0] < time:
            low = middle + 1
        else:
            high = middle
    return low


@kernel()
def _advance(
    t: int,
    reach: int,
    index: _Int64s,
    ends: _Int64s,
    low: _Int64s,
    high: _Int64s,
    count: _Int32s,
    place: _Int32s,
    live: _Int32s,
    alive: int,
) -> int:
    """Move the window [low, high) of each severity to a later moment; return how many are alive.

    The loop over rows is in here, since handing arrays to a function costs more than one row does.

    Args:
        t: the moment.
        reach: how far the window goes to either side.
        index: see `slide`.
        ends: where the entity's cell of each severity ends.
        low: where the window begins, a severity.
        high: where it ends.
        count: rows in the window, a template.
        place: where each template with a count stands in live.
        live: templates with a count, in no order; a place is taken over by the last.
        alive: how many they are.
    """
    for s in range(low.shape[0]):
        i = high[s]
        while i < ends[s] and index[i, 0] <= t + reach:
            q = index[i, 1] >> 32
            if count[q] == 0:
                place[q], live[alive] = alive, q
                alive += 1
            count[q] += 1
            i += 1
        high[s] = i
        i = low[s]
        while i < high[s] and index[i, 0] < t - reach:
            q = index[i, 1] >> 32
            count[q] -= 1
            if count[q] == 0:
                alive -= 1
                last = live[alive]
                live[place[q]], place[last] = last, place[q]
            i += 1
        low[s] = i
    return alive


@kernel()
def _commonest(
    count: _Int32s, live: _Int32s, alive: int, found: _Int32s, found_count: _Int32s
) -> None:
    """Write the templates with the highest counts, equal counts by template, into found."""
    top = found.shape[0]
    worst = 0
    for k in range(alive):
        q = live[k]
        c = count[q]
        if c < worst or (c == worst and q > found[top - 1]):
            continue
        j = top - 1
        while j > 0 and (c > found_count[j - 1] or (c == found_count[j - 1] and q < found[j - 1])):
            found[j], found_count[j] = found[j - 1], found_count[j - 1]
            j -= 1
        found[j], found_count[j] = q, c
        worst = found_count[top - 1]


@kernel()
def _nearest(index: _Int64s, low: int, high: int, time: int, found: _Int64s, held: int) -> int:
    """Append the rows of [low, high) nearest to a time to found[:held], until it is full.

    Of two rows as near, the one that comes first in the table goes first. Equal times before the
    moment are taken from the first of them on, however many they are.
    """
    after = _first_from(index, low, high, time)
    stop = after  # rows before `stop` are not taken yet
    run = at = after  # [at, stop) of the run of equal times [run, stop) is being taken
    while held < found.shape[0] and (at < stop or run > low or after < high):
        if at == stop and run > low:
            stop = run
            run = at = _first_from(index, low, stop, index[stop - 1, 0])
        if at < stop and (after == high or time - index[at, 0] <= index[after, 0] - time):
            found[held] = index[at, 1] & 0xFFFFFFFF
            at += 1
        else:
            found[held] = index[after, 1] & 0xFFFFFFFF
            after += 1
        held += 1
    return held


@kernel()
def slide(
    first: int,
    stop: int,
    moment_time: _Int64s,
    moment_entity: _Int32s,
    moment_row: _Int64s,
    reach: int,
    levels: int,
    templates: int,
    index: _Int64s,
    cell_starts: _Int64s,
    counts: _Int32s,
    top: _Int32s,
    top_counts: _Int32s,
    exemplars: _Int64s,
) -> None:
    """Slide the window over the moments [first, stop), and write down what it holds at each.

    A row enters and leaves the window once for all the moments of its entity, whatever they are.

    Args:
        first: the moment to begin with.
        stop: where to end.
        moment_time: by entity and then by time, shape (moments,).
        moment_entity: of each moment.
        moment_row: where in the results each moment's are written.
        reach: how far a window goes to either side.
        levels: how many severities there are.
        templates: how many templates there are.
        index: rows by cell and then by time, as `order` made it.
        cell_starts: where each cell begins, shape (entities * levels + 1,).
        counts: is given the rows of each severity, shape (moments, levels).
        top: is given the commonest templates, shape (moments, top); holds -1.
        top_counts: is given their counts; holds 0.
        exemplars: is given rows, shape (moments, exemplars); holds -1.
    """
    count, place = np.zeros(templates, np.int32), np.empty(templates, np.int32)
    live, alive = np.empty(templates, np.int32), 0
    low, high = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    for m in range(first, stop):
        t, row, base = moment_time[m], moment_row[m], np.int64(moment_entity[m]) * levels
        if m == first or moment_entity[m] != moment_entity[m - 1]:
            for k in range(alive):
                count[live[k]] = 0
            alive = 0
            for s in range(levels):
                begin, end = cell_starts[base + s], cell_starts[base + s + 1]
                low[s] = high[s] = _first_from(index, begin, end, t - reach)
        ends = cell_starts[base + 1 : base + levels + 1]
        alive = _advance(t, reach, index, ends, low, high, count, place, live, alive)
        for s in range(levels):
            counts[row, s] = high[s] - low[s]
        _commonest(count, live, alive, top[row], top_counts[row])
        held = 0
        for s in range(levels - 1, -1, -1):
            if held == exemplars.shape[1]:
                break
            held = _nearest(index, low[s], high[s], t, exemplars[row], held)

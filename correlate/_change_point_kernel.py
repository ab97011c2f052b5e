"""The kernels of `change_points`: every series of a table in one call (imports numba)."""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

from ._selection_kernel import median, percentiles, select

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

_THRESHOLD = 5.0  # noise scales; of the split statistic, and of a level against the baseline
_RELATIVE = 0.25  # a level nearer than this to the baseline is the baseline, whatever the noise
_SHORTEST = 2
_SHORT = 5
_ALIKE, _TWICE = 0.8, 2  # what went so far of the furthest, so many times, goes so by itself
_CLIPPED = 50  # points; in a shorter stretch two percent are not even one point


@kernel()
def sorted_by(rows: Ints, codes: Codes) -> Ints:
    """Sort rows by their codes, none below 0; those alike stay as they came (a counting sort)."""
    highest = 0
    for row in rows:
        highest = max(highest, codes[row])
    free = np.zeros(highest + 2, np.int64)
    for row in rows:
        free[codes[row] + 1] += 1
    free = np.cumsum(free)
    found = np.empty_like(rows)
    for row in rows:
        found[free[codes[row]]] = row
        free[codes[row]] += 1
    return found


@kernel()
def starts(rows: Ints, entity: Codes, metric: Codes) -> Ints:
    """Find where each series begins among rows that are sorted by both codes, and the last ends."""
    found = np.empty(rows.shape[0] + 1, np.int64)
    series = 0
    for k in range(rows.shape[0]):
        a, b = rows[k - 1], rows[k]
        if k == 0 or entity[a] != entity[b] or metric[a] != metric[b]:
            found[series] = k
            series += 1
    found[series] = rows.shape[0]
    return found[: series + 1].copy()


@kernel()
def disordered(
    rows: Ints, starts: Ints, time: Ints, number: Ints, first: int, stop: int
) -> npt.NDArray[np.bool_]:
    """Say which of the series first to stop are not in the order of time and then of number."""
    found = np.zeros(stop - first, np.bool_)
    for s in range(first, stop):
        for k in range(starts[s] + 1, starts[s + 1]):
            a, b = rows[k - 1], rows[k]
            if time[b] < time[a] or (time[b] == time[a] and number[b] < number[a]):
                found[s - first] = True
                break
    return found


@kernel()
def _noise(values: Floats, room: Floats) -> float:
    """Estimate the noise around the level, with floors for series that hardly move."""
    n = values.shape[0]
    steps = room[: n - 1]
    for i in range(n - 1):
        steps[i] = abs(values[i + 1] - values[i])
    rough = median(steps) / 0.954  # the median of |N(0, 2 sigma^2)|
    # Counts that are mostly zero have no median step; the largest few may be the shifts themselves.
    shifts = 7 if n >= 60 else 5
    rough = max(rough, select(steps, n - 1 - shifts) / 2.5)
    sizes = room[:n]
    sizes[:] = np.abs(values)
    level = median(sizes)
    sizes[:] = values
    low, high = percentiles(sizes, 5, 95)
    return float(max(rough, 0.02 * level, 0.01 * (high - low), 1e-9))


@kernel()
def _split(values: Floats, scale: float, room: Floats) -> int:
    """Find where the means of the two sides differ most; -1 where they do not differ enough."""
    n = values.shape[0]
    if n < 2 * _SHORTEST:
        return -1
    room = room[:n]
    low, high = -np.inf, np.inf
    if n >= _CLIPPED:
        room[:] = values
        low, high = percentiles(room, 2, 98)
    running = 0.0
    for i in range(n):
        running += min(max(values[i], low), high)
        room[i] = running
    whole = room[n - 1]
    at, most = -1, 0.0
    for left in range(_SHORTEST, n - _SHORTEST + 1):
        total = room[left - 1]
        gap = abs(total / left - (whole - total) / (n - left))
        statistic = gap * np.sqrt(left * (n - left) / n) / scale
        if statistic > most:
            at, most = left, statistic
    return at if most >= _THRESHOLD else -1


@kernel()
def _splits(values: Floats, scale: float, room: Floats, cuts: Ints, waiting: Ints) -> int:
    """Cut a series where the two sides' means differ most, and so on; count the stretches.

    Args:
        values: shape (n,).
        scale: the noise.
        room: shape (n,), to work in.
        cuts: shape (n + 1,); takes the ends of the stretches: 0, every cut in order, n.
        waiting: shape (n + 1,), to work in: where the stretches that wait to be cut end.
    """
    found, first = 0, 0
    cuts[0] = 0
    # The first of the waiting stretches is always the next one from the left.
    waiting[0] = values.shape[0]
    depth = 1
    while depth:
        at = _split(values[first : waiting[depth - 1]], scale, room)
        if at >= 0:
            waiting[depth] = first + at
            depth += 1
        else:
            depth -= 1
            first = waiting[depth]
            found += 1
            cuts[found] = first
    return found


@kernel()
def _baseline(cuts: Ints, levels: Floats) -> float:
    """Take the first level, unless it is so short that the window opened on an excursion."""
    longest = 0
    for i in range(1, levels.shape[0]):
        if cuts[i + 1] - cuts[i] > cuts[longest + 1] - cuts[longest]:
            longest = i
    room = cuts[longest + 1] - cuts[longest]
    return float(levels[longest] if cuts[1] < max(_SHORTEST + 1, room // 4) else levels[0])


@kernel()
def _furthest(values: Floats, baseline: float, ahead: Floats, behind: Floats) -> None:
    """Note how far single points are off at most: before each place, and from it on (n + 1,)."""
    n = values.shape[0]
    ahead[0] = behind[n] = -1.0
    for i in range(n):
        ahead[i + 1] = max(ahead[i], abs(values[i] - baseline))
    for i in range(n - 1, -1, -1):
        behind[i] = max(behind[i + 1], abs(values[i] - baseline))


@kernel()
def _off(
    values: Floats, cuts: Ints, levels: Floats, baseline: float, scale: float, room: Floats
) -> npt.NDArray[np.int8]:
    """Say of each stretch whether it is on the baseline, 0, above it, 1, or below it, -1.

    A short stretch that is no further off than single points elsewhere are is there by chance.
    """
    n = values.shape[0]
    off = np.zeros(levels.shape[0], np.int8)
    ahead, behind = np.empty(0), np.empty(0)
    for i in range(levels.shape[0]):
        shift = abs(levels[i] - baseline)
        if not (shift > _THRESHOLD * scale / 2 and shift > _RELATIVE * abs(baseline)):
            continue
        a, b = cuts[i], cuts[i + 1]
        if b - a < _SHORT:
            if ahead.shape[0] == 0:
                ahead, behind = np.empty(n + 1), np.empty(n + 1)
                _furthest(values, baseline, ahead, behind)
            inside = room[: b - a]
            inside[:] = np.abs(values[a:b] - baseline)
            if median(inside) <= max(ahead[a], behind[b]):
                continue
        off[i] = 1 if levels[i] > baseline else -1
    return off


@kernel()
def _walk_back(
    values: Floats, at: int, least: int, baseline: float, scale: float, sign: int
) -> int:
    """Move an onset back while the points before it are off the baseline in the same direction."""
    margin = max(3 * scale, 0.1 * abs(baseline))
    while at > least and sign * (values[at - 1] - baseline) > margin:
        at -= 1
    while at < values.shape[0] - 1 and sign * (values[at] - baseline) <= margin:
        at += 1
    return at


@kernel()
def _beyond(
    values: Floats, first: int, stop: int, baseline: float, sign: int, figures: Floats
) -> int:
    """Move an onset on to where it goes further than what went that way before, and came back.

    What two went about as far as is a way that this series goes by itself, such as the age of what
    is made anew every hour.
    """
    furthest = 0.0
    for k in range(figures.shape[0]):
        furthest = max(furthest, sign * (figures[k, 1] - baseline))
    alike = 0
    for k in range(figures.shape[0]):
        alike += sign * (figures[k, 1] - baseline) >= _ALIKE * furthest
    if furthest == 0 or alike < _TWICE:
        return first
    for at in range(first, stop):
        if sign * (values[at] - baseline) > furthest:
            return at
    return first


@kernel()
def _one(
    values: Floats, room: Floats, cuts: Ints, waiting: Ints, place: Ints, figures: Floats
) -> int:
    """Find the excursions of one series, as `excursions` says, and count them."""
    scale = _noise(values, room)
    stretches = _splits(values, scale, room, cuts, waiting)
    levels = np.empty(stretches)
    for i in range(stretches):
        inside = room[: cuts[i + 1] - cuts[i]]
        inside[:] = values[cuts[i] : cuts[i + 1]]
        levels[i] = median(inside)
    baseline = _baseline(cuts, levels)
    off = _off(values, cuts, levels, baseline, scale, room)
    found, i = 0, 0
    while i < stretches:
        j = i + 1
        if off[i]:
            while j < stretches and off[j] == off[i]:
                j += 1
            least = cuts[i - 1] if i else 0
            first = _walk_back(values, cuts[i], least, baseline, scale, off[i])
            before = figures[:found]
            place[found, 0] = _beyond(values, first, cuts[j], baseline, off[i], before)
            place[found, 1] = cuts[j] if j < stretches else -1
            inside = values[cuts[i] : cuts[j]]
            figures[found, 0] = baseline
            figures[found, 1] = np.max(inside) if off[i] > 0 else np.min(inside)
            figures[found, 2] = scale
            found += 1
        i = j
    return found


@kernel()
def excursions(
    values: Floats, rows: Ints, starts: Ints, first: int, stop: int, fewest: int
) -> tuple[Ints, Ints, Floats]:
    """Find the stretches of series that lie off their baseline.

    Args:
        values: one a row, finite.
        rows: those of one series after those of another, each series' in the order of time.
        starts: where each series begins among the rows, shape (series + 1,).
        first: the first series to look at.
        stop: the series to stop before.
        fewest: series with fewer points are left out.

    Returns:
        For each excursion its series, shape (found,); the places among the rows of its first point
        and of the first that is back on the baseline, or -1, shape (found, 2); the baseline, the
        level and the noise, shape (found, 3).
    """
    longest, most = 0, 0
    for s in range(first, stop):
        longest = max(longest, starts[s + 1] - starts[s])
        most += (starts[s + 1] - starts[s]) // _SHORTEST
    own, room = np.empty(longest), np.empty(longest)
    cuts, waiting = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    # As many as there could be; pages that are never written cost nothing.
    owner, place = np.empty(most, np.int64), np.empty((most, 2), np.int64)
    figures = np.empty((most, 3))
    found = 0
    for s in range(first, stop):
        points = starts[s + 1] - starts[s]
        if points < fewest:
            continue
        for k in range(points):
            own[k] = values[rows[starts[s] + k]]
        more = _one(own[:points], room, cuts, waiting, place[found:], figures[found:])
        for k in range(found, found + more):
            owner[k] = s
            place[k, 0] += starts[s]
            place[k, 1] += starts[s] if place[k, 1] >= 0 else 0
        found += more
    return owner[:found].copy(), place[:found].copy(), figures[:found].copy()


@kernel()
def steps(time: Ints, rows: Ints, starts: Ints, series: Ints) -> Ints:
    """Give the median distance in ns between neighbouring points of some series, rounded down."""
    found = np.zeros(series.shape[0], np.int64)
    for k in range(series.shape[0]):
        if k and series[k] == series[k - 1]:
            found[k] = found[k - 1]
            continue
        own = rows[starts[series[k]] : starts[series[k] + 1]]
        apart = np.empty(own.shape[0] - 1, np.int64)
        for i in range(apart.shape[0]):
            apart[i] = time[own[i + 1]] - time[own[i]]
        half = apart.shape[0] // 2
        found[k] = select(apart, half)
        if apart.shape[0] % 2 == 0:
            found[k] = (found[k] + np.max(apart[:half])) // 2
    return found

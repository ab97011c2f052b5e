"""Ours and its peers by turns in one process, with a check that all of them give the same rows.

    found = _rounds.compare(
        "window_join",
        {"events": 1_000_000},
        ours=lambda: (effect, cause, cost),          # columns of equal length, rows in order
        peers={"duckdb": lambda: (...), ...},
        variants={"all_pairs": lambda: (...)},       # ours in other ways; checked and measured too
        scanned=[ts, entity, kind],                  # the columns that `xpass` reads once
        input_bytes=events.size,
    )
    _rounds.report(found, as_json=True)

Every method is called once to warm up (compiled code, page cache), then by turns in at least three
rounds; the figures are medians. A peer that takes longer than `limit` when it warms up is not
called again: that one run is its figure, and it is listed under ``measured_once``. Peak memory is
what a call holds above what was held before it, the most of all calls after the warm-up: one that
is made from what others have left behind holds nothing more. Rows are compared as they are: the
same columns, of the same length, with the same value in every place.

Give a peer its input in the form it likes best, made before; what a method returns must be columns
already (NumPy arrays, or anything ``np.asarray`` takes without a loop), as its making is part of
the work.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks import _measure
from benchmarks._measure import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    Method = Callable[[], Sequence[Any]]

_FIGURES = ("seconds", "cpu_seconds", "peak_extra_mb")


def compare(
    benchmark: str,
    sizes: Mapping[str, Any],
    ours: Method,
    peers: Mapping[str, Method],
    *,
    scanned: Sequence[npt.NDArray[Any]],
    input_bytes: int,
    variants: Mapping[str, Method] | None = None,
    beside: Mapping[str, Method] | None = None,
    skipped: Mapping[str, str] | None = None,
    repeat: int = 3,
    limit: float = 60.0,
    copied: bool = False,
) -> dict[str, Any]:
    """Measure all methods and return the benchmark's object.

    Args:
        benchmark: its name.
        sizes: what was measured on.
        ours: our method.
        peers: other methods, by name.
        scanned: columns; reading them once on one thread is the unit of ``xpass``.
        input_bytes: bytes of the whole input; ``extra_to_input`` is our extra memory by this.
        variants: our method in other ways (without pruning, on one thread), by name.
        beside: what else is measured, whose rows are its own and not compared.
        skipped: peers that are left out -> why.
        repeat: rounds after the warm-up.
        limit: seconds after which a peer is measured only once.
        copied: the unit of ``xpass`` is a copy of the columns instead, for methods that write them.

    Returns:
        The keys of every speed benchmark: benchmark, sizes, ours, peers, ratio, cpu_ratio, xpass,
        extra_to_input, equal; also variants (with an ``xpass`` and ``ratio`` each), differ (methods
        whose rows differ from ours), measured_once, skipped, rows, one_pass_seconds, repetitions.
    """
    others, aside = variants or {}, beside or {}
    methods = {"ours": ours, **{f"ours, {k}": m for k, m in others.items()}, **peers}
    costs, digests, rows, once = _rounds(
        {**methods, **aside}, scanned, repeat, limit, copied=copied
    )
    mine, scan = costs["ours"], costs["one pass"]["seconds"]
    differ = [name for name in methods if digests[name] != digests["ours"]]
    return {
        "benchmark": benchmark,
        "sizes": dict(sizes),
        "ours": mine,
        "peers": {name: costs[name] for name in peers},
        "ratio": {name: _over(costs[name], mine) for name in peers},
        "cpu_ratio": {name: _over(costs[name], mine, "cpu_seconds") for name in peers},
        "xpass": round(mine["seconds"] / scan, 2),
        "extra_to_input": round(mine["peak_extra_mb"] * 2**20 / input_bytes, 3),
        "equal": not differ,
        "differ": differ,
        "variants": {k: _variant(costs[f"ours, {k}"], costs, peers, scan) for k in others},
        "beside": {name: costs[name] for name in aside},
        "measured_once": once,
        "skipped": dict(skipped or {}),
        "rows": rows,
        "one_pass_seconds": scan,
        "repetitions": repeat,
    }


def report(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the object on a line of its own, or as a table."""
    if as_json:
        print(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    sizes = ", ".join(
        f"{k} {v:,}" if type(v) is int else f"{k} {v}" for k, v in found["sizes"].items()
    )
    table = Table("", *("seconds", "CPU seconds", "extra MiB", "ratio", "CPU ratio"), title=sizes)
    table.add_row("ours", *_cells(found["ours"]))
    for name, cost in found["variants"].items():
        table.add_row(f"ours, {name}", *_cells(cost))
    for name, cost in found["peers"].items():
        ratios = (f"{found[kind][name]:,.1f}" for kind in ("ratio", "cpu_ratio"))
        table.add_row(name, *_cells(cost), *ratios)
    console = Console()
    console.print(table)
    console.print(f"passes over the columns used: {found['xpass']:.1f}")
    console.print(f"extra memory / input: {found['extra_to_input']:.2f}")
    console.print(f"same {found['rows']:,} rows: {'yes' if found['equal'] else found['differ']}")
    for name, why in found["skipped"].items():
        console.print(f"left out: {name}: {why}")


def one_pass(columns: Iterable[npt.NDArray[Any]]) -> int:
    """Read every byte of some columns once, on one thread; return what keeps it from being idle."""
    import numpy as np

    total = 0
    for column in columns:
        whole = column.nbytes // 8 * 8
        total ^= int(np.bitwise_xor.reduce(column.view(np.uint8)[:whole].view(np.uint64)))
    return total


def _rounds(
    methods: Mapping[str, Method],
    scanned: Sequence[npt.NDArray[Any]],
    repeat: int,
    limit: float,
    *,
    copied: bool,
) -> tuple[dict[str, dict[str, float]], dict[str, str], int, list[str]]:
    """Return each method's figures, a digest of its rows, how many ours are, and who ran once."""
    room = [column.copy() for column in scanned] if copied else None
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (*methods, "one pass")}
    digests: dict[str, str] = {}
    peaks: dict[str, float] = {}
    rows, once = 0, list[str]()
    for name, method in methods.items():
        cost, (digests[name], count) = _called(name, method, "warm-up")
        rows = count if name == "ours" else rows
        if cost.seconds > limit and not name.startswith("ours"):
            once.append(name)
            runs[name].append(_measure.answer(cost))
        elif cost.seconds < limit / 10:  # while what was held before it is still little
            peaks[name] = _called(name, method, "memory")[0].peak_extra_mb
    for turn in range(repeat):
        for name, method in methods.items():
            if name not in once:
                cost, _ = _called(name, method, f"{turn + 1} of {repeat}")
                runs[name].append(_measure.answer(cost))
        _settle()
        runs["one pass"].append(_measure.answer(_scan(scanned, room)))
    medians = {name: _measure.medians(some) for name, some in runs.items()}
    costs = {name: {k: m[k] for k in _FIGURES} for name, m in medians.items()}
    for name, some in runs.items():
        most = max(run["cost"]["peak_extra_mb"] for run in some)
        costs[name]["peak_extra_mb"] = round(max(most, peaks.get(name, 0.0)), 3)
    return costs, digests, rows, once


def _called(name: str, method: Method, when: str) -> tuple[_measure.Cost, tuple[str, int]]:
    """Call a method and say how long it took; return its cost and a digest of its rows."""
    _settle()
    cost, result = _measure.measured(method)
    say(f"{name}, {when}: {cost.seconds:.3f} s")
    return cost, _digest(result)


def _scan(
    columns: Sequence[npt.NDArray[Any]], room: Sequence[npt.NDArray[Any]] | None
) -> _measure.Cost:
    """Measure the quickest of three passes, or of three copies into some room, as one is short."""
    import numpy as np

    def copy() -> None:
        for column, into in zip(columns, room or (), strict=True):
            np.copyto(into, column)

    work = (lambda: one_pass(columns)) if room is None else copy
    return min((_measure.measured(work)[0] for _ in range(3)), key=lambda c: c.seconds)


def _digest(result: Sequence[Any]) -> tuple[str, int]:
    """Digest columns of integers or texts, in order; return it with their length."""
    import numpy as np

    digest = hashlib.blake2b()
    columns = [np.asarray(column) for column in result]
    for column in columns:
        exact = column.astype("S") if column.dtype.kind in "UO" else column
        if exact.dtype.kind in "iub":
            exact = exact.astype(np.int64)
        digest.update(f"{exact.shape}".encode())
        digest.update(np.ascontiguousarray(exact).tobytes())
    return digest.hexdigest(), len(columns[0])


def _settle() -> None:
    """Give freed memory back, so that one method's leftovers are not another's head start."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    time.sleep(0.01)


def _variant(
    cost: Mapping[str, float],
    costs: Mapping[str, Mapping[str, float]],
    peers: Iterable[str],
    scan: float,
) -> dict[str, Any]:
    ratio = {name: _over(costs[name], cost) for name in peers}
    return {**cost, "xpass": round(cost["seconds"] / scan, 2), "ratio": ratio}


def _over(peer: Mapping[str, float], mine: Mapping[str, float], figure: str = "seconds") -> float:
    return round(peer[figure] / max(mine[figure], 1e-9), 2)


def _cells(cost: Mapping[str, float]) -> tuple[str, str, str]:
    return f"{cost['seconds']:,.4f}", f"{cost['cpu_seconds']:,.4f}", f"{cost['peak_extra_mb']:,.1f}"

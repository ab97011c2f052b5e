"""The document of performance, made of what benchmarks found; no figure comes from elsewhere.

Its words are in `performance.md.jinja` beside this file, its tables are made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._cost_plot import Curve
from benchmarks._saved import Saved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PLOT = "performance.svg"
_TEMPLATE = "performance.md.jinja"
_FAMILIES = ("duckdb", "polars")
_SIDES = {"duckdb": "DuckDB", "polars": "Polars"}
_HEAD = ("method", "seconds", "CPU seconds", "extra MiB", "ratio", "CPU ratio")


@dataclass(frozen=True, slots=True)
class Kernel:
    """What was found of one kernel, at every size it was run on."""

    title: str
    runs: list[Saved]
    """By rising size."""

    @property
    def main(self) -> Saved:
        """The largest run that has peers, or the largest."""
        return next((run for run in reversed(self.runs) if run.found["peers"]), self.runs[-1])

    @property
    def alone(self) -> Saved | None:
        """A run without peers on more than those have."""
        last = self.runs[-1]
        return last if last.size > self.main.size else None


def kernels(runs: Iterable[Saved]) -> list[Kernel]:
    """Put the runs of each kernel together, one with a hub apart from one without."""
    found = dict[str, list[Saved]]()
    for run in sorted(runs, key=lambda run: (run.benchmark, "--hub" in run.arguments, run.size)):
        if "xpass" in run.found:
            hub = ", hub" if "--hub" in run.arguments else ""
            title = run.benchmark.replace("_", " ") + hub
            found.setdefault(title, []).append(run)
    return [Kernel(title, some) for title, some in found.items()]


def curves(kernel: Kernel) -> dict[str, Curve]:
    """Give ns per event at every size: ours, and the best plan of each family of peers."""
    found = dict[str, Curve]()
    for run in kernel.runs:
        seconds = {"ours": run.found["ours"]["seconds"]}
        for family in _FAMILIES:
            best = _best(run.found["peers"], family)
            if best is not None:
                seconds[_SIDES[family]] = run.found["peers"][best]["seconds"]
        for side, spent in seconds.items():
            found.setdefault(side, []).append((run.size, spent * 1e9 / run.size))
    return found


def rendered(runs: Sequence[Saved], command: str) -> str:
    """Render the document.

    Args:
        runs: what was found; all on one machine.
        command: the one that makes the document.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from nova_timeline import connector, engine, memory

    own = kernels(runs)
    whole = {run.benchmark: run for run in sorted(runs, key=lambda run: run.size)}
    environment = Environment(  # noqa: S701 - it makes Markdown, of our own words
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(_TEMPLATE).render(
        command=command,
        machine=table(("", ""), runs[0].machine.items()),
        busiest=max(run.load for run in runs),
        summary=summary(own),
        kernels=own,
        methods=methods,
        remarks=remarks,
        plot=PLOT,
        costs=costs(own),
        reconstruct=whole.get("reconstruct"),
        scale=whole.get("scale"),
        start=whole.get("start"),
        trip=trip,
        workers=workers,
        ray_from_mib=engine.RAY_FROM >> 20,
        share=round(memory.SHARE * 100),
        piece_mib=connector.PIECE >> 20,
    )
    return text.rstrip("\n") + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table; all columns but the first stand at the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def summary(own: Sequence[Kernel]) -> str:
    """Write a row for each kernel: how far the best plans are behind, and what is needed."""
    head = ("kernel", "events", "best DuckDB", "best Polars", "passes", "extra / input")
    return table(head, [_summed(kernel) for kernel in own])


def _summed(kernel: Kernel) -> list[str]:
    found = kernel.main.found
    best = [_best(found["peers"], family) for family in _FAMILIES]
    ratios = ["-" if name is None else f"{found['ratio'][name]:,.1f}x" for name in best]
    needs = f"{found['xpass']:.1f}", f"{found['extra_to_input']:.2f}"
    return [kernel.title, f"{kernel.main.size:,}", *ratios, *needs]


def methods(found: Mapping[str, Any]) -> str:
    """Write a row for ours, for its variants and for each peer, the quickest peer first."""
    rows = [["**ours**", *_cells(found["ours"]), "1", "1"]]
    mine = found["ours"]
    for name, cost in found["variants"].items():
        ratios = (cost[f] / max(mine[f], 1e-9) for f in ("seconds", "cpu_seconds"))
        rows.append([f"ours, {name.replace('_', ' ')}", *_cells(cost), *map(_ratio, ratios)])
    for name, cost in sorted(found["peers"].items(), key=lambda peer: peer[1]["seconds"]):
        once = " (once)" if name in found["measured_once"] else ""
        ratios = (found[kind][name] for kind in ("ratio", "cpu_ratio"))
        rows.append([f"`{name}`{once}", *_cells(cost), *map(_ratio, ratios)])
    return table(_HEAD, rows)


def remarks(found: Mapping[str, Any]) -> list[str]:
    """Say what a kernel's table does not: passes, memory, what was left out and why."""
    others = [f"`{name}`" for name in found["differ"]]
    same = "all methods" + (f" but {', '.join(others)}" if others else "")
    told = [
        f"{found['xpass']:.1f} passes over the columns used, {found['extra_to_input']:.2f} times"
        f" the input in extra memory; the same {found['rows']:,} rows by {same}."
    ]
    told += [
        f"`{name}` found {figures['planted']:.1%} of what was planted, and {figures['excess']:.2f}"
        " points besides for each of those."
        for name, figures in found.get("agreement", {}).items()
    ]
    if "to_plain" in found:
        told.append(f"{found['to_plain']:.1f} times what it takes without the hub.")
    if "nearest_only" in found:
        asof = found["nearest_only"]
        ratios = [f"`{name}` {_ratio(ratio)}" for name, ratio in asof["ratio"].items()]
        told.append(
            f"The nearest cause alone, which is all that an ASOF join answers: ours"
            f" {asof['ours']['seconds']:.4f} s, ratios {', '.join(ratios)}."
        )
    told += [f"Left out: `{name}`: {why}." for name, why in found["skipped"].items()]
    return told


def costs(own: Sequence[Kernel]) -> str:
    """Write ns per event of ours, a row for each kernel and a column for each size."""
    sizes = sorted({run.size for kernel in own for run in kernel.runs})
    rows = list[list[str]]()
    for kernel in own:
        cost = dict(curves(kernel)["ours"])
        cells = (f"{cost[size]:,.1f}" if size in cost else "" for size in sizes)
        rows.append([kernel.title, *cells])
    return table(("ns per event", *(f"{size:,}" for size in sizes)), rows)


def trip(found: Mapping[str, Any]) -> str:
    """Write what the whole trip took, and what parsing alone takes."""
    rows = {
        "**reconstruct and save**": found["ours"],
        "Polars, parsing only": found["peers"]["polars_parse"],
    }
    return table(_HEAD[:4], [[name, *_cells(cost)] for name, cost in rows.items()])


def workers(found: Mapping[str, Any]) -> str:
    """Write what the whole trip took on so many workers, part by part."""
    parts = list(next(iter(found["seconds"].values())))
    rows = [
        [n, *(f"{cost[part]:,.2f}" for part in parts), f"{found['speedup'].get(n, 1):.2f}"]
        for n, cost in found["seconds"].items()
    ]
    return table(("workers", *(f"{part}, s" for part in parts), "speed-up"), rows)


def _best(peers: Mapping[str, Mapping[str, float]], family: str) -> str | None:
    """Name the quickest peer whose name begins with a family's."""
    names = [name for name in peers if name.startswith(family)]
    return min(names, key=lambda name: peers[name]["seconds"], default=None)


def _cells(cost: Mapping[str, float]) -> tuple[str, str, str]:
    return f"{cost['seconds']:,.4f}", f"{cost['cpu_seconds']:,.4f}", f"{cost['peak_extra_mb']:,.1f}"


def _ratio(value: float) -> str:
    return f"{value:,.1f}"

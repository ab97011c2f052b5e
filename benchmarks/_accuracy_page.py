"""The document of accuracy, made of what the suites and the simulator found.

Its words are in `accuracy.md.jinja` beside this file, the figures of others in `published.toml`;
its tables are made here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks._saved import Saved

SWEEPS = ("noise", "missing", "skew", "decoys")
"""What the simulator can be made harder by."""
_TEMPLATE = "accuracy.md.jinja"
_PUBLISHED = Path(__file__).with_name("published.toml")
_DASH = "-"
_SIMULATED = "simulated incidents"

Found = Mapping[str, Any]
_NOTHING: Found = dict[str, Any]()


@dataclass(frozen=True, slots=True)
class Suite:
    """What was found of one suite, beside what others reach."""

    name: str
    about: Mapping[str, Any]
    """Its entry of `published.toml`."""
    whole: Found
    without: Mapping[str, Found]
    """Source -> what was found when it was left out."""

    @property
    def results(self) -> str:
        """Return a table of ours and of others'."""
        ours = self.whole
        rows = [("**ours**", ours["cases"], ours.get("score"), *(ours.get(k) for k in _TOPS))]
        rows += [
            (r["by"], r["cases"], r.get("score"), *(r.get(k) for k in _TOPS))
            for r in self.about["results"]
        ]
        chance, constant = ours["chance"]["top1"], ours["constant"]["top1"]
        rows.append(("an answer by lot", ours["cases"], None, chance, None))
        rows.append(("always the commonest answer", ours["cases"], None, constant, None))
        return _table(("method", "cases", "score", "Top-1", "Top-3"), rows)

    @property
    def spread(self) -> str:
        """Say between what bounds our figures lie, and what a case costs."""
        bounds = "; ".join(
            f"{name} {low:.3f} to {high:.3f}"
            for name, (low, high) in (
                (n, b) for n, b in self.whole["ci95"].items() if b and n != "avg5"
            )
        )
        seconds = self.whole["cpu_seconds_per_case"]
        return f"95 % bootstrap intervals: {bounds}. A case takes {seconds:.2f} CPU seconds."

    @property
    def more(self) -> str:
        """Return a table of the figures that only this suite has."""
        known = {"suite", "cases", "score", "ci95", "chance", "constant", "errors", "workers",
                 "without", "per_case", "avg5", "confidence", *_TOPS}  # fmt: skip
        rows = [
            (key.replace("_", " "), value)
            for key, value in self.whole.items()
            if key not in known and "seconds" not in key and not isinstance(value, (dict, list))
        ]
        return _table(("figure", "value"), rows) if rows else ""

    @property
    def sources(self) -> str:
        """Return a table of what is left when a source is left out."""
        rows = [("nothing", *(self.whole.get(k) for k in ("score", *_TOPS)))]
        rows += [
            (source, *(found.get(k) for k in ("score", *_TOPS)))
            for source, found in sorted(self.without.items())
        ]
        return _table(("left out", "score", "Top-1", "Top-3"), rows)

    @property
    def misses(self) -> str:
        """Return a table of the cases that came out wrong."""
        rows = [
            (row["case"], row["answer"], row["rank"], row["score"])
            for row in self.whole["per_case"]
            if row["score"] < 1
        ]
        if not rows:
            return "None of the cases at hand came out wrong."
        return _table(("case", "our answer", "rank of the truth", "score"), rows)


_TOPS = ("top1", "top3")


def write(runs: Sequence[Saved], page: Path, command: str) -> None:
    """Render the page."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(rendered(runs, command))


def rendered(runs: Sequence[Saved], command: str) -> str:
    """Return the page as Markdown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(  # noqa: S701 - it makes Markdown, of our own words and figures
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page = pages.get_template(_TEMPLATE)
    return page.render(
        command=command,
        suites=suites(runs),
        simulated=simulated(runs),
        kinds=kinds(runs),
        simulation=simulation(runs),
        sweeps=sweeps(runs),
        confidence=confidence(runs),
    )


def suites(runs: Sequence[Saved]) -> list[Suite]:
    """Put the runs of each suite together."""
    about = tomllib.loads(_PUBLISHED.read_text())
    by = {tuple(run.arguments): run.found for run in runs if run.benchmark == "accuracy"}
    return [
        Suite(
            name,
            about[name],
            by[name,],
            {a[2]: found for a, found in by.items() if len(a) > 1 and a[0] == name},
        )
        for name in about
        if (name,) in by
    ]


def simulated(runs: Sequence[Saved]) -> str:
    """Return a table of the simulator's figures."""
    found = _simulation(runs)
    rows = [
        (key.replace("_", " "), value)
        for key, value in found.items()
        if isinstance(value, (int, float))
    ]
    return _table(("figure", "value"), rows)


def simulation(runs: Sequence[Saved]) -> str:
    """Return the command line whose figures are shown; empty where there is none."""
    return next((r.command for r in reversed(runs) if _is_whole(r)), "")


def kinds(runs: Sequence[Saved]) -> str:
    """Return a table of the simulator's figures by kind of fault."""
    found: Found = _simulation(runs).get("per_kind") or _NOTHING
    columns = ("cases", "top1", "top3", "cascade_root")
    rows = [(kind, *(row.get(c) for c in columns)) for kind, row in sorted(found.items())]
    return _table(("kind of fault", "cases", "Top-1", "Top-3", "cascade root"), rows)


def confidence(runs: Sequence[Saved]) -> str:
    """Return a table of how sure answers are and how often they are right; empty if unknown."""
    known = {suite.about["title"]: suite.whole for suite in suites(runs)}
    known |= {_SIMULATED: _simulation(runs)}
    rows = [
        (title, f"{b['from']:.1f} to {b['to']:.1f}", b["answers"], b["confidence"], b["right"])
        for title, found in known.items()
        for b in found.get("confidence", {}).get("bins", ())
    ]
    heads = ("", "confidence", "answers", "their mean confidence", "share that is right")
    return _table(heads, rows) if rows else ""


def sweeps(runs: Sequence[Saved]) -> list[tuple[str, str]]:
    """Return what was made harder, and a table of how the figures follow."""
    found: list[tuple[str, str]] = []
    for run in runs:
        if run.benchmark == "simulate" and run.arguments[0] == "--sweep":
            points = run.found["points"]
            columns = [k for k, v in points[0].items() if isinstance(v, (int, float))]
            rows = [tuple(point.get(c) for c in columns) for point in points]
            heads = tuple(c.replace("_", " ") for c in columns)
            found.append((run.arguments[1], _table(heads, rows)))
    return found


def _simulation(runs: Sequence[Saved]) -> Found:
    whole = [r.found for r in runs if _is_whole(r)]
    return whole[-1] if whole else _NOTHING


def _is_whole(run: Saved) -> bool:
    return run.benchmark == "simulate" and run.arguments[0] == "--cases"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return _DASH
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value).replace("|", r"\|")

"""A plot of what an event costs as there are more of them, as SVG for light and dark pages.

The same figures give the same bytes: ids are salted with a fixed text, and no date is written.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Curve = list[tuple[int, float]]
"""Events, and ns for each of them."""

_INK = "#010203"
"""Stands for whatever the page writes in, until it is replaced."""
_STYLES = {
    "ours": ("#2f81f7", "o", "-"),
    "DuckDB": ("#c77700", "s", "--"),
    "Polars": ("#a65fe0", "^", ":"),
}
"""Side -> colour that can be seen on white and on black, marker, line."""
_THEME = """<style type="text/css">
svg { color: #1f2328 }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }
</style>"""
_NO_METADATA = dict.fromkeys(["Creator", "Date", "Format", "Type"])
_COLUMNS = 3


def drawn(kernels: Mapping[str, Mapping[str, Curve]]) -> str:
    """Draw a panel for each kernel, with a line for each side of `_STYLES` that it has.

    Args:
        kernels: title -> side -> its curve, by rising events.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    library: Any = mpl
    own = {
        "svg.hashsalt": "performance", "svg.fonttype": "none", "font.family": "sans-serif",
        "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK,
        "xtick.color": _INK, "ytick.color": _INK,
    }  # fmt: skip
    with library.rc_context(own):
        rows = -(-len(kernels) // _COLUMNS)
        figure: Any = Figure(figsize=(9, 0.6 + 2.7 * rows), layout="constrained")
        FigureCanvasSVG(figure)
        grid = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
        panels = [*grid.flat]
        for panel, (title, curves) in zip(panels, kernels.items(), strict=False):
            _panel(panel, title, curves)
        for panel in panels[len(kernels) :]:
            panel.set_visible(False)
        _legend(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata=_NO_METADATA)
    return _themed(file.getvalue())


def _panel(panel: Any, title: str, curves: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    """Draw the lines of a kernel."""
    panel.set_title(title, fontsize=10)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.grid(visible=True, which="major", color=_INK, alpha=0.15, linewidth=0.6)
    panel.tick_params(labelsize=8, labelbottom=True, labelleft=True)
    panel.minorticks_off()
    panel.set_xlabel("events, or points", fontsize=8)
    panel.set_ylabel("ns per event", fontsize=8)
    for side, curve in curves.items():
        colour, marker, line = _STYLES[side]
        xs, ys = zip(*curve, strict=True)
        panel.plot(xs, ys, color=colour, marker=marker, linestyle=line, markersize=4, label=side)


def _legend(figure: Any) -> None:
    """Name the sides once, above all panels."""
    lines = {line.get_label(): line for panel in figure.axes for line in panel.get_lines()}
    names = [side if side == "ours" else f"best {side} plan" for side in lines]
    figure.legend(
        lines.values(), names, loc="outside upper center", ncols=3, frameon=False, fontsize=9
    )


def _themed(svg: str) -> str:
    """Let the page's theme choose the ink, and leave no space at the ends of lines."""
    svg = svg.replace(_INK, "currentColor")
    svg = re.sub(r"(<svg [^>]*>)", lambda found: f"{found[1]}\n{_THEME}", svg, count=1)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"

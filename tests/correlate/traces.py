"""Requests made up for tests: spans and log lines as correlation draws them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from nova_timeline.correlate import steps

SECOND = 1_000_000_000
MS = 1_000_000

TYPES = {name: pl.String() if kind == "string" else pl.Int64() for name, kind in
         steps.COLUMNS.items()} | {"kind": pl.Int8(), "severity": pl.Int8()}  # fmt: skip


@dataclass
class Requests:
    """Steps that are written down one by one; ids and rows are counted up."""

    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def span(
        self, trace: int, entity: str, at: int, lasted: int, *, parent: int = 0, what: int = 1,
        severity: int = 9, kind: int = steps.SPAN,
    ) -> int:  # fmt: skip
        """Add a span and return its id; times in ns."""
        span = len(self.rows) + 1
        self._add(trace, span, parent, entity, at, lasted, what, kind, severity)
        return span

    def line(
        self, trace: int, span: int, entity: str, at: int, what: int, severity: int = 9
    ) -> None:
        """Add a log line within a span."""
        self._add(trace, span, 0, entity, at, 0, what, steps.LOG, severity)

    def _add(self, *told: Any) -> None:
        trace, span, parent, entity, at, lasted, what, kind, severity = told
        self.rows.append(
            {
                "trace": trace, "span": span, "parent": parent, "entity": entity, "time": at,
                "lasted": lasted, "what": what, "kind": kind, "severity": severity,
                "row": len(self.rows),
            }
        )  # fmt: skip

    def frame(self) -> pl.DataFrame:
        """Return all of them; see `steps.of`."""
        return pl.DataFrame(self.rows, schema=TYPES, orient="row")


def by_trace(whole: pl.DataFrame, parts: int) -> list[pl.DataFrame]:
    """Cut steps into parts that each hold whole traces."""
    return [whole.filter(pl.col("trace") % parts == part) for part in range(parts)]

"""Where a title was cut, the first line of the record says the rest."""

from typing import Any

import polars as pl
import pyarrow as pa

from nova_timeline.correlate import heard, named, silent

from .scenes import calls, episode, signal, table

LONG = "a certificate has expired: " + "x" * 150
SAID = f"{LONG} (pay.shop.internal)"


class Kept:
    """Rows of which only the bodies are asked for."""

    def take(self, rows: Any, columns: object) -> pa.Table:
        """Give the bodies."""
        del columns
        known = {7: f"{SAID}\n  at orders.Api", 8: None}
        return pa.table({"body": [known[r] for r in pl.Series(rows).to_list()]})


def test_only_what_was_cut_is_read_again_and_no_stack() -> None:
    told = table(
        signal(0, 10, "shop", "fault", title=LONG, row=7, rule="tls"),
        signal(1, 10, "shop", "fault", title=LONG, row=8, rule="tls"),
        signal(2, 10, "shop", "fault", title="short", row=9, rule="tls"),
        signal(3, 10, "shop", "fault", title=LONG, row=10, rule="tls", weight=0.5),
        signal(4, 10, "shop", "fault", title=LONG, row=11, rule=None),
    )
    assert heard.lines(Kept(), told) == {7: SAID, 8: ""}  # type: ignore[arg-type]


def test_nothing_is_read_where_nothing_was_cut() -> None:
    assert heard.lines(Kept(), table(signal(0, 10, "shop", "fault"))) == {}  # type: ignore[arg-type]


def test_who_is_named_where_the_title_was_cut_is_pointed_to_and_spoken_for() -> None:
    shape = calls("shop>pay", "shop>mail", "web>pay")
    told = [signal(i, 10 + i, e, "fault", title=LONG, row=7, count=20)
            for i, e in enumerate(("shop", "web"))]  # fmt: skip
    [found] = silent.spoken_for(table(*told), shape, {7: SAID}).to_dicts()
    assert found["entity"] == "pay"
    bad = episode(*told, signal(3, 10, "pay", "fault", count=1))
    assert named.root(bad, shape, {7: SAID}) == "pay"
    assert named.root(bad, shape) is None

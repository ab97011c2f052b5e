"""Titles: one line for people, made of a record's own values without ever inventing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from ._rules import Piece

LONGEST = 200
"""How many letters a title may have."""

_LONGEST_VALUE = 160
_NOBODY = "(unknown)"
_NOTHING = r"(?i)^(null|none|nil|undefined|<null>|-|n/a)?$"
# All runs of white space and control characters but single blanks, which most texts are full of.
_UNTIDY = r" *[\s\p{C}&&[^ ]][\s\p{C}]*| {2,}"


def clean(values: pl.Expr) -> pl.Expr:
    """Squeeze control characters and white space, and make null what only spells out nothing."""
    import polars as pl

    squeezed = (
        values.cast(pl.String)
        .str.slice(0, _LONGEST_VALUE)
        .str.replace_all(_UNTIDY, " ")
        .str.strip_chars()
    )
    return pl.when(~squeezed.str.contains(_NOTHING)).then(squeezed)


def title(pieces: Sequence[Piece]) -> pl.Expr:
    """Fill in a title from columns that `clean` went over: a clause with a gap in it is left out.

    Outside clauses an entity without a name is ``(unknown)`` and anything else is left out. No
    pieces make no title.
    """
    import polars as pl

    if not pieces:
        return pl.lit(None, pl.String)

    parts = [
        _filled(piece).fill_null("")
        if piece.clause
        else pl.format(
            piece.text,
            *(pl.col(f).fill_null(_NOBODY if f == "entity" else "") for f in piece.fields),
        )
        if piece.fields
        else pl.lit(piece.text)
        for piece in pieces
    ]
    whole = pl.concat_str(parts).str.replace_all(r" {2,}", " ").str.strip_chars(" :,;")
    return whole.str.slice(0, LONGEST)


def entity(pieces: Sequence[Piece]) -> pl.Expr:
    """Fill in whom a rule says it is about; null where a value is missing."""
    import polars as pl

    return pl.concat_str([_filled(piece) for piece in pieces])


def _filled(piece: Piece) -> pl.Expr:
    import polars as pl

    if not piece.fields:
        return pl.lit(piece.text)
    return pl.format(piece.text, *(pl.col(f) for f in piece.fields))

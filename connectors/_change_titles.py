"""One line for people about a change; it names no people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def title() -> pl.Expr:
    """Write what a record says happened, by its kind."""
    import polars as pl

    kind = pl.col("kind")
    return (
        pl.when(kind == "deploy").then(_rollout())
        .when(kind == "commit").then(_commit())
        .when(kind.is_in(["feature_flag", "config_change"])).then(_switch())
        .otherwise(pl.coalesce(_first_line(), kind))
    )  # fmt: skip


def _piece(before: str, name: str, after: str = "") -> pl.Expr:
    """Return a column between words, nothing where it is null."""
    import polars as pl

    return pl.concat_str(pl.lit(before), pl.col(name), pl.lit(after))


def _first_line() -> pl.Expr:
    import polars as pl

    return pl.col("message").str.split("\n").list.first().str.slice(0, 200)


def _rollout() -> pl.Expr:
    import polars as pl

    failed = pl.col("status").str.contains("fail|error|cancel")
    return pl.concat_str(
        pl.when("rollback").then(pl.lit("Rollback")).otherwise(pl.lit("Deploy")),
        pl.coalesce(_piece(" of ", "service"), _piece(" of ", "module")),
        pl.coalesce(_piece(" to version ", "version"), _piece(" to ", "ref")),
        _piece(" (commit ", "short", ")"),
        _piece(" in ", "environment"),
        pl.when(failed).then(_piece(", ", "status")),
        ignore_nulls=True,
    )


def _commit() -> pl.Expr:
    import polars as pl

    return pl.concat_str(
        pl.lit("Commit"),
        _piece(" ", "short"),
        pl.coalesce(_piece(" to ", "service"), _piece(" to ", "module")),
        pl.concat_str(pl.lit(": "), _first_line()),
        ignore_nulls=True,
    )


def _switch() -> pl.Expr:
    import polars as pl

    flag = pl.col("kind") == "feature_flag"
    return pl.concat_str(
        pl.when(flag).then(pl.lit("Feature flag")).otherwise(pl.lit("Configuration")),
        _piece(" ", "subject"),
        pl.lit(" changed"),
        _piece(" from ", "old"),
        _piece(" to ", "new"),
        _piece(" for ", "service"),
        _piece(" in ", "environment"),
        ignore_nulls=True,
    )

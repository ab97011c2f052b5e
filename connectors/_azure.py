"""What Azure's records have in common: resource ids, levels, outcomes, portal links.

Resource ids (``/subscriptions/S/resourceGroups/G/providers/TYPE/NAME``) are compared without regard
to case, as Azure Resource Manager does; event hubs deliver them in capitals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# Activity log levels, and the numbers of System.Diagnostics.Tracing.EventLevel.
LEVELS = {
    "critical": 21,
    "fatal": 21,
    "error": 17,
    "err": 17,
    "warning": 13,
    "warn": 13,
    "notice": 10,
    "informational": 9,
    "information": 9,
    "info": 9,
    "verbose": 5,
    "debug": 5,
    "trace": 1,
    "emerg": 21,
    "emergency": 21,
    "alert": 19,
    "crit": 18,
    "panic": 21,  # PostgreSQL
    "log": 9,
}
KINDS = {
    "servicehealth": "health",
    "resourcehealth": "health",
    "autoscale": "scaling",
    "alert": "alert",
    "administrative": "operator_action",
}
"""Categories of the activity log, in small letters, as kinds of event."""
EVENT_LEVELS = {"1": 21, "2": 17, "3": 13, "4": 9, "5": 5}

_SUCCEEDED = r"^(?i:success|succeeded|ok|completed|created)"
_BEGUN = r"^(?i:start|started|accept|accepted|begin|in ?progress|running)$"
_FAILED = r"^(?i:fail|error|cancell?ed|timed ?out|conflict|forbidden|unauthorized|not ?found)"
_MUTATES = r"(?i)/(write|delete|action)$"
# The first provider's type and name are the resource; later ones are inside or about it.
_TOP = r"/providers/[^/]+/[^/]+/([^/]+)"
_CHILD = r"(?i)/providers/[^/]+/[^/]+/[^/]+/(.+)$"
# Actions that only ask: POST operations that Azure calls "action" and that change nothing.
_ASKS = (
    r"(?i)/(list|get|check|validate|query|read|search|whatif|export|generate|preview)\w*/action$"
)

_RECORD = r"/(?:private)?dnszones/([^/]+)/(?:a|aaaa|cname|mx|ns|ptr|srv|txt)/([^/]+)$"


def name(resource: pl.Expr) -> pl.Expr:
    """Take the name of the resource, in small letters; of what is inside it, its own.

    A database server's setting, a site's slot and a diagnostic setting of either are the server and
    the site to people; a record of a DNS zone is the name that it resolves.
    """
    import polars as pl

    plain = folded(resource)
    record = plain.str.extract_groups(_RECORD)
    label, zone = record.struct.field("2"), record.struct.field("1")
    resolved = pl.when(label == "@").then(zone).otherwise(pl.concat_str(label, zone, separator="."))
    return pl.coalesce(resolved, plain.str.extract(_TOP), plain.str.split("/").list.last())


def child(resource: pl.Expr) -> pl.Expr:
    """Take what a resource id has after the resource's name (``slots/blue``); else null."""
    return resource.str.strip_chars_end("/ ").str.extract(_CHILD)


def folded(resource: pl.Expr) -> pl.Expr:
    """Write a resource id the one way it is compared."""
    return resource.str.to_lowercase().str.strip_chars_end("/ ")


def subscription(resource: pl.Expr) -> pl.Expr:
    """Take the subscription from a resource id."""
    return resource.str.extract(r"(?i)/subscriptions/([^/]+)").str.to_lowercase()


def group(resource: pl.Expr) -> pl.Expr:
    """Take the resource group from a resource id, in small letters."""
    return resource.str.extract(r"(?i)/resourcegroups/([^/]+)").str.to_lowercase()


def type_of(resource: pl.Expr) -> pl.Expr:
    """Take the resource type (``microsoft.web/sites``) from a resource id, in small letters."""
    return resource.str.extract(r"(?i).*/providers/([^/]+/[^/]+)/").str.to_lowercase()


def severity(level: pl.Expr) -> pl.Expr:
    """Turn a level, by word, into OpenTelemetry's number; null where it is not known."""
    import polars as pl

    return level.str.to_lowercase().replace_strict(LEVELS, default=None, return_dtype=pl.Int64)


def outcome(status: pl.Expr) -> pl.Expr:
    """Sort a status or resultType into succeeded, begun, failed; anything else is null."""
    import polars as pl

    word = status.str.strip_chars(" .")
    return (
        pl.when(word.str.contains(_BEGUN)).then(pl.lit("begun"))
        .when(word.str.contains(_FAILED)).then(pl.lit("failed"))
        .when(word.str.contains(_SUCCEEDED) | word.eq("0")).then(pl.lit("succeeded"))
    )  # fmt: skip


def mutates(operation: pl.Expr) -> pl.Expr:
    """Say whether an operation name is one that changes something."""
    return operation.str.contains(_MUTATES) & ~operation.str.contains(_ASKS)

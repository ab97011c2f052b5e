"""Links into the clouds' consoles, a column at a time.

No vendor documents these forms; the shapes here are those of links people have published. A link
helps a reader, it proves nothing: what proves is the record's own id and its digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

_RESERVED = ("%", '"', "/", " ", "+", "&", "#", "?", ";", "=")
_AWS = "https://{}.console.aws.amazon.com"


def percent(text: pl.Expr) -> pl.Expr:
    """Percent-encode all but letters, digits and ``-._~`` (RFC 3986, section 2.3)."""
    return _each(text, _encoded)


def _encoded(text: str) -> str:
    return quote(text, safe="")


def _console_encoded(text: str) -> str:
    """Encode twice with ``$`` in the place of ``%``, as the CloudWatch console's fragments are."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")


def _aws_console(region: str) -> str:
    """Return the console of a region; China and GovCloud have their own (AWS partitions)."""
    if region.startswith("cn-"):
        return f"https://{region}.console.amazonaws.cn"
    if region.startswith("us-gov-"):
        return "https://console.amazonaws-us-gov.com"
    return _AWS.format(region)


def _each(text: pl.Expr, change: Callable[[str], str]) -> pl.Expr:
    """Change texts one distinct value at a time: links repeat a few names over many rows."""
    import polars as pl

    def changed(column: pl.Series) -> pl.Series:
        coded = arrow.compute().dictionary_encode(arrow.column(column))
        made = [change(text) for text in coded.dictionary.to_pylist()]
        return pl.Series(made, dtype=pl.String).gather(pl.Series(values=coded.indices))

    return text.map_batches(changed, return_dtype=pl.String)


def cloudtrail_event(region: pl.Expr, event_id: pl.Expr) -> pl.Expr:
    """Link to one CloudTrail event; null where the region or the id is."""
    import polars as pl

    form = "{}/cloudtrailv2/home?region={}#/events/{}"
    return pl.format(form, _each(region, _aws_console), region, event_id)


def cloudwatch_log_events(
    region: pl.Expr, group: pl.Expr, stream: pl.Expr, time: pl.Expr
) -> pl.Expr:
    """Link to the second of a log stream (or of the whole group) around a time.

    Args:
        region: the AWS region.
        group: the log group; null gives no link.
        stream: the log stream, null for all of them.
        time: milliseconds since 1970 UTC, null for no window.
    """
    import polars as pl

    form = "{}/cloudwatch/home?region={}#logsV2:log-groups/log-group/{}/log-events{}{}"
    inside = pl.format("/{}", _each(stream, _console_encoded)).fill_null("")
    window = pl.format("$3Fstart$3D{}$26end$3D{}", time, time + 1000).fill_null("")
    home = _each(region, _aws_console)
    return pl.format(form, home, region, _each(group, _console_encoded), inside, window)


def cloudwatch_alarm(region: pl.Expr, name: pl.Expr) -> pl.Expr:
    """Link to one CloudWatch alarm."""
    import polars as pl

    form = "{}/cloudwatch/home?region={}#alarmsV2:alarm/{}"
    return pl.format(form, _each(region, _aws_console), region, percent(name))


def gcp_log_entry(project: pl.Expr, log: pl.Expr, insert_id: pl.Expr, time: pl.Expr) -> pl.Expr:
    """Link to one entry in the Logs Explorer, with the cursor at its time where it has one."""
    import polars as pl

    form = (
        "https://console.cloud.google.com/logs/query;query=insertId%3D%22{}%22%20logName%3D%22{}%22"
        "{}?project={}"
    )
    entry = insert_id.map_batches(_without_reserved, return_dtype=pl.String)
    written = time.str.replace(" ", "T", literal=True)
    readable = written.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[^\s]+$")
    cursor = pl.when(readable).then(pl.format(";cursorTimestamp={}", written)).otherwise(pl.lit(""))
    return pl.format(form, entry, percent(log), cursor, project)


def _without_reserved(ids: pl.Series) -> pl.Series:
    """Encode what may not stand in a link; ids differ all, but those of Google hold none of it."""
    if not ids.str.contains(f"[{''.join(_RESERVED)}]").any():
        return ids
    return ids.str.replace_many(list(_RESERVED), [quote(c, safe="") for c in _RESERVED])


def gcp_incident(project: pl.Expr, incident: pl.Expr) -> pl.Expr:
    """Link to one incident of Cloud Monitoring."""
    import polars as pl

    form = "https://console.cloud.google.com/monitoring/alerting/alerts/{}?project={}"
    return pl.format(form, incident, project)


def gcp_metric(project: pl.Expr, metric: pl.Expr) -> pl.Expr:
    """Link to the Metrics Explorer of a project, with a metric type in view."""
    import polars as pl

    form = "https://console.cloud.google.com/monitoring/metrics-explorer?project={}&metric={}"
    return pl.format(form, project, percent(metric))


def azure_resource(resource: pl.Expr, page: str = "") -> pl.Expr:
    """Link to a page of an Azure resource (``/eventlogs``, ``/metrics``; its overview by default).

    Args:
        resource: the full resource id; null, or no id from ``/subscriptions/`` on, gives no link.
        page: the last part of the portal's address.
    """
    import polars as pl

    full = resource.str.contains(r"(?i)^/subscriptions/[^/]+/")
    path = resource.str.strip_chars_end("/").str.replace_all(" ", "%20", literal=True)
    return pl.when(full).then(pl.format("https://portal.azure.com/#@/resource{}" + page, path))


def azure_alert(alert: pl.Expr) -> pl.Expr:
    """Link to one alert of Azure Monitor by its full id."""
    import polars as pl

    form = (
        "https://portal.azure.com/#view/Microsoft_Azure_Monitoring_Alerts/AlertDetails.ReactView"
        "/alertId/{}"
    )
    return pl.when(alert.str.starts_with("/subscriptions/")).then(pl.format(form, percent(alert)))

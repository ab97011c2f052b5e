"""A provider's status page, fetched as JSON, as log lines of the provider and as its own metrics.

Status pages list incidents or events, each with a beginning, a state and updates, and sometimes
series of points; what they are called differs from provider to provider.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BEGAN = ("started_at", "start_time", "created_at", "timestamp", "display_at", "at")
_WELL = ("operating-normally", "operational", "ok", "available", "resolved", "completed")
_OVER = ("resolved", "postmortem")
"""What an incident is said to be once it is over, which it was not when it began."""
_UPDATES = ("updates", "incident_updates")
_PLANNED = ("none", "maintenance")
_TITLES = ("title", "name", "summary")
_TEXTS = ("detail", "description", "body", "message")


def write(feed: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Write what a feed says, if there is one, and give the tables of the incident file."""
    if not feed.is_file():
        return
    said: dict[str, Any] = json.loads(feed.read_bytes())
    provider = said.get("provider") or said.get("source") or "provider"
    held: dict[str, list[Any]] = {k: v for k, v in said.items() if isinstance(v, list)}
    lists = {k: _objects(v) for k, v in held.items()}
    notices = [n for v in lists.values() for item in v for n in _notices(item, provider)]
    points = [p for k, v in lists.items() for item in v for p in _points(k, item, provider)]
    for name, records, options in (
        ("provider_status.jsonl", notices, {}),
        ("provider_metrics.jsonl", points, {"table": "metrics"}),
    ):
        if records:
            (folder / name).write_text("".join(json.dumps(r) + "\n" for r in records))
            yield {"use": "jsonl", "path": name, **options}


def _objects(items: list[Any]) -> list[dict[str, Any]]:
    """Leave out what is no object, as the words that tell how a domain stands."""
    return [x for x in items if isinstance(x, dict)]


def _notices(item: Mapping[str, Any], provider: str) -> Iterator[dict[str, Any]]:
    began = _first(item, _BEGAN)
    if began is None or "value" in item:
        return
    state = str(item.get("status", ""))
    trouble = item.get("impact", "maintenance" if state in _WELL else "") not in _PLANNED
    about = {
        "entity": item.get("service") or provider,
        "level": "WARN" if trouble else "INFO",
        "cloud.region": item.get("region"),
    }
    texts = [_first(item, _TITLES), _first(item, _TEXTS)]
    title = ": ".join(text for text in texts if text)
    first = "investigating" if trouble and state in _OVER else state
    yield {"timestamp": began, "message": f"{provider} status: {first}: {title}", **about}
    for update in (u for name in _UPDATES for u in item.get(name, ())):
        said = (update.get("status"), _first(update, _TEXTS))
        text = ": ".join(part for part in said if part)
        yield {
            "timestamp": _first(update, _BEGAN),
            "message": f"{provider} status: {text}",
            **about,
        }


def _points(name: str, item: Mapping[str, Any], provider: str) -> Iterator[dict[str, Any]]:
    began = _first(item, _BEGAN)
    if began is not None and isinstance(item.get("value"), (int, float)):
        yield {"timestamp": began, "metric": name, "value": item["value"], "entity": provider}


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((record[name] for name in names if record.get(name)), None)

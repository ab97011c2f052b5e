"""JSON values inside records whose shape nobody promised: read where they are as documented.

What is of another shape says nothing; that is no reason to lose the other records of a file.
"""

from __future__ import annotations

import json
from typing import Any, cast


def value(text: str | bytes | None) -> Any:
    """Read a JSON text; None where it is none, or is nested without end."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def members(found: object) -> dict[str, Any]:
    """Take an object's members; none of any other value."""
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def objects(found: object) -> list[dict[str, Any]]:
    """Take the objects in an array; none of any other value."""
    listed = cast("list[object]", found) if isinstance(found, list) else []
    return [cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)]

"""How long something took, written for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Write seconds for people: 6m28s, 1h05m, 0.4s."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"

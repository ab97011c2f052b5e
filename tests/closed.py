"""Folders that may not be looked into, for a user whom modes do not stop."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def shut(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let nobody look into folders of that name; root may look into any, so modes do not do."""
    may = os.access

    def access(path: str | Path, mode: int) -> bool:
        return Path(path).name != name and may(path, mode)

    monkeypatch.setattr(os, "access", access)

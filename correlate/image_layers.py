"""Steps of an image's build that are run anew each time, as what comes before them never stays.

"If a layer changes, all other layers that come after it are also affected", so what differs from
build to build belongs after what takes long and seldom changes (Docker, "Optimize cache usage in
builds"). A commit's hash, or all of the sources, ahead of what is installed has each build fetch
it anew.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FROM = re.compile(
    r"^\s*FROM\s+(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.IGNORECASE
)
_INSTALLS = re.compile(
    r"^\s*RUN\b.*\b(?:npm (?:ci|i|install)|yarn(?: install|\s*$)|pnpm (?:i|install|fetch)"
    r"|pip3? install|poetry install|uv (?:sync|pip)|pipenv (?:install|sync)|go mod download"
    r"|bundle install|mvn\b.*\bdependency:|gradlew?\b.*\bdependencies|cargo (?:fetch|chef)"
    r"|composer install|dotnet restore|apt(?:-get)? (?:-\S+ )*install|apk add|(?:dnf|yum) install"
    r"|conda|mix deps)",
    re.IGNORECASE,
)
_EACH_TIME = re.compile(
    r"^\s*(?:(?:ARG|ENV|LABEL)\b.*(?:SHA\b|COMMIT|REVISION|VCS_REF|TIMESTAMP|BUILD_?(?:TIME|DATE|ID|NUM"
    r"|AT|TAG|URL)|GIT_|RUN_ID|PIPELINE_ID|CACHE_?BUST)|(?:COPY|ADD)(?:\s+--(?!from)\S+)*\s+\.\s)",
    re.IGNORECASE,
)
"""What is another in each build: what it is built from, and when."""


def run_anew(before: Sequence[str], after: Sequence[str]) -> str | None:
    """Give a step that installs things and now comes after what is another in each build."""
    old, new = _ahead(before), _ahead(after)
    return next((step for step, ahead in new.items() if ahead and old.get(step) == set()), None)


def _ahead(lines: Iterable[str]) -> dict[str, set[str]]:
    """Give each step that installs things with what differs from build to build ahead of it."""
    stages: dict[str, list[str]] = {}
    ahead: list[str] = []
    found: dict[str, set[str]] = {}
    for line in lines:
        begun = _FROM.match(line)
        if begun is not None:
            ahead = [*stages.get(begun["base"].casefold(), ())]
            if begun["name"]:
                stages[begun["name"].casefold()] = ahead
        elif _INSTALLS.match(line):
            found[line.strip()] = {*ahead}
        elif _EACH_TIME.match(line):
            ahead.append(line.strip())
    return found

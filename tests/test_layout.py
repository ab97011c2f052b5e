"""The folders, the packages, the links and the lock files agree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PARTS = {
    "nova_timeline": "nova_timeline",
    "connectors": "nova_timeline.connectors",
    "correlate": "nova_timeline.correlate",
}
MODULES = sorted(
    f"{package}.{file.stem}".removesuffix(".__init__")
    for folder, package in PARTS.items()
    for file in (ROOT / folder).glob("*.py")
    if file.stem != "__main__"
)


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(name: str) -> dict[str, set[str]]:
    """Return package -> versions of a lock file (more than one where the Python decides)."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(
        r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE
    ):
        found.setdefault(package, set()).add(version)
    return found


def test_every_package_is_listed() -> None:
    setuptools = project()["tool"]["setuptools"]
    found = {
        ".".join((package, *file.parent.relative_to(ROOT / folder).parts))
        for folder, package in PARTS.items()
        for file in (ROOT / folder).rglob("__init__.py")
        if not any(p.is_symlink() for p in file.parents)
    }
    assert set(setuptools["packages"]) == found
    assert setuptools["package-dir"] == {package: folder for folder, package in PARTS.items()}


@pytest.mark.parametrize("folder", ["connectors", "correlate"])
def test_the_package_reaches_its_folders_by_relative_links(folder: str) -> None:
    link = ROOT / "nova_timeline" / folder
    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder


@pytest.mark.parametrize("module", MODULES)
def test_any_module_can_be_imported_first(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import {module}"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?:|file:|^-", text, re.MULTILINE)


def test_every_dependency_is_locked() -> None:
    metadata = project()
    extras = metadata["project"]["optional-dependencies"].values()
    groups = metadata["dependency-groups"].values()
    wanted = [*metadata["project"]["dependencies"], *(d for extra in extras for d in extra)]
    runtime = locked("requirements.lock")
    assert not names(wanted) - runtime.keys()
    everything = locked("requirements-dev.lock")
    assert (
        not names([d for group in groups for d in group if isinstance(d, str)]) - everything.keys()
    )
    assert {p: everything[p] for p in runtime} == runtime


def names(requirements: list[str]) -> set[str]:
    """Return the packages that requirements ask for, the project itself left out."""
    return {re.split(r"[\[<>=~! ;]", r)[0].lower() for r in requirements} - {"nova-timeline"}

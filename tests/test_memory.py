"""Sizes as people write them, and what is free as Linux and its control groups tell it."""

import ctypes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline import memory

MIB = 1 << 20
MEMINFO = "MemTotal: 9000000 kB\nMemFree: 100 kB\nMemAvailable: 8192000 kB\n"
FREE = 8_192_000 << 10


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GiB", 1 << 30), ("1gib", 1 << 30), ("1 GiB", 1 << 30), ("1G", 1 << 30),
        ("800MB", 800_000_000), ("1.5GiB", 3 << 29), ("104857600", 100 * MIB),
        ("2TB", 2 * 10**12), ("70%", 700 * MIB), ("12.5 %", 125 * MIB), ("100%", 1000 * MIB),
    ],
)  # fmt: skip
def test_a_memory_limit_is_understood(text: str, size: int) -> None:
    assert memory.parse(text, free=1000 * MIB) == size


@pytest.mark.parametrize("text", ["", "much", "1 XB", "-1GiB", "0%", "101%", "1GiB2", "%", "1MiB"])
def test_what_is_no_memory_limit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|give at least 64MiB"):
        memory.parse(text, free=1000 * MIB)


@given(st.integers(0, 1 << 50))
def test_a_size_in_bytes_is_itself(size: int) -> None:
    assert memory.size(str(size)) == size
    assert memory.size(f"{size}B") == size
    assert memory.size(f"{size}KiB") == size << 10


def machine(root: Path, groups: str | None = None, **files: str) -> Path:
    """Write what /proc and /sys say on a machine into a folder."""
    written = {"proc/meminfo": MEMINFO}
    if groups is not None:
        written["proc/self/cgroup"] = groups
    written |= {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in written.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def group(place: str, limit: str, used: int, cache: int = 0) -> dict[str, str]:
    """Return the files of one control group, version 2."""
    values = {
        "memory.max": limit, "memory.current": str(used),
        "memory.stat": f"anon 5\nfile 9\nactive_file 1\ninactive_file {cache}\n",
    }  # fmt: skip
    return {f"{place}{name}": text for name, text in values.items()}


def test_the_machine_tells_what_is_available(tmp_path: Path) -> None:
    assert memory.available(machine(tmp_path)) == FREE
    assert memory.available(machine(tmp_path, "0::/\n")) == FREE


@pytest.mark.parametrize(
    ("groups", "place"), [("0::/\n", ""), ("0::/a/b\n", "a/b/"), ("0::/a/b\n", "a/")]
)
def test_the_least_of_all_groups_above_counts(groups: str, place: str, tmp_path: Path) -> None:
    files = group(place, str(500 * MIB), 200 * MIB, cache=50 * MIB)
    assert memory.available(machine(tmp_path, groups, **files)) == 350 * MIB


def test_a_group_without_a_limit_or_with_a_larger_one_changes_nothing(tmp_path: Path) -> None:
    assert memory.available(machine(tmp_path, "0::/a\n", **group("a/", "max", 7))) == FREE
    assert memory.available(machine(tmp_path, "0::/a\n", **group("a/", str(1 << 40), 7))) == FREE


def test_a_full_group_has_nothing_left(tmp_path: Path) -> None:
    assert memory.available(machine(tmp_path, "0::/\n", **group("", "100", 200))) == 0


def test_the_first_version_of_control_groups_is_understood(tmp_path: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": str(300 * MIB),
        "memory/memory.usage_in_bytes": str(100 * MIB),
        "memory/memory.stat": f"cache 1\ntotal_inactive_file {10 * MIB}\n",
    }
    lines = "11:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n"
    assert memory.available(machine(tmp_path, lines, **files)) == 210 * MIB


def test_this_machine_has_memory() -> None:
    assert memory.available() > 0
    assert memory.limit(5) == 5
    assert 0 < memory.limit() <= memory.available() * 1.2


def test_a_machine_that_does_not_tell_is_no_machine_of_ours(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1 kB\n")
    with pytest.raises(OSError, match="say how much with --memory-limit"):
        memory.available(tmp_path)


def test_what_is_free_between_things_in_use_is_given_back_once_too_much_is_held() -> None:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("only the GNU C library gives back what is free in the middle of a heap")
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    size, count = 32 << 10, 2_000
    places = [libc.malloc(size) for _ in range(count)]
    for place in places:
        ctypes.memset(place, 1, size)
    kept = places[::50]
    for place in set(places) - set(kept):
        libc.free(place)
    before = memory.held()
    memory.keep_to(before)
    assert memory.held() >= before - MIB
    memory.keep_to(before - 1)
    assert memory.held() < before - size * count // 2
    for place in kept:
        libc.free(place)

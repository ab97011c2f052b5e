"""Starting is light: what is heavy is imported by the work that needs it."""

import json
import os
import resource
import statistics
import subprocess
import sys

import pytest

HEAVY = (
    "boto3",
    "botocore",
    "duckdb",
    "evtx",
    "jinja2",
    "llvmlite",
    "numba",
    "numpy",
    "polars",
    "pyarrow",
    "ray",
)
MODULES = ("nova_timeline", "nova_timeline.cli", "nova_timeline.connector")
TRIES = 5


def imported(statements: str) -> set[str]:
    """Return the top-level modules a fresh interpreter holds after some statements."""
    report = "import json, sys\nprint(json.dumps([m.partition('.')[0] for m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{statements}\n{report}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def cpu_seconds(*arguments: str) -> float:
    """Return the CPU time of one run of the interpreter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.parametrize(
    "module", ["nova_timeline", "nova_timeline.cli", "nova_timeline.connector"]
)
def test_importing_brings_in_nothing_heavy(module: str) -> None:
    assert not imported(f"import {module}") & set(HEAVY)


def test_asking_for_help_brings_in_nothing_heavy() -> None:
    ask = """
import runpy, sys
sys.argv = ["nova-timeline", "--help"]
try:
    runpy.run_module("nova_timeline", run_name="__main__")
except SystemExit as stop:
    assert not stop.code
"""
    assert not imported(ask) & set(HEAVY)


def test_every_exported_name_is_there() -> None:
    told = "import nova_timeline as n; assert n.__all__ and all(hasattr(n, x) for x in n.__all__)"
    subprocess.run([sys.executable, "-c", told], check=True)


def test_compiled_kernels_are_loaded_without_the_compiler_which_still_works_after_them() -> None:
    answer = "from benchmarks.start import first_answer; first_answer(frozen=True)"
    assert "numba" in imported(answer)
    after = f"""
import sys
{answer}
assert not {{"numba.np.linalg", "scipy.linalg"}} & set(sys.modules)
import numba, numpy
assert numba.njit(lambda x: numpy.sort(x)[:2].sum())(numpy.array([3.5, 1.0, 2.0])) == 3.0
assert "numba.np.linalg" in sys.modules
first_answer(frozen=False)
"""
    assert "numba" in imported(after)


def test_each_compiled_kernel_is_loaded_without_the_compiler() -> None:
    from nova_timeline.compiled import IS_TRIED

    assert IS_TRIED, "the locked numba is another than those its loading was tried with"
    first = "from benchmarks.start import first_answer; first_answer(frozen=True)"
    subprocess.run([sys.executable, "-c", first], check=True, capture_output=True)
    command = [sys.executable, "-m", "tests.each_kernel"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert told["tried"]
    assert not told["failed"]


def test_help_costs_little_more_than_an_interpreter(capsys: pytest.CaptureFixture[str]) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "nova_timeline", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert "reconstruct" in shown.stdout
    ours = statistics.median(cpu_seconds("-m", "nova_timeline", "--help") for _ in range(TRIES))
    bare = statistics.median(cpu_seconds("-c", "pass") for _ in range(TRIES))
    milliseconds = f"{ours * 1000:.0f} ms of CPU, a bare interpreter {bare * 1000:.0f} ms"
    with capsys.disabled():
        sys.stdout.write(f"\nnova-timeline --help: {milliseconds}\n")

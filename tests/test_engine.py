"""Every body of the engine keeps one promise: the same results, in order, whatever happens."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import stamina

from nova_timeline import descendants, errors
from nova_timeline import engine as engines
from nova_timeline.attempts import cores
from nova_timeline.engine import Choice, Engine, Local
from nova_timeline.errors import EngineError, MissingExtraError, TransientError, WorkerLostError
from nova_timeline.processes import Processes
from nova_timeline.ray_engine import Ray
from tests.engines import on_ray

if TYPE_CHECKING:
    from pathlib import Path

LARGE = engines.RAY_FROM * cores()
LEAVES = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]


class DetailedError(errors.ConnectorError, OSError):
    """An error with a field of its own."""

    def __init__(self, place: str, *, row: int) -> None:
        """Say where it is."""
        super().__init__(f"{place}: row {row}")
        self.place, self.row = place, row

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the row, which is given by keyword only."""
        return _detailed, (self.place, self.row)


def _detailed(place: str, row: int) -> DetailedError:
    return DetailedError(place, row=row)


def squared(number: int) -> int:
    """Take longer for what comes first, so that results do not come in order by themselves."""
    time.sleep(0.02 if number < 3 else 0)
    return number * number


def column(size: int) -> pa.Table:
    return pa.table({"n": pa.array(range(size))})


def environment(name: str) -> str | None:
    return os.environ.get(name)


def fails(what: str) -> str:
    if what == "detailed":
        place = "app.csv"
        raise DetailedError(place, row=7)
    if what == "odd":
        raise Odd
    return what


class Odd(Exception):  # noqa: N818 - as the error of some library
    """An error that cannot be read back where it is sent."""

    def __init__(self) -> None:
        """Take nothing."""
        super().__init__("an odd thing")

    def __reduce__(self) -> tuple[Any, ...]:
        """Call for arguments that it does not take."""
        return Odd, ("too", "many")


def third_time(task: tuple[str, Path]) -> int:
    """Fail twice in a way that may pass, and then give the number of tries."""
    how, count = task
    with count.open("a") as file:
        file.write(".")
    tries = len(count.read_text())
    if tries < 3:
        if how == "transient":
            msg = "throttled"
            raise TransientError(msg)
        raise OSError(errno.ETIMEDOUT, "Connection timed out")
    return tries


def dies_once(task: tuple[int, Path]) -> int:
    """Kill the worker at the first try of number 3."""
    number, trace = task
    if number == 3 and not trace.exists():
        trace.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_come_in_the_order_of_the_tasks(body: Engine) -> None:
    assert list(body.map(squared, range(20))) == [n * n for n in range(20)]
    assert list(body.map(squared, [])) == []


def test_tables_arrive_whole(body: Engine) -> None:
    for size, table in zip((0, 1, 100_000), body.map(column, [0, 1, 100_000]), strict=True):
        assert table.equals(column(size))


def test_an_error_comes_back_as_itself_with_its_fields(body: Engine) -> None:
    made = body.map(fails, ["fine", "detailed", "fine"])
    assert next(made) == "fine"
    with pytest.raises(DetailedError, match=r"app\.csv: row 7") as raised:
        next(made)
    assert (raised.value.place, raised.value.row) == ("app.csv", 7)
    assert list(body.map(fails, ["after", "it"])) == ["after", "it"]


def test_an_error_that_cannot_travel_is_told(body: Engine) -> None:
    with pytest.raises(Exception, match="odd thing"):
        list(body.map(fails, ["odd"]))


@pytest.mark.parametrize("how", ["transient", "timed out"])
def test_what_may_pass_is_tried_again(how: str, body: Engine, tmp_path: Path) -> None:
    assert list(body.map(third_time, [(how, tmp_path / "tries")])) == [3]


def test_what_does_not_pass_is_raised_in_the_end() -> None:
    tries = 0

    def throttled(_: int) -> None:
        nonlocal tries
        tries += 1
        msg = "throttled"
        raise TransientError(msg)

    with stamina.set_testing(True, attempts=2), pytest.raises(TransientError):
        list(Local(1).map(throttled, [0]))
    assert tries == 2


@pytest.mark.parametrize(
    "made", [Processes(2), pytest.param(None, marks=on_ray)], ids=["processes", "ray"]
)
def test_a_killed_worker_changes_nothing_but_time(
    made: Engine | None, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    body: Engine = made or request.getfixturevalue("ray")
    trace = tmp_path / "trace"
    assert list(body.map(dies_once, [(n, trace) for n in range(8)])) == [*range(8)]
    assert trace.exists()


@pytest.mark.parametrize(
    "made", [Processes(2), pytest.param(None, marks=on_ray)], ids=["processes", "ray"]
)
def test_a_task_that_kills_every_worker_is_given_up(
    made: Engine | None, request: pytest.FixtureRequest
) -> None:
    body: Engine = made or request.getfixturevalue("ray")
    with pytest.raises(WorkerLostError, match="while it was at one task"):
        list(body.map(dies, [0]))


@pytest.mark.parametrize(
    "made", [Processes(1), pytest.param(None, marks=on_ray)], ids=["processes", "ray"]
)
def test_one_worker_is_one_core(made: Engine | None, request: pytest.FixtureRequest) -> None:
    body: Engine = made or request.getfixturevalue("ray")
    names = ["POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"]
    assert list(body.map(environment, names)) == ["1", "1", "1"]


def test_only_so_many_results_are_held() -> None:
    begun: list[int] = []

    def noted(number: int) -> int:
        begun.append(number)
        return number

    made = Local(2).map(noted, range(100))
    for taken in range(10):
        assert next(made) == taken
        assert len(begun) <= taken + 4
    made.close()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue] - a generator


def test_leaving_early_leaves_no_thread_and_no_process() -> None:
    for body in (Local(2), Processes(2)):
        made: Any = body.map(squared, range(50))
        assert next(made) == 0
        made.close()
        assert not [t for t in threading.enumerate() if t.name.startswith("nova")]
    left = [descendants.command(pid) for pid in descendants.of(os.getpid())]
    assert not [line for line in left if b"processes import serve" in line]


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    list(Local(2, tell).map(squared, range(3)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_can_be_pickled(leaf: type[Exception]) -> None:
    again = pickle.loads(pickle.dumps(leaf("what was found")))
    assert type(again) is leaf
    assert str(again) == "what was found"


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (TransientError("x"), True), (ConnectionResetError(), True), (TimeoutError(), True),
        (OSError(errno.EINTR, ""), True), (OSError(errno.EAGAIN, ""), True),
        (OSError(errno.ESTALE, ""), True), (OSError(errno.ENOENT, ""), False),
        (PermissionError(), False), (OSError(errno.ENOSPC, ""), False), (ValueError(), False),
    ],
)  # fmt: skip
def test_errors_that_may_pass_are_known(error: Exception, passes: bool) -> None:
    assert errors.is_transient(error) is passes


# Which body is taken.


def taken(choice: Choice, size: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the body that a choice leads to; Ray is not started."""

    def entered(self: Ray) -> Ray:
        return self

    monkeypatch.setattr(Ray, "__enter__", entered)
    with engines.opened(choice, size) as found:
        return type(found).__name__


@pytest.mark.parametrize(
    ("choice", "size", "body"),
    [
        (Choice(), 1 << 50, "Local"),
        (Choice(ray_from=1000), 999, "Local"),
        (Choice(ray_from=1000), 1000, "Ray"),
        (Choice(address="10.0.0.1:6379"), LARGE - 1, "Local"),
        (Choice(address="10.0.0.1:6379"), LARGE, "Ray"),
        (Choice(address="10.0.0.1:6379", ray_from=0), 0, "Ray"),
        (Choice("local", address="10.0.0.1:6379"), LARGE, "Local"),
        (Choice("ray"), 0, "Ray"),
    ],
)
def test_auto_starts_ray_only_where_it_pays(
    choice: Choice, size: int, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taken(choice, size, monkeypatch) == body


def test_an_engine_is_used_as_it_is() -> None:
    mine = Local(3)
    with engines.opened(mine) as found:
        assert found is mine


def test_an_unknown_engine_is_answered_with_the_nearest() -> None:
    with pytest.raises(EngineError, match="did you mean 'ray'"), engines.opened("rya"):
        pass


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(_: str) -> None:
        return None

    monkeypatch.setattr("importlib.util.find_spec", found)
    with pytest.raises(MissingExtraError, match=r"nova-timeline\[ray\]"), engines.opened("ray"):
        pass
    assert taken(Choice(ray_from=0), 1, monkeypatch) == "Local"

"""What is Ray's own: how a cluster is started, joined, watched and left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nova_timeline import descendants, normalise, ray_engine
from nova_timeline.cli import FAILED
from nova_timeline.errors import EngineError, WorkerLostError
from nova_timeline.ray_engine import Ray

LOOPBACK = "0100007F"
"""127.0.0.1 as /proc/net/tcp writes it."""


def squared(number: int) -> int:
    return number * number


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
def test_a_task_that_ray_never_begins_is_given_up(
    ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "_WATCH", 0.1)
    time.sleep(2)  # a worker that is still lent is not asked for again
    (raylet,) = [
        pid for pid in descendants.of(os.getpid()) if b"raylet/raylet" in descendants.command(pid)
    ]
    os.kill(raylet, signal.SIGSTOP)
    try:
        with pytest.raises(WorkerLostError, match="no worker took it up"):
            list(ray.map(squared, [3]))
    finally:
        os.kill(raylet, signal.SIGCONT)
    monkeypatch.undo()
    assert list(ray.map(squared, range(5))) == [0, 1, 4, 9, 16]


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
def test_a_table_is_put_into_the_object_store_once(
    ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray as library

    put: list[int] = []

    def noted(table: pa.Table) -> object:
        put.append(len(table))
        return kept(table)

    kept: Any = vars(library)["put"]
    monkeypatch.setattr(library, "put", noted)
    tables = [pa.table({"n": [1, 2, 3]}), pa.table({"n": [4]})]
    assert list(ray.map(len, tables)) == [3, 1]
    assert list(ray.map(len, [*tables, tables[0]])) == [3, 1, 3]
    assert put == [3, 1]
    del tables[:]
    again = pa.table({"n": [5, 6]})
    assert list(ray.map(len, [again])) == [2]
    assert put == [3, 1, 2]


def test_the_object_store_fits_into_shared_memory() -> None:
    gib = 1 << 30
    assert ray_engine.store_size(10 * gib, 100 * gib) == 3 * gib
    assert ray_engine.store_size(100 * gib, 10 * gib) == 8 * gib
    assert ray_engine.store_size(gib >> 3, 10 * gib) == 128 << 20
    with pytest.raises(EngineError, match=r"64 MiB free.*--shm-size=1g"):
        ray_engine.store_size(10 * gib, 64 << 20)


def test_an_address_that_nobody_answers_at_is_told(small: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nova_timeline", "reconstruct", small, "--out", tmp_path / "run",
         "--engine", "ray", "--ray-address", "127.0.0.1:9"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert "no Ray cluster answers at 127.0.0.1:9: Connection refused" in done.stderr
    assert [*tmp_path.iterdir()] == []


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
def test_a_second_ray_in_a_process_is_refused_and_harms_none(ray: Ray) -> None:
    with pytest.raises(EngineError, match="in a Ray cluster already"):
        Ray().__enter__()
    assert list(ray.map(squared, [3])) == [9]


CLUSTER = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # so that it listens on the loopback only
    "RAY_USAGE_STATS_ENABLED": "0",
}
JOINING = """
import sys
from nova_timeline.ray_engine import Ray
from nova_timeline.normalise import pseudonym
with Ray(address=sys.argv[1]) as ray:
    print(ray.workers, list(ray.map(pseudonym, ["anna@example.com"])))
"""


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_a_cluster_that_runs_is_joined_and_given_the_code(tmp_path: Path) -> None:
    bare = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    bare |= CLUSTER
    port = free_port()
    ray = [str(Path(sys.executable).with_name("ray"))]
    scratch = tempfile.mkdtemp(prefix="nt")
    head = subprocess.Popen(
        [*ray, "start", "--head", "--block", f"--port={port}", "--node-ip-address=127.0.0.1",
         "--num-cpus=1", "--include-dashboard=false", f"--temp-dir={scratch}",
         "--object-store-memory=134217728"],
        env=bare, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        joined = joining(port)
    finally:
        below = descendants.of(head.pid)
        head.terminate()
        head.wait(60)
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)
    assert joined.returncode == 0, joined.stderr
    assert joined.stdout == f"1 ['{normalise.pseudonym('anna@example.com')}']\n"


def joining(port: int) -> subprocess.CompletedProcess[str]:
    """Join the cluster at a port as soon as it answers, and do one task there."""
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    return subprocess.run(
        [sys.executable, "-c", JOINING, f"127.0.0.1:{port}"], env=os.environ | CLUSTER,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
def test_ray_listens_on_the_loopback_only(ray: Ray) -> None:
    assert ray.workers == 2
    own = {address.partition(":")[0] for address in listening()}
    assert own <= {LOOPBACK, f"0000000000000000FFFF0000{LOOPBACK}"}
    assert own


def listening() -> set[str]:
    """Return the addresses at which this process and those below it listen (/proc/net/tcp)."""
    sockets: set[str] = set()
    for pid in [os.getpid(), *descendants.of(os.getpid())]:
        for place in Path(f"/proc/{pid}/fd").glob("*"):
            with suppress(OSError):  # it was closed meanwhile
                sockets.add(str(place.readlink()))
    listens = "0A"
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {r[1] for r in rows if r[3] == listens and f"socket:[{r[9]}]" in sockets}


def test_what_lost_its_parent_is_still_of_the_cluster(tmp_path: Path) -> None:
    idle = f"import time; time.sleep(60)  # {tmp_path}"
    left = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {idle!r}])"
    subprocess.run([sys.executable, "-c", left], check=True)
    found = ray_engine.processes(tmp_path)  # beside workers of a cluster that other tests have
    [orphan] = [pid for pid in found if not descendants.command(pid).startswith(b"ray::")]
    try:
        assert orphan not in descendants.of(os.getpid())
    finally:
        os.kill(orphan, signal.SIGKILL)

"""Threads that take what cores have to spare: they go last, and leave nothing behind."""

import os
import sys
import threading
import time

import pytest

from nova_timeline import idle


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_they_let_all_others_go_first() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    with idle.threads(2) as spare:
        assert spare.submit(niceness).result() == 10
    assert niceness() == before


def test_what_is_not_begun_is_dropped_when_the_work_fails() -> None:
    begun, go, done = threading.Event(), threading.Event(), list[int]()

    def work(number: int) -> None:
        begun.set()
        go.wait(10)
        done.append(number)

    def fail() -> None:
        with idle.threads(1) as spare:
            for number in range(50):
                spare.submit(work, number)
            begun.wait(10)
            threading.Timer(0.05, go.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert done == [0]
    time.sleep(0.01)
    assert not any(t.name.startswith("nova-idle") for t in threading.enumerate())

"""Work goes on beside other work, and has ended when that has."""

import threading

import pytest

from nova_timeline.correlate import meanwhile


def test_both_go_on_at_the_same_time() -> None:
    met = threading.Barrier(2, timeout=60)

    def work() -> int:
        met.wait()
        return 7

    with meanwhile.begun(work) as result:
        met.wait()
        assert result() == 7
        assert result() == 7


def test_its_error_is_raised_where_its_result_is_asked_for() -> None:
    with meanwhile.begun(lambda: 1 // 0) as result, pytest.raises(ZeroDivisionError):
        result()


def test_it_has_ended_when_the_other_fails() -> None:
    begun, ended = threading.Event(), list[str]()

    def work() -> None:
        assert begun.wait(60)
        ended.append("yes")

    def fail() -> None:
        with meanwhile.begun(work):
            begun.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert ended == ["yes"]

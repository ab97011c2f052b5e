"""How a command is stopped: Ctrl-C and SIGTERM alike, and heard wherever they come."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_AGAIN = 0.01
"""Seconds after which a signal whose error was lost is sent again."""


@contextmanager
def stoppable(came: set[int]) -> Generator[None]:
    """Let SIGTERM stop a command as Ctrl-C does; who ignores one or handles it goes on doing so.

    What is raised where a library called us can be lost there, or come out as an error of its own
    (polars panics): lost ones are raised again, and `came` tells that it was no other error.

    Args:
        came: takes the signal when it has come; what that raises, Ray may raise anew.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: object) -> None:
        if signal.SIGTERM in came:  # it is stopping, and a supervisor says so only once
            return
        came.add(number)
        raise KeyboardInterrupt

    def unheard(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            told(lost)
            return
        number = max(came, default=signal.SIGINT)
        came.clear()
        # Not from here, or this would be where it comes.
        threading.Timer(_AGAIN, signal.pthread_kill, (threading.get_ident(), number)).start()

    ours = [
        (number, before)
        for number, before in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
        )
        if signal.getsignal(number) is before
    ]
    told, sys.unraisablehook = sys.unraisablehook, unheard
    for number, _ in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        sys.unraisablehook = told
        for number, before in ours:
            signal.signal(number, before)

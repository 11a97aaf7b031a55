"""Giving up long work cleanly."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from local.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class Stopped(ToolError):
    """Work was given up because something else failed or the user interrupted."""


class Stop:
    """A flag that long work looks at: set, it gives up cleanly."""

    def __init__(self) -> None:
        self._set = threading.Event()

    def set(self) -> None:
        """Asks everything that looks at it to give up."""
        self._set.set()

    def check(self, place: str) -> None:
        """Gives up if asked to.

        Raises:
            Stopped: It was.
        """
        if self._set.is_set():
            raise Stopped("given up before it was done", place=place, remedy="run the same command again")


@contextlib.contextmanager
def ended_like_an_interrupt() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end the work inside as Ctrl-C does: with its child programs stopped, nothing half-made.

    Without it they would end this process alone, because builds run in process groups of their own. Signals that
    somebody else handles or ignores are left as they are, and so are all of them outside the main thread.
    """
    changed = []
    if threading.current_thread() is threading.main_thread():
        changed = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)

"""Giving up long work cleanly."""

from __future__ import annotations

import threading

from local.errors import ToolError


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

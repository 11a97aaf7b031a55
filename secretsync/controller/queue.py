"""The work queue: each key once, new work before refreshes, growing pauses after failures, one timer per key."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Hashable
from enum import IntEnum
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 420.0
"""Seconds between retries: 1 s, doubled each time, up to 7 min (ESO v2.9.0)."""


class Priority(IntEnum):
    """Smaller goes first."""

    Changed = 0
    """Somebody made or changed something and waits for it."""
    Retry = 1
    Refresh = 2


class WorkQueue(Generic[K]):
    """Keys to be worked on. A key that comes in while it is worked on is worked on once more afterwards.

    Not for use by several threads.
    """

    def __init__(self, *, longest_pause: float = LONGEST_PAUSE, random_source: random.Random | None = None) -> None:
        self._longest_pause = longest_pause
        self._heap: list[tuple[int, int, K]] = []
        self._waiting: dict[K, int] = {}
        self._active: set[K] = set()
        self._again: dict[K, Priority] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._closed = False
        self._sequence = itertools.count()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._random = random_source or random.Random()  # noqa: S311 - spreads load, protects nothing

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: K, priority: Priority = Priority.Changed) -> None:
        """Work on `key` as soon as a worker is free."""
        if self._closed:
            return
        if key in self._active:
            self._again[key] = min(priority, self._again.get(key, priority))
            return
        known = self._waiting.get(key)
        if known is not None and known <= priority:
            return
        self._waiting[key] = priority
        heapq.heappush(self._heap, (priority, next(self._sequence), key))
        self._ready.set()

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.Refresh) -> None:
        """Work on `key` in so many seconds; replaces an earlier timer of the key."""
        self.cancel_timer(key)
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(max(seconds, 0.0), self._fire, key, priority)

    def add_failed(self, key: K) -> float:
        """Work on `key` again after a pause that grows with every failure in a row; the pause in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause = min(FIRST_PAUSE * 2.0 ** min(failures, 20), self._longest_pause)
        pause *= 1.0 + 0.1 * self._random.random()  # many failures at once do not come back at once
        self.add_after(key, pause, Priority.Retry)
        return pause

    def succeeded(self, key: K) -> None:
        """The next failure of `key` counts as the first."""
        self._failures.pop(key, None)

    def is_failing(self, key: K) -> bool:
        """Whether the last work on `key` failed."""
        return key in self._failures

    def forget(self, key: K) -> None:
        """Drop timer and failures of a key that is gone."""
        self.cancel_timer(key)
        self._failures.pop(key, None)

    def cancel_timer(self, key: K) -> None:
        """Drop the timer of a key."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def get(self) -> tuple[K, Priority]:
        """The next key; the caller says `done` when it is through with it."""
        while True:
            while self._heap:
                priority, _, key = heapq.heappop(self._heap)
                if self._waiting.get(key) == priority:
                    del self._waiting[key]
                    self._active.add(key)
                    self._idle.clear()
                    return key, Priority(priority)
            self._ready.clear()
            await self._ready.wait()

    def done(self, key: K) -> None:
        """The work on `key` is over."""
        self._active.discard(key)
        if not self._active:
            self._idle.set()
        again = self._again.pop(key, None)
        if again is not None:
            self.add(key, again)

    async def idle(self) -> None:
        """Return when nothing is being worked on."""
        await self._idle.wait()

    def close(self) -> None:
        """Cancel all timers and drop what waits; what is being worked on goes on."""
        self._heap.clear()
        self._waiting.clear()
        self._closed = True
        for key in list(self._timers):
            self.cancel_timer(key)

    def _fire(self, key: K, priority: Priority) -> None:
        self._timers.pop(key, None)
        self.add(key, priority)

"""Many requests at once, but not all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

T = TypeVar("T")


async def for_each(items: Iterable[T], act: Callable[[T], Awaitable[object]], *, at_once: int) -> None:
    """Awaits ``act`` for every item, at most ``at_once`` at the same time.

    Raises:
        Exception: the first failure; the rest was cancelled.
    """
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await act(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None

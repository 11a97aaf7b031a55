"""Many reads at the same time, within a bound, ended together by the first failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")


async def concurrently(
    function: Callable[[Item], Awaitable[Result]], items: Iterable[Item], *, limit: int
) -> list[Result]:
    """The results of `function` for all `items`, in their order; at most `limit` calls run at a time.

    Raises:
        Exception: the first one that a call raised; the calls that still run are cancelled and waited for.
    """
    waiting = list(enumerate(items))
    waiting.reverse()
    results: dict[int, Result] = {}

    async def work() -> None:
        while waiting:
            index, item = waiting.pop()
            results[index] = await function(item)

    tasks = [asyncio.create_task(work()) for _ in range(min(limit, len(waiting)))]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return [results[index] for index in range(len(results))]

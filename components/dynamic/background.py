"""One event loop for all worker threads of the dynamic-provider process (D11).

The engine calls a dynamic provider from up to four threads, sharing one instance; everything asynchronous runs on this
loop, so connections are shared and nothing is opened twice.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from secretsync import core_dumps
from secretsync.errors import ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")

_CLOSING_SECONDS = 2.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_closers: list[Callable[[], Awaitable[None]]] = []


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop  # noqa: PLW0603 - one loop per process is the point
    with _lock:
        if _loop is None:
            core_dumps.forbid()
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="secretsync", daemon=True).start()
            atexit.register(_close, _loop)
        return _loop


def at_end(closer: Callable[[], Awaitable[None]]) -> None:
    """Await `closer` on the shared loop when the process ends; all closers together get two seconds.

    The engine ends a provider with SIGINT and kills it five seconds later, so nothing may hang here, and nobody would
    read a complaint.
    """
    with _lock:
        _closers.append(closer)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    async def close_all() -> None:
        await asyncio.gather(*(closer() for closer in _closers), return_exceptions=True)

    closing = asyncio.run_coroutine_threadsafe(asyncio.wait_for(close_all(), _CLOSING_SECONDS), loop)
    with suppress(TimeoutError):
        closing.result(_CLOSING_SECONDS + 0.5)


def run(coroutine: Coroutine[Any, Any, T], *, deadline: float) -> T:
    """The result of `coroutine`, run on the shared loop.

    Args:
        coroutine: what to run.
        deadline: seconds after which it is cancelled; the engine's own time-outs do not reach dynamic providers.

    Raises:
        ProviderUnavailable: the deadline passed.
    """
    future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, deadline), _running_loop())
    try:
        return future.result()
    except TimeoutError:
        raise ProviderUnavailable(
            f"no result within {deadline:.0f} s",
            remedy="see whether the backend and the API server answer, then run again",
        ) from None
    except BaseException:
        future.cancel()
        raise

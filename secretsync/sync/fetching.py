"""Shared upstream reads: one fetch per store, credentials, key and version per refresh window (D7).

A provider object stands for "this store with these credentials": whoever opens providers gives the same object for the
same store, and a new one when the store or its credentials change. So the object itself is the identity in the key.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from secretsync.errors import ProviderError, ProviderUnavailable, SecretSyncError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from secretsync.api import Find, StoreRef
    from secretsync.providers.protocol import Fetched, Missing, Provider, RemoteKey

KEEP_SECONDS = 30.0
"""How long an answer can be shared at most; only its age against the asker's `not_before` decides whether it is."""

_V = TypeVar("_V")


class Providers(Protocol):
    """Who opens stores: the controller's cache, or a plain look-up for a single run."""

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        """The provider of a store, as an ExternalSecret of `namespace` may use it.

        Raises:
            StoreError: no such store, not ready, or not allowed from this namespace.
        """
        ...


@dataclass(slots=True)
class _Answer(Generic[_V]):
    """One read in flight or done; `started` is what an asker compares with its `not_before`."""

    started: float
    future: asyncio.Future[_V]


@dataclass(slots=True)
class _Batch:
    """Keys of one provider that wait for the end of this turn of the loop."""

    answers: dict[RemoteKey, _Answer[Fetched | Missing]] = field(default_factory=dict)


@dataclass(slots=True)
class Counts:
    """How many reads were asked for, and how many of them went upstream."""

    asked: int = 0
    upstream: int = 0


class FetchWindow:
    """Reads for all syncs of one process, shared while they are fresh enough for the one who asks.

    Args:
        providers: opens stores.
        clock: monotonic seconds; a parameter for tests.
        keep: seconds after which an answer, and the value in it, is let go.
    """

    def __init__(
        self, providers: Providers, *, clock: Callable[[], float] = time.monotonic, keep: float = KEEP_SECONDS
    ) -> None:
        self.providers = providers
        self.counts = Counts()
        self._clock = clock
        self._keep = keep
        self._gets: dict[tuple[Provider, RemoteKey], _Answer[Fetched | Missing]] = {}
        self._finds: dict[tuple[Provider, str], _Answer[Mapping[str, Fetched] | Missing]] = {}
        self._batches: dict[Provider, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._swept = clock()

    def now(self) -> float:
        """This window's clock, for `not_before`."""
        return self._clock()

    async def get(
        self, provider: Provider, keys: Iterable[RemoteKey], *, not_before: float
    ) -> dict[RemoteKey, Fetched | Missing | SecretSyncError]:
        """Every key's answer, from a read that began at `not_before` or later.

        A read that fails gives its error in place of an answer, so that the caller can say which entry it belongs to.
        """
        self._sweep()
        answers = {key: self._asked(provider, key, not_before) for key in keys}
        results: dict[RemoteKey, Fetched | Missing | SecretSyncError] = {}
        for key, answer in answers.items():
            try:
                results[key] = await asyncio.shield(answer.future)
            except SecretSyncError as error:
                results[key] = error
        return results

    async def find(self, provider: Provider, query: Find, *, not_before: float) -> Mapping[str, Fetched] | Missing:
        """The secrets that match, from a search that began at `not_before` or later."""
        self._sweep()
        self.counts.asked += 1
        identity = (provider, query.model_dump_json())
        answer = self._finds.get(identity)
        if answer is None or answer.started < not_before or _failed(answer.future):
            answer = _Answer(self._clock(), asyncio.get_running_loop().create_future())
            self._finds[identity] = answer
            self.counts.upstream += 1
            self._spawn(_settle(answer.future, provider.find(query)))
        return await asyncio.shield(answer.future)

    def forget(self, provider: Provider) -> None:
        """Drop what was read through a provider that is being closed."""
        for identity in [identity for identity in self._gets if identity[0] is provider]:
            del self._gets[identity]
        for search in [search for search in self._finds if search[0] is provider]:
            del self._finds[search]

    def _asked(self, provider: Provider, key: RemoteKey, not_before: float) -> _Answer[Fetched | Missing]:
        self.counts.asked += 1
        answer = self._gets.get((provider, key))
        if answer is not None and answer.started >= not_before and not _failed(answer.future):
            return answer
        answer = _Answer(self._clock(), asyncio.get_running_loop().create_future())
        self._gets[provider, key] = answer
        self.counts.upstream += 1
        batch = self._batches.get(provider)
        if batch is None:
            batch = self._batches[provider] = _Batch()
            self._spawn(self._flush(provider))
        batch.answers[key] = answer
        return answer

    async def _flush(self, provider: Provider) -> None:
        await asyncio.sleep(0)  # whoever runs in this turn of the loop joins the batch
        answers = self._batches.pop(provider).answers
        await _read(provider, answers)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept < self._keep / 4:
            return
        self._swept = now
        oldest = now - self._keep
        self._gets = {k: a for k, a in self._gets.items() if a.started >= oldest or not a.future.done()}
        self._finds = {k: a for k, a in self._finds.items() if a.started >= oldest or not a.future.done()}


async def _read(provider: Provider, answers: Mapping[RemoteKey, _Answer[Fetched | Missing]]) -> None:
    """One upstream call for all keys; where it fails for a reason of one key, each key by itself."""
    keys = list(answers)
    try:
        found = await provider.get(keys)
        results = [found[key] for key in keys]
    except ProviderUnavailable as error:
        _fail(answers.values(), error)
    except (ProviderError, SecretSyncError) as error:
        if len(keys) == 1:
            _fail(answers.values(), error)
        else:
            await asyncio.gather(*(_read(provider, {key: answer}) for key, answer in answers.items()))
    except asyncio.CancelledError:
        for answer in answers.values():
            answer.future.cancel()
        raise
    except Exception as error:  # noqa: BLE001 - a defect of one backend must not leave its askers waiting for ever
        _fail(answers.values(), _unexpected(error))
    else:
        for answer, result in zip(answers.values(), results, strict=True):
            if not answer.future.done():
                answer.future.set_result(result)


async def _settle(future: asyncio.Future[_V], work: Awaitable[_V]) -> None:
    try:
        result = await work
    except SecretSyncError as error:
        future.set_exception(error)
        future.exception()
    except asyncio.CancelledError:
        future.cancel()
        raise
    except Exception as error:  # noqa: BLE001 - as above
        future.set_exception(_unexpected(error))
        future.exception()
    else:
        future.set_result(result)


def _fail(answers: Iterable[_Answer[Fetched | Missing]], error: SecretSyncError) -> None:
    for answer in answers:
        if not answer.future.done():
            answer.future.set_exception(error)
            answer.future.exception()  # seen: whoever asks gets it, and nobody need be left to ask


def _failed(future: asyncio.Future[_V]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


def _unexpected(error: Exception) -> ProviderError:
    name = type(error).__name__  # the text of a foreign exception may quote what it choked on
    return ProviderError(f"the backend client failed with {name}", remedy="this is a defect: please report it")

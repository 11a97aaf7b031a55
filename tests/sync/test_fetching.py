"""Shared reads: batched, single-flight, fresh enough, and failures told apart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from secretsync.api import Find, FindName
from secretsync.errors import ProviderDenied, ProviderError, ProviderUnavailable
from secretsync.providers.protocol import Fetched, Missing, RemoteKey
from secretsync.sync.fetching import FetchWindow
from tests.sync.builders import Backend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = pytest.mark.unit

A, B, C = RemoteKey("a"), RemoteKey("b"), RemoteKey("c")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _window(backend: Backend, clock: Clock | None = None) -> FetchWindow:
    return FetchWindow(backend, clock=clock or Clock())


async def test_concurrent_askers_share_one_batched_call() -> None:
    backend = Backend({"a": b"1", "b": b"2"})
    window = _window(backend)
    first, second = await asyncio.gather(
        window.get(backend, [A, B], not_before=100), window.get(backend, [B, A], not_before=100)
    )
    assert first == second == {A: Fetched(b"1", "1"), B: Fetched(b"2", "1")}
    assert backend.calls == [["a", "b"]]
    assert (window.counts.asked, window.counts.upstream) == (4, 2)


async def test_an_answer_serves_whoever_accepts_its_age() -> None:
    backend, clock = Backend({"a": b"1"}), Clock()
    window = _window(backend, clock)
    await window.get(backend, [A], not_before=100)
    clock.now, backend.values["a"] = 105, b"2"
    assert await window.get(backend, [A], not_before=100) == {A: Fetched(b"1", "1")}
    assert await window.get(backend, [A], not_before=101) == {A: Fetched(b"2", "1")}
    assert len(backend.calls) == 2


async def test_missing_is_an_answer() -> None:
    backend = Backend({})
    assert await _window(backend).get(backend, [A], not_before=0) == {A: Missing("no a")}


async def test_a_refusal_of_one_key_does_not_harm_the_others_of_its_batch() -> None:
    backend = Backend({"a": b"1", "b": b"2"}, {"c": ProviderDenied("refused")})
    answers = await _window(backend).get(backend, [A, B, C], not_before=0)
    assert answers[A] == Fetched(b"1", "1")
    assert answers[B] == Fetched(b"2", "1")
    assert isinstance(answers[C], ProviderDenied)


async def test_an_unreachable_backend_is_asked_once_for_the_batch() -> None:
    backend = Backend({}, {"a": ProviderUnavailable("sealed")})
    answers = await _window(backend).get(backend, [A, B], not_before=0)
    assert all(isinstance(answer, ProviderUnavailable) for answer in answers.values())
    assert backend.calls == [["a", "b"]]


async def test_a_failed_read_is_not_shared_later() -> None:
    backend = Backend({"a": b"1"}, {"a": ProviderUnavailable("sealed")})
    window = _window(backend)
    await window.get(backend, [A], not_before=0)
    backend.errors.clear()
    assert await window.get(backend, [A], not_before=0) == {A: Fetched(b"1", "1")}


async def test_a_defect_of_a_backend_becomes_an_error_without_its_text() -> None:
    backend = Backend({}, {"a": ValueError("hunter2")})
    answer = (await _window(backend).get(backend, [A], not_before=0))[A]
    assert isinstance(answer, ProviderError)
    assert str(answer) == "the backend client failed with ValueError; this is a defect: please report it"


async def test_a_backend_that_forgets_a_key_leaves_nobody_waiting() -> None:
    class Forgetful(Backend):
        async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
            return {key: value for key, value in (await super().get(keys)).items() if key != B}

    backend = Forgetful({"a": b"1", "b": b"2"})
    answers = await asyncio.wait_for(_window(backend).get(backend, [A, B], not_before=0), 5)
    assert isinstance(answers[B], ProviderError)
    assert "KeyError" in str(answers[B])


async def test_cancelling_one_asker_leaves_the_read_to_the_others() -> None:
    release = asyncio.Event()

    class Slow(Backend):
        async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
            await release.wait()
            return await super().get(keys)

    backend = Slow({"a": b"1"})
    window = _window(backend)
    impatient = asyncio.create_task(window.get(backend, [A], not_before=0))
    patient = asyncio.create_task(window.get(backend, [A], not_before=0))
    await asyncio.sleep(0.01)
    impatient.cancel()
    release.set()
    assert await patient == {A: Fetched(b"1", "1")}


async def test_searches_are_shared_and_their_failures_are_not() -> None:
    backend = Backend({"a": b"1"})
    window = _window(backend)
    query = Find(name=FindName(regexp="a"))
    await asyncio.gather(*(window.find(backend, query, not_before=100) for _ in range(3)))
    assert backend.finds == 1
    assert (window.counts.asked, window.counts.upstream) == (3, 1)
    await window.find(backend, query, not_before=101)
    assert backend.finds == 2
    assert (window.counts.asked, window.counts.upstream) == (4, 2)
    backend.find_error = ProviderDenied("refused")
    with pytest.raises(ProviderDenied):
        await window.find(backend, Find(path="x"), not_before=0)
    backend.find_error = RuntimeError("hunter2")
    with pytest.raises(ProviderError, match="RuntimeError"):
        await window.find(backend, Find(path="x"), not_before=0)
    backend.find_error = None
    assert await window.find(backend, Find(path="x"), not_before=0) == {"a": Fetched(b"1", "1")}


async def test_what_a_closed_provider_read_is_dropped() -> None:
    backend = Backend({"a": b"1"})
    window = _window(backend)
    query = Find(path="x")
    await window.get(backend, [A], not_before=0)
    await window.find(backend, query, not_before=0)
    window.forget(backend)
    await window.get(backend, [A], not_before=0)
    await window.find(backend, query, not_before=0)
    assert len(backend.calls) == 2
    assert backend.finds == 2


async def test_old_answers_are_let_go() -> None:
    backend, clock = Backend({"a": b"1", "b": b"2"}), Clock()
    window = _window(backend, clock)
    await window.get(backend, [A], not_before=0)
    clock.now += 31
    await window.get(backend, [B], not_before=0)
    await window.get(backend, [A], not_before=0)
    assert backend.calls == [["a"], ["b"], ["a"]]


async def test_no_value_is_kept_beyond_its_time_and_none_is_dropped_before() -> None:
    backend, clock = Backend({"a": b"1", "b": b"2"}), Clock()
    window = _window(backend, clock)
    query = Find(path="x")
    await window.get(backend, [A], not_before=0)
    await window.find(backend, query, not_before=0)
    clock.now += 29
    await window.get(backend, [A, B], not_before=0)
    await window.find(backend, query, not_before=0)
    assert (backend.calls, backend.finds) == ([["a"], ["b"]], 1)
    clock.now += 9
    await window.get(backend, [B], not_before=0)
    assert set(window._gets) == {(backend, B)}
    assert window._finds == {}
    assert window._tasks == set()


async def test_a_read_that_takes_long_is_not_forgotten_meanwhile() -> None:
    release = asyncio.Event()

    class Slow(Backend):
        async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
            await release.wait()
            return await super().get(keys)

        async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
            await release.wait()
            return await super().find(query)

    backend, clock = Slow({"a": b"1"}), Clock()
    window = _window(backend, clock)
    query = Find(path="x")

    async def ask() -> None:
        await window.get(backend, [A], not_before=0)
        await window.find(backend, query, not_before=0)

    async def search() -> None:
        await window.find(backend, query, not_before=0)

    asking = [asyncio.create_task(ask()), asyncio.create_task(search())]
    await asyncio.sleep(0.01)
    clock.now += 60
    asking += [asyncio.create_task(ask()), asyncio.create_task(search())]
    await asyncio.sleep(0.01)
    release.set()
    await asyncio.gather(*asking)
    assert (backend.calls, backend.finds) == ([["a"]], 1)


async def test_cancelled_reads_cancel_their_askers() -> None:
    class Cancelled(Backend):
        async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
            raise asyncio.CancelledError

        async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
            raise asyncio.CancelledError

    backend = Cancelled({"a": b"1"})
    window = _window(backend)
    with pytest.raises(asyncio.CancelledError):
        await window.get(backend, [A], not_before=0)
    with pytest.raises(asyncio.CancelledError):
        await window.find(backend, Find(path="x"), not_before=0)

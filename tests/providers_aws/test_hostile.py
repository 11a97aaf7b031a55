"""AWS that throttles, fails, hangs, lies or cannot be reached; and no value or credential in what is told about it."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
import traceback
from contextlib import aclosing
from typing import Any

import pytest

from secretsync.api import Find
from secretsync.errors import ProviderDenied, ProviderError, ProviderUnavailable, SecretSyncError, StoreInvalid
from secretsync.providers.aws.connection import CONCURRENT_CALLS
from secretsync.providers.aws.failures import Call
from secretsync.providers.http import Limits
from secretsync.providers.protocol import Fetched, Invalid, RemoteKey
from tests.providers_aws.cloud import (
    KEY_ID,
    SECRET_KEY,
    SESSION_TOKEN,
    current,
    error,
    opened,
    ref,
    sts_error,
    tricking,
    value,
)

pytestmark = pytest.mark.faults

AT_ONCE = {"maxRetries": 2, "retryInterval": "1ms"}
VALUE = "canary-secret-value"


async def test_throttling_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([(400, error("ThrottlingException")), (503, {})])

    def answer(_: str, request: dict[str, Any]) -> tuple[int, object]:
        return next(answers, (200, current(request)))

    async with tricking(monkeypatch, answer) as aws, aclosing(opened()) as provider:
        assert await value(provider, ref("s")) == b"value of s"
    assert aws.counts["GetSecretValue"] == 3


@pytest.mark.parametrize(
    ("retry", "requests"),
    [({"maxRetries": 0}, 1), ({"maxRetries": 1}, 2), (AT_ONCE, 3), ({"retryInterval": "1ms"}, 3)],
)
async def test_retries_end_where_the_store_says(
    monkeypatch: pytest.MonkeyPatch, retry: dict[str, Any], requests: int
) -> None:
    async with tricking(monkeypatch, lambda _, __: (500, {})) as aws, aclosing(opened(retry=retry)) as provider:
        with pytest.raises(ProviderUnavailable) as caught:
            await value(provider, ref("s"))
    assert len(aws.asked) == requests
    assert caught.value.place == "SecretStore ns/store"


async def test_denials_are_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    denial = (400, error("AccessDeniedException"))
    async with tricking(monkeypatch, lambda _, __: denial) as aws, aclosing(opened(retry=AT_ONCE)) as provider:
        with pytest.raises(ProviderDenied):
            await value(provider, ref("s"))
    assert len(aws.asked) == 1


async def test_a_retry_interval_that_is_no_duration_makes_no_client() -> None:
    async with aclosing(opened(retry={"retryInterval": "soon"})) as provider:
        with pytest.raises(StoreInvalid, match="retryInterval"):
            await provider.validate()


async def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRETSMANAGER_ENDPOINT", "http://127.0.0.1:9")
    async with aclosing(opened(retry={"maxRetries": 0})) as provider:
        with pytest.raises(ProviderUnavailable, match="gets no answer"):
            await value(provider, ref("s"))


@pytest.mark.parametrize(
    ("region", "said"),
    [("eu-wset-1", "no Region 'eu-wset-1' is known"), ("eu-west-1", r"gets no answer \(EndpointConnectionError\)")],
)
async def test_a_region_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch, region: str, said: str) -> None:
    def unresolved(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    async with aclosing(opened(region=region, retry={"maxRetries": 0})) as provider:
        with pytest.raises(ProviderUnavailable, match=said) as caught:
            await value(provider, ref("s"))
    assert ("is it eu-west-1?" in caught.value.remedy) is (region != "eu-west-1")


async def test_a_region_that_nobody_knows_may_have_an_endpoint_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRETSMANAGER_ENDPOINT", "http://127.0.0.1:9")
    async with aclosing(opened(region="local-1", retry={"maxRetries": 0})) as provider:
        with pytest.raises(ProviderUnavailable, match="EndpointConnectionError"):
            await value(provider, ref("s"))


@pytest.mark.parametrize("body", ["", "<html>", "<x>", "{", "[]", '{"SecretString": 5}', "null"])
async def test_answers_that_are_none(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    async with tricking(monkeypatch, lambda _, __: (200, body)), aclosing(opened(retry=AT_ONCE)) as provider:
        try:
            found = await value(provider, ref("s"))
        except ProviderError:
            return
        pytest.fail(f"{found!r} was read from nothing")


@pytest.mark.parametrize("service", ["SecretsManager", "ParameterStore"])
@pytest.mark.parametrize("body", ["", "<html>it works</html>", "{}"])
async def test_a_page_of_a_proxy_is_not_taken_for_an_empty_account(
    monkeypatch: pytest.MonkeyPatch, service: str, body: str
) -> None:
    many = [RemoteKey(f"s{number}") for number in range(30)]
    async with tricking(monkeypatch, lambda _, __: (200, body)), aclosing(opened(service, retry=AT_ONCE)) as provider:
        for work in (
            provider.find(Find.from_json({"name": {"regexp": "."}})),
            provider.find(Find.from_json({"tags": {"a": "b"}})),
            provider.get([RemoteKey("s", metadata=True)]),
            provider.get(many),
            provider.versions([RemoteKey("s")]),
            provider.versions(many),
        ):
            with pytest.raises(ProviderUnavailable, match="cannot be read"):
                await work


async def test_a_denial_in_xml_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tricking(monkeypatch, lambda _, __: (403, sts_error("x"))), aclosing(opened()) as provider:
        with pytest.raises(ProviderDenied, match="secretsmanager:GetSecretValue"):
            await value(provider, ref("s"))


async def test_a_call_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def blocked(*_: Any) -> Any:
        release.wait(30)

    async with tricking(monkeypatch, lambda _, request: (200, current(request))), aclosing(opened()) as provider:
        assert await value(provider, ref("s")) == b"value of s"
        connection = provider._connection
        connection._limits = Limits(deadline=0.2)
        assert connection._opened is not None
        monkeypatch.setattr(connection._opened.session, "perform", blocked)
        with pytest.raises(ProviderUnavailable, match=r"takes longer than 0\.2 s") as caught:
            await value(provider, ref("s"))
        release.set()
    assert caught.value.place == "SecretStore ns/store"


async def test_no_more_calls_run_at_once_than_there_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[int] = []
    lock, now = threading.Lock(), [0]

    async with tricking(monkeypatch, lambda _, request: (200, current(request))), aclosing(opened()) as provider:
        await value(provider, ref("s"))
        opened_now = provider._connection._opened
        assert opened_now is not None
        before = threading.active_count()

        def counted(call: Any) -> dict[str, Any]:
            with lock:
                now[0] += 1
                running.append(now[0])
            time.sleep(0.01)
            with lock:
                now[0] -= 1
            return current(call.parameters)

        monkeypatch.setattr(opened_now.session, "perform", counted)
        several = [[RemoteKey(f"{group}-{number}") for number in range(10)] for group in range(5)]
        found = await asyncio.gather(*(provider.get(keys) for keys in several))
    assert sum(map(len, found)) == 50
    assert 1 < max(running) <= CONCURRENT_CALLS
    assert threading.active_count() - before < CONCURRENT_CALLS


async def test_waiting_for_a_thread_does_not_count_towards_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tricking(monkeypatch, lambda _, request: (200, current(request))), aclosing(opened()) as provider:
        await value(provider, ref("s"))
        connection = provider._connection
        connection._limits = Limits(deadline=1.5)
        assert connection._opened is not None

        def slow(call: Any) -> dict[str, Any]:
            time.sleep(0.3)
            return current(call.parameters)

        monkeypatch.setattr(connection._opened.session, "perform", slow)
        several = [[RemoteKey(f"{group}-{number}") for number in range(10)] for group in range(7)]
        found = await asyncio.gather(*(provider.get(keys) for keys in several))
    assert sum(map(len, found)) == 70


async def test_first_use_by_many_opens_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tricking(monkeypatch, lambda _, request: (200, current(request))), aclosing(opened()) as provider:
        await asyncio.gather(*(value(provider, ref(f"s{number}")) for number in range(20)))
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("aws")]
        assert len(threads) <= CONCURRENT_CALLS


async def test_cancelling_a_read_ends_it_and_the_store_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    release = threading.Event()

    async with tricking(monkeypatch, lambda _, request: (200, current(request))), aclosing(opened()) as provider:
        await value(provider, ref("s"))
        session = provider._connection._opened.session  # type: ignore[union-attr]

        def blocked(call: Any) -> dict[str, Any]:
            loop.call_soon_threadsafe(asked.set)
            release.wait(30)
            return current(call.parameters)

        with monkeypatch.context() as patched:
            patched.setattr(session, "perform", blocked)
            task = asyncio.create_task(value(provider, ref("s")))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        release.set()
        assert await value(provider, ref("t")) == b"value of t"


async def test_a_closed_store_sends_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    def failing(_: str, __: dict[str, Any]) -> tuple[int, object]:
        asked.set()
        return 500, {}

    async with tricking(monkeypatch, failing) as aws:
        provider = opened(retry={"maxRetries": 9})
        task = asyncio.create_task(value(provider, ref("s")))
        await asked.wait()
        session = provider._connection._opened.session  # type: ignore[union-attr]
        pool = provider._connection._opened.pool  # type: ignore[union-attr]
        await provider.aclose()
        with pytest.raises(ProviderUnavailable, match="is closed"):
            await task
        await asyncio.to_thread(pool.shutdown, wait=True)
        assert len(aws.asked) <= 3
        answer = session.perform(Call("secretsmanager", "GetSecretValue", "s", parameters={"SecretId": "s"}))
        assert isinstance(answer, ProviderUnavailable)


async def test_a_store_that_is_closed_between_two_attempts_makes_no_third(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    def failing(_: str, __: dict[str, Any]) -> tuple[int, object]:
        asked.set()
        return 500, {}

    async with tricking(monkeypatch, failing) as aws:
        provider = opened(retry={"maxRetries": 3, "retryInterval": "1s"})
        task = asyncio.create_task(value(provider, ref("s")))
        await asked.wait()
        await asyncio.sleep(0.1)  # the answer is there, the pause is not over
        await provider.aclose()
        with pytest.raises(ProviderUnavailable, match="is closed") as caught:
            await task
    assert caught.value.place == "SecretStore ns/store"
    assert len(aws.asked) == 1


def hostile(_: str, request: dict[str, Any]) -> tuple[int, object]:
    """Echoes a value and every credential in each kind of refusal."""
    everything = f"{VALUE} {KEY_ID} {SECRET_KEY} {SESSION_TOKEN}"
    name = str(request.get("SecretId") or request.get("Name") or "")
    if name == "denied":
        return 400, error("AccessDeniedException", everything)
    if name == "coded":
        return 400, {"__type": everything, "message": everything}
    if name == "broken":
        return 200, f"{{ {everything}"
    if name == "failing":
        return 500, {"__type": everything, "message": everything}
    if name == "xml":
        return 403, sts_error(everything, everything)
    return 200, {"Name": name, "VersionId": "v", "SecretString": VALUE}


async def test_no_value_and_no_credential_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    async with tricking(monkeypatch, hostile), aclosing(opened(retry=AT_ONCE)) as provider:
        told += [repr(provider), repr(provider.__dict__), repr(provider._connection.__dict__)]
        for name in ("denied", "coded", "broken", "failing", "xml", "fine"):
            key = RemoteKey(name)
            try:
                found = await provider.get([key])
            except SecretSyncError as failure:
                told += [str(failure), repr(failure), repr(failure.__dict__), repr(failure.__reduce__())]
                told += traceback.format_exception(failure)
            else:
                fetched = found[key]
                assert isinstance(fetched, Fetched)
                assert fetched.value == VALUE.encode()
                told.append(repr(found))
        told += [repr(provider._connection.__dict__), repr(await provider.validate())]
    role = "arn:aws:iam::222222222222:role/r"
    async with (
        tricking(monkeypatch, lambda _, __: (400, sts_error("X", f"{SECRET_KEY} {SESSION_TOKEN}"))),
        aclosing(opened(role=role)) as provider,
    ):
        validity = await provider.validate()
        assert isinstance(validity, Invalid)
        told.append(validity.reason)
    captured = capsys.readouterr()
    told += [caplog.text, captured.out, captured.err]
    assert len(told) > 15
    for canary in (VALUE, SECRET_KEY, SESSION_TOKEN, KEY_ID):
        assert not [text for text in told if canary in text], canary

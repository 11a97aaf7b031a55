"""The client against API servers that fail, throttle, forget, and quote what they were sent."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from secretsync.errors import ClusterConflict, ClusterDenied, ClusterError, ClusterRefused, ClusterUnavailable
from secretsync.kube.client import KubeClient
from secretsync.kube.config import ClusterConfig
from secretsync.kube.credentials import TokenFile
from secretsync.kube.protocol import WatchExpired
from secretsync.kube.resources import CONFIG_MAPS, EXTERNAL_SECRETS, SECRETS
from secretsync.kube.transport import Limits
from tests.kube.scripted import event, listing, serving, status

if TYPE_CHECKING:
    from pathlib import Path

    from secretsync.api import JsonObject

pytestmark = pytest.mark.contract

QUICK = Limits(deadline=3, connect=1, attempts=4, first_delay=0.001, longest_delay=0.01, watch_patience=0.1)
CANARY = "canary-9d41c7"


def client(url: str, limits: Limits = QUICK, **config: object) -> KubeClient:
    return KubeClient(ClusterConfig(url, **config), limits)  # type: ignore[arg-type]


async def test_reads_are_repeated_until_the_server_recovers() -> None:
    answers = [status(503), status(500), status(429), web.json_response({"metadata": {"name": "a"}})]

    async def handler(_request: web.Request) -> web.StreamResponse:
        return answers.pop(0)

    async with serving(handler) as url, client(url) as cluster:
        found = await cluster.get(SECRETS, "a", "n")
    assert found is not None
    assert not answers


async def test_retry_after_is_honoured() -> None:
    answers = [web.Response(status=429, headers={"Retry-After": "1"}), web.json_response({"metadata": {}})]

    async def handler(_request: web.Request) -> web.StreamResponse:
        return answers.pop(0)

    loop = asyncio.get_running_loop()
    async with serving(handler) as url, client(url) as cluster:
        began = loop.time()
        await cluster.get(SECRETS, "a", "n")
    assert loop.time() - began >= 1


async def test_a_creation_is_not_sent_again_when_it_may_have_happened() -> None:
    sent = 0

    async def handler(_request: web.Request) -> web.StreamResponse:
        nonlocal sent
        sent += 1
        return status(500)

    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(ClusterUnavailable):
            await cluster.create(SECRETS, {"metadata": {"name": "a", "namespace": "n"}}, field_manager="m")
    assert sent == 1


async def test_a_creation_that_was_not_executed_is_sent_again() -> None:
    answers = [status(429), web.json_response({"metadata": {"name": "a"}}, status=201)]

    async def handler(_request: web.Request) -> web.StreamResponse:
        return answers.pop(0)

    async with serving(handler) as url, client(url) as cluster:
        made = await cluster.create(SECRETS, {"metadata": {"name": "a", "namespace": "n"}}, field_manager="m")
    assert made["metadata"]["name"] == "a"


async def test_every_call_ends_by_its_deadline() -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(handler) as url, client(url, Limits(deadline=0.2)) as cluster:
        with pytest.raises(ClusterUnavailable, match=r"within 0\.2 s"):
            await cluster.get(SECRETS, "a", "n")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with client("http://127.0.0.1:9") as cluster:
        with pytest.raises(ClusterUnavailable, match=r"cannot be reached") as caught:
            await cluster.get(SECRETS, "a", "n")
    assert caught.value.place == "Secret n/a"
    assert caught.value.retryable


async def test_a_server_that_does_not_speak_kubernetes_is_said_to() -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>hello</html>")

    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(ClusterUnavailable, match="not JSON"):
            await cluster.get(SECRETS, "a", "n")


async def test_a_refused_token_is_read_again_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        token.write_text("new")
        return web.json_response({"metadata": {}}) if seen[-1] == "Bearer new" else status(401)

    async with serving(handler) as url, client(url, credentials=TokenFile(token)) as cluster:
        await cluster.get(SECRETS, "a", "n")
        assert seen == ["Bearer old", "Bearer new"]


async def test_credentials_that_stay_refused_are_denied() -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return status(401)

    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(ClusterDenied):
            await cluster.get(SECRETS, "a", "n")


async def test_a_list_takes_all_pages_and_starts_over_when_they_expire() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        token = request.query.get("continue", "")
        asked.append(token)
        if token == "" and len(asked) == 1:
            return listing("a", token="stale")
        if token == "stale":
            return status(410, reason="Expired")
        return listing("a", token="fresh") if token == "" else listing("b", "c", version="11")

    async with serving(handler) as url, client(url) as cluster:
        found = await cluster.list(SECRETS, "n")
    assert [item["metadata"]["name"] for item in found.items] == ["a", "b", "c"]
    assert found.resource_version == "11"
    assert asked == ["", "stale", "", "fresh"]


async def test_a_watch_resumes_from_the_last_bookmark() -> None:
    starts: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        starts.append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        if len(starts) == 1:
            line = event("ADDED", "5", data={"k": "x" * 300_000})
            for part in (line[:7], line[7:200_000], line[200_000:]):
                await response.write(part)
            await response.write(event("BOOKMARK", "8"))
        else:
            await response.write(event("MODIFIED", "9"))
        return response

    async with serving(handler) as url, client(url) as cluster:
        told: list[str] = []
        async for each in cluster.watch(SECRETS, "n", resource_version="1"):
            told.append(each.type)
            if each.type == "MODIFIED":
                break
    assert told == ["ADDED", "BOOKMARK", "MODIFIED"]
    assert starts[:2] == ["1", "8"]


@pytest.mark.parametrize("inside", [True, False], ids=["as an event", "as a status"])
async def test_a_watch_from_a_forgotten_version_expires(inside: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async def handler(_request: web.Request) -> web.StreamResponse:
        if not inside:
            return status(410, reason="Expired")
        return web.Response(body=event("ERROR", "", kind="Status", code=410, reason="Expired"))

    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(WatchExpired):
            async for _ in cluster.watch(SECRETS, "n", resource_version="1"):
                pass


async def test_a_watch_that_rbac_forbids_is_denied() -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return status(403, reason="Forbidden")

    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(ClusterDenied):
            async for _ in cluster.watch(SECRETS, resource_version="1"):
                pass


async def test_rbac_refusals_name_verb_and_resource() -> None:
    message = (
        'secrets is forbidden: User "system:serviceaccount:a:b" cannot list resource "secrets" in API group "" '
        'in the namespace "n"'
    )

    async def handler(_request: web.Request) -> web.StreamResponse:
        return status(403, message, "Forbidden")

    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(ClusterDenied, match=r'cannot list resource "secrets"') as caught:
            await cluster.list(SECRETS, "n")
    assert caught.value.remedy == "grant the verb list on secrets by RBAC"


async def test_kinds_without_values_keep_the_servers_words() -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return status(422, 'spec.target.creationPolicy: Unsupported value: "Zzz"', "Invalid")

    obj: JsonObject = {"metadata": {"name": "a", "namespace": "n"}}
    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(ClusterRefused, match='Unsupported value: "Zzz"'):
            await cluster.create(EXTERNAL_SECRETS, obj, field_manager="m")


HOSTILE_CAUSES = [
    {"reason": "FieldValueInvalid", "message": f"Invalid value: {CANARY}", "field": "data[password]"},
    {"reason": f"bad {CANARY}", "message": CANARY, "field": f"data {CANARY}"},
]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 413, 415, 418, 422, 429, 500, 503, 504])
async def test_no_error_repeats_what_a_hostile_server_echoes(code: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def handler(request: web.Request) -> web.StreamResponse:
        sent = await request.text()
        return status(code, f"denied: {CANARY} {sent}", f"Reason {CANARY}", causes=HOSTILE_CAUSES, name=CANARY)

    obj: JsonObject = {"metadata": {"name": "a", "namespace": "n"}, "data": {"k": CANARY}}
    errors: list[ClusterError] = []
    async with serving(handler) as url, client(url) as cluster:
        for resource in (SECRETS, CONFIG_MAPS):
            for call in (
                cluster.create(resource, obj, field_manager="m"),
                cluster.replace(resource, obj, field_manager="m"),
                cluster.apply(resource, obj, field_manager="m"),
                cluster.merge_patch(resource, "a", "n", obj, field_manager="m"),
                cluster.delete(resource, "a", "n"),
                cluster.get(resource, "a", "n"),
                cluster.list(resource, "n"),
            ):
                try:
                    await call
                except ClusterError as error:
                    errors.append(error)
        with pytest.raises(ClusterError) as caught:
            async for _ in cluster.watch(SECRETS, "n", resource_version="1"):
                pass
        errors.append(caught.value)
    assert errors
    for each in errors:
        seen: BaseException | None = each
        while seen is not None:
            assert CANARY not in f"{seen!s} {seen!r} {seen.__dict__}"
            seen = seen.__cause__
    assert CANARY not in caplog.text


async def test_a_conflict_names_every_manager_and_its_fields() -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.a"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "helm" using v1', "field": ".data.b"},
    ]

    async def handler(_request: web.Request) -> web.StreamResponse:
        return status(409, "Apply failed", "Conflict", causes=causes)

    async with serving(handler) as url, client(url) as cluster:
        with pytest.raises(ClusterConflict, match=r"'kubectl' owns \.data\.a; 'helm' owns \.data\.b"):
            await cluster.apply(SECRETS, {"metadata": {"name": "a", "namespace": "n"}}, field_manager="m")

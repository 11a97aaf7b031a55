"""The vault backend against servers that echo secrets, fail, throttle, redirect and break off."""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from secretsync.api import Find, RemoteRef, SecretStore
from secretsync.api.stores import vault_paths as paths
from secretsync.errors import ProviderDenied, ProviderRefused, ProviderUnavailable, SecretSyncError, StoreInvalid
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey
from secretsync.providers.registry import open_provider
from secretsync.providers.vault.paths import url_path
from tests.kube.scripted import serving
from tests.providers.vault_server import TOKEN_AUTH, opened, secret, store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

pytestmark = pytest.mark.contract

CANARY = "canary-51f0aa"
KEY = RemoteKey("app")


def chain(error: BaseException | None) -> Iterator[str]:
    """Everything an error and those shown behind it say."""
    while error is not None:
        yield f"{error!s} {error!r} {error.__dict__}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def answer(data: Any, **more: Any) -> web.Response:
    return web.json_response({"data": data, **more})


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 405, 412, 418, 429, 472, 473, 500, 502, 503])
@pytest.mark.parametrize(
    "body", [f'{{"errors":["{CANARY}"]}}', f"<html>{CANARY}", f'"{CANARY}"', f'{{"data":"{CANARY}"}}']
)
async def test_no_failure_repeats_what_the_server_or_a_secret_says(
    status: int, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body.encode(), headers={"X-Echo": CANARY, "Retry-After": "0"})

    said: list[str] = []
    auths: list[dict[str, Any]] = [
        TOKEN_AUTH,
        {"appRole": {"roleId": CANARY, "secretRef": {"name": "token", "key": "token"}}},
        {"userPass": {"username": "jo", "secretRef": {"name": "token", "key": "token"}}},
        {"jwt": {"role": "r", "secretRef": {"name": "token", "key": "token"}}},
        {"kubernetes": {"role": "r", "mountPath": "k", "secretRef": {"name": "token"}}},
        {"ldap": {"username": "jo", "secretRef": {"name": "token", "key": "token"}}},
    ]
    async with serving(handler) as url:
        for auth in auths:
            cluster = MemoryCluster([secret("token", token=CANARY)])
            spec = store(url, "kv", auth)
            limited = SecretStore.from_json(
                {**spec.to_json(), "spec": {**spec.to_json()["spec"], "retrySettings": {"maxRetries": 0}}}
            )
            provider = open_provider(limited, namespace="ns", cluster=cluster)
            calls: list[Awaitable[object]] = [
                provider.get([KEY]),
                provider.get([RemoteKey("app", metadata=True)]),
                provider.versions([KEY]),
                provider.find(Find.from_json({"name": {"regexp": "."}})),
                provider.validate(),
            ]
            async with aclosing(provider):
                for call in calls:
                    try:
                        result = await call
                    except SecretSyncError as error:
                        said += chain(error)
                    else:
                        said.append(result.reason if isinstance(result, Invalid) else "")
    assert any(said)
    assert not [text for text in said if CANARY in text]
    assert CANARY not in caplog.text


async def test_throttled_reads_are_repeated() -> None:
    answers = [web.Response(status=429), web.Response(status=503), answer({"data": {"a": "1"}, "metadata": {}})]

    async def handler(_request: web.Request) -> web.StreamResponse:
        return answers.pop(0)

    async with serving(handler) as url, aclosing(opened(url, "kv", "t")) as provider:
        found = await provider.get([KEY])
    assert isinstance(found[KEY], Fetched)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, ProviderRefused), (429, ProviderUnavailable), (473, ProviderUnavailable)]
)
async def test_refusals_and_troubles_are_told_apart(status: int, kind: type[Exception]) -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": "0"})

    async with serving(handler) as url, aclosing(opened(url, "kv", "t")) as provider:
        with pytest.raises(kind):
            await provider.get([KEY])


async def test_one_denied_secret_costs_one_look_at_the_token_and_no_new_login() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path.endswith("/login"):
            return web.json_response({"auth": {"client_token": "t", "lease_duration": 3600, "renewable": True}})
        return answer({}) if request.path.endswith("lookup-self") else web.Response(status=403)

    auth = {"appRole": {"roleId": "r", "secretRef": {"name": "token", "key": "token"}}}
    async with serving(handler) as url:
        cluster = MemoryCluster([secret("token", token="s")])
        async with aclosing(open_provider(store(url, "kv", auth), namespace="ns", cluster=cluster)) as provider:
            with pytest.raises(ProviderDenied):
                await provider.get([KEY])
    assert asked == [
        "/v1/auth/approle/login",
        "/v1/kv/data/app",
        "/v1/auth/token/lookup-self",
        "/v1/auth/token/revoke-self",
    ]


async def test_a_token_that_died_is_replaced_by_one_login_for_all_reads() -> None:
    logins = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal logins
        if request.path.endswith("/login"):
            logins += 1
            return web.json_response({"auth": {"client_token": f"t{logins}", "lease_duration": 0}})
        if request.headers["X-Vault-Token"] != "t2":
            return web.Response(status=403)
        return answer({"data": {"a": "1"}, "metadata": {"version": 1}})

    auth = {"appRole": {"roleId": "r", "secretRef": {"name": "token", "key": "token"}}}
    async with serving(handler) as url:
        cluster = MemoryCluster([secret("token", token="s")])
        async with aclosing(open_provider(store(url, "kv", auth), namespace="ns", cluster=cluster)) as provider:
            found = await provider.get([RemoteKey(str(number)) for number in range(40)])
    assert all(isinstance(each, Fetched) for each in found.values())
    assert logins == 2


async def test_namespaces_headers_and_consistency_travel_with_each_request() -> None:
    seen: list[tuple[str, dict[str, str]]] = []
    state = "djE6Y2x1c3Rlcjo1OjA6aG1hYw=="  # v1:cluster:5:0:hmac
    older = "djE6Y2x1c3Rlcjo0OjA6aG1hYw=="

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, dict(request.headers)))
        if request.path.endswith("/login"):
            return web.json_response({"auth": {"client_token": "t", "lease_duration": 0}})
        response = answer({"data": {}, "metadata": {}})
        response.headers["X-Vault-Index"] = state if len(seen) == 2 else older
        return response

    auth = {"namespace": "logins", "appRole": {"roleId": "r", "secretRef": {"name": "token", "key": "token"}}}
    spec = {"namespace": "team", "headers": {"X-Own": "1"}, "readYourWrites": True, "forwardInconsistent": True}
    async with serving(handler) as url:
        cluster = MemoryCluster([secret("token", token="s")])
        provider = open_provider(store(url, "kv", auth, **spec), namespace="ns", cluster=cluster)
        async with aclosing(provider):
            for _ in range(3):
                await provider.get([KEY])
    login, first, second, third, revoke = (headers for _, headers in seen)
    assert login["X-Vault-Namespace"] == revoke["X-Vault-Namespace"] == "logins"
    assert first["X-Vault-Namespace"] == "team"
    assert first["X-Own"] == "1"
    assert first["X-Vault-Inconsistent"] == "forward-active-node"
    assert "X-Vault-Index" not in first
    assert second["X-Vault-Index"] == third["X-Vault-Index"] == state


async def test_a_standbys_redirect_is_followed_on_the_same_host_only() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/kv/data/app":
            return web.Response(status=307, headers={"Location": "/active"})
        if request.path == "/active":
            return answer({"data": {"t": request.headers["X-Vault-Token"]}, "metadata": {}})
        return web.Response(status=307, headers={"Location": "http://evil.example.org/"})

    async with serving(handler) as url, aclosing(opened(url, "kv", "tok")) as provider:
        found = await provider.get([KEY])
        assert isinstance(found[KEY], Fetched)
        with pytest.raises(ProviderRefused, match="another host"):
            await provider.get([RemoteKey("elsewhere")])


async def test_a_huge_answer_is_refused() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(40):
            await response.write(b"x" * 1_000_000)
        return response

    async with serving(handler) as url, aclosing(opened(url, "kv", "t")) as provider:
        with pytest.raises(ProviderRefused, match="larger than 32 MiB"):
            await provider.get([KEY])


async def test_an_address_that_does_not_answer_is_unavailable() -> None:
    async with aclosing(opened("http://127.0.0.1:9", "kv", "t")) as provider:
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await provider.get([KEY])


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ({}, "names no login method"),
        ({"iam": {"vaultRole": "r"}}, "iam is not served"),
        ({"gcp": {"role": "r"}}, "gcp is not served"),
        ({"tokenSecretRef": {"name": "none", "key": "t"}}, r"Secret ns/none, which does not exist"),
        ({"tokenSecretRef": {"name": "token", "key": "none"}}, r"key 'none' of the Secret ns/token"),
        ({"tokenSecretRef": {"name": "odd", "key": "token"}}, "characters that no token has"),
        ({"appRole": {"secretRef": {"name": "token", "key": "token"}}}, "neither roleId nor roleRef"),
        ({"jwt": {"role": "r"}}, "neither secretRef nor"),
    ],
)
async def test_what_a_login_lacks_is_said(auth: dict[str, Any], problem: str) -> None:
    cluster = MemoryCluster([secret("token", token="s"), secret("odd", token="a\nb")])
    provider = open_provider(store("http://127.0.0.1:9", "kv", auth), namespace="ns", cluster=cluster)
    with pytest.raises(StoreInvalid, match=problem) as caught:
        await provider.get([KEY])
    assert "SecretStore ns/store" in str(caught.value)
    with pytest.raises(StoreInvalid, match=problem):
        await provider.validate()
    await provider.aclose()


@pytest.mark.parametrize(
    ("path", "version", "key", "data", "metadata"),
    [
        ("kv", "v2", "a/b", "kv/data/a/b", "kv/metadata/a/b"),
        ("kv", "v2", "kv/a", "kv/data/a", "kv/metadata/a"),
        ("kv", "v2", "kv/data/a", "kv/data/a", "kv/metadata/a"),
        ("kv", "v2", "data/a", "kv/data/data/a", "kv/metadata/data/a"),
        ("team/kv", "v2", "team/kv/a", "team/kv/data/a", "team/kv/metadata/a"),
        ("kv", "v2", "kvx/a", "kv/data/kvx/a", "kv/metadata/kvx/a"),
        ("kv", "v1", "kv/data/a", "kv/data/a", "kv/data/a"),
        ("kv", "v1", "a", "kv/a", "kv/a"),
        (None, "v2", "kv/a/b", "kv/data/a/b", None),
        (None, "v2", "kv/data/a", "kv/data/a", "kv/metadata/a"),
        (None, "v1", "kv/a", "kv/a", "kv/a"),
    ],
)
def test_keys_become_paths_as_upstream(
    path: str | None, version: str, key: str, data: str, metadata: str | None
) -> None:
    config = store("http://x", path, None, version=version).spec.provider.vault
    assert config is not None
    assert paths.data_path(config, key) == data
    if metadata is None:
        with pytest.raises(ProviderRefused):
            paths.metadata_path(config, key)
    else:
        assert paths.metadata_path(config, key) == metadata


def test_paths_are_cleaned_and_quoted_and_never_leave_the_mount() -> None:
    assert url_path("kv/data//a b/ż/%?#/") == "/v1/kv/data/a%20b/%C5%BC/%25%3F%23"
    with pytest.raises(ProviderRefused):
        url_path("kv/data/../../sys/seal")


async def test_a_number_in_an_answer_is_kept_as_written() -> None:
    body = json.dumps({"data": {"data": {"n": 0}, "metadata": {"version": 3}}}).replace(": 0", ": 1.50e+2")

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body)

    async with serving(handler) as url, aclosing(opened(url, "kv", "t")) as provider:
        fetched = (await provider.get([KEY]))[KEY]
        assert not isinstance(fetched, Missing)
        assert fetched.value == b'{"n":1.50e+2}'
        assert provider.value(fetched, RemoteRef(key="app", property="n")) == b"1.50e+2"

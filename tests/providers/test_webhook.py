"""The webhook backend: what it sends, what it makes of answers, what it never repeats."""

from __future__ import annotations

import base64
import logging
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from secretsync.api import ClusterSecretStore, Find, RemoteRef, SecretStore
from secretsync.errors import (
    ProviderDenied,
    ProviderRefused,
    ProviderUnavailable,
    SecretSyncError,
    StoreInvalid,
    TemplateError,
    ValueRuleError,
)
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.protocol import Fetched, Invalid, Missing, Valid
from secretsync.providers.registry import open_provider
from secretsync.providers.webhook import json_path
from secretsync.providers.webhook.templates import render
from tests.kube.scripted import serving
from tests.providers.test_vault_hostile import chain

if TYPE_CHECKING:
    from secretsync.api import JsonObject
    from secretsync.providers.protocol import Provider

CANARY = "canary-77ab10"


def store(url: str, **spec: Any) -> SecretStore:
    provider = {"webhook": {"url": url, "result": {}, **spec}}
    return SecretStore.from_json({"metadata": {"name": "hook", "namespace": "ns"}, "spec": {"provider": provider}})


def labelled(name: str, label: str = "webhook", **data: str) -> JsonObject:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": "ns", "labels": {"external-secrets.io/type": label}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}


def opened(spec: SecretStore | ClusterSecretStore, *objects: JsonObject) -> Provider:
    return open_provider(spec, namespace="ns", cluster=MemoryCluster(objects))


async def value(provider: Provider, ref: RemoteRef) -> bytes | Missing:
    key = provider.remote_key(ref)
    fetched = (await provider.get([key]))[key]
    return fetched if isinstance(fetched, Missing) else provider.value(fetched, ref)


@pytest.mark.contract
async def test_the_request_is_made_from_the_reference_and_labelled_secrets() -> None:
    seen: list[tuple[str, str, str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.method, request.raw_path, request.headers["X-Tok"], await request.text()))
        return web.json_response({"v": "answer"})

    async with serving(handler) as url:
        spec = store(
            url + "/q?k={{ .remoteRef.key }}&p={{ .remoteRef.property }}&n={{ .remoteRef.namespace }}",
            method="post",
            headers={"X-Tok": "{{ .cred.tok }}{{ .cred.absent }}"},
            body='{"v":"{{ .remoteRef.version }}"}',
            result={"jsonPath": "$.{{ .cred.path }}"},
            secrets=[{"name": "cred", "secretRef": {"name": "cred"}}],
        )
        async with aclosing(opened(spec, labelled("cred", tok="s3cr3t", path="v"))) as provider:
            assert await value(provider, RemoteRef(key="a/b c&d", property="ż", version="1")) == b"answer"
    assert seen == [("POST", "/q?k=a%2Fb+c%26d&p=%C5%BC&n=ns", "s3cr3t<no value>", '{"v":"1"}')]


@pytest.mark.contract
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", b'{"s":"t","n":1.5,"l":["x","y"],"e":[],"o":{"b":"<","a":null},"t":true,"z":null}'),
        ("$.s", b"t"),
        ("$.n", b"2"),
        ("$.l", b"x"),
        ("$.o", b'{"a":null,"b":"\\u003c"}'),
        ("$.t", b"true"),
        ("$.z", b""),
        ("$..b", b"<"),
        ("$.e", ProviderRefused),
        ("$.none", ProviderRefused),
        ("s", b"t"),
        ("s.t", ProviderRefused),
    ],
)
async def test_the_json_path_selects_as_upstream(path: str, expected: bytes | type[Exception]) -> None:
    body = '{"s":"t","n":1.5,"l":["x","y"],"e":[],"o":{"b":"<","a":null},"t":true,"z":null}'

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body)

    async with serving(handler) as url, aclosing(opened(store(url, result={"jsonPath": path}))) as provider:
        if isinstance(expected, bytes):
            assert await value(provider, RemoteRef(key="k")) == expected
        else:
            with pytest.raises(expected):
                await value(provider, RemoteRef(key="k"))


@pytest.mark.contract
async def test_only_404_means_missing() -> None:
    status = 404

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": "0"})

    async with serving(handler) as url, aclosing(opened(store(url))) as provider:
        assert isinstance(await value(provider, RemoteRef(key="k")), Missing)
        for status, kind in (  # noqa: B007 - the handler reads it
            (401, ProviderDenied),
            (403, ProviderDenied),
            (400, ProviderRefused),
            (304, ProviderRefused),
            (429, ProviderUnavailable),
            (502, ProviderUnavailable),
        ):
            with pytest.raises(kind):
                await value(provider, RemoteRef(key="k"))
        with pytest.raises(ProviderRefused, match="find is not supported"):
            await provider.find(Find())


@pytest.mark.contract
@pytest.mark.parametrize("status", [200, 301, 302, 400, 401, 403, 404, 410, 418, 429, 500, 503])
async def test_no_failure_repeats_a_secret_or_an_answer(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def handler(request: web.Request) -> web.StreamResponse:
        echoed = f"{CANARY} {dict(request.headers)}"
        return web.Response(status=status, text=echoed, headers={"Location": f"http://{CANARY}/", "Retry-After": "0"})

    said: list[str] = []
    secrets = [{"name": "cred", "secretRef": {"name": "cred"}}]
    cred = labelled("cred", tok=CANARY, line=f"{CANARY}\n{CANARY}", host=f"ftp://{CANARY}")
    async with serving(handler) as url:
        specs = [
            store(url, headers={"X": "{{ .cred.tok }}"}, result={"jsonPath": "$.a"}, secrets=secrets),
            store(url, headers={"X": "{{ .cred.line }}"}, secrets=secrets),
            store("{{ .cred.host }}", secrets=secrets),
            store(url + "/{{ .cred.tok | int | div 0 }}", secrets=secrets),
            store(url + "/{{ fail .cred.tok }}", secrets=secrets),
            store("http://127.0.0.1:9/{{ .cred.tok }}", secrets=secrets),
        ]
        for spec in specs:
            async with aclosing(opened(spec, cred)) as provider:
                ref = RemoteRef(key="k")
                try:
                    key = provider.remote_key(ref)
                    fetched = (await provider.get([key]))[key]
                    said.append(repr(fetched))
                    if isinstance(fetched, Fetched):
                        with pytest.raises((ProviderRefused, ValueRuleError)) as caught:
                            provider.members(fetched, ref)
                        said += chain(caught.value)
                except SecretSyncError as error:
                    said += chain(error)
    assert said
    assert not [text for text in said if CANARY in text]
    assert CANARY not in caplog.text


@pytest.mark.contract
async def test_secrets_without_the_label_are_never_sent() -> None:
    spec = store("http://127.0.0.1:9", secrets=[{"name": "cred", "secretRef": {"name": "cred"}}])
    for objects, problem in (
        ((labelled("cred", "other"),), "does not carry the label"),
        ((), "does not exist"),
    ):
        async with aclosing(opened(spec, *objects)) as provider:
            with pytest.raises(StoreInvalid, match=problem):
                await value(provider, RemoteRef(key="k"))


@pytest.mark.contract
async def test_validation_tries_the_connection_only() -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    async with serving(handler) as url, aclosing(opened(store(url + "/{{ .remoteRef.key }}"))) as provider:
        assert await provider.validate() == Valid()
    for address in ("http://127.0.0.1:9", "{{ .x }}", "http://[::1"):
        async with aclosing(opened(store(address))) as provider:
            assert isinstance(await provider.validate(), Invalid)


@pytest.mark.unit
async def test_a_cluster_store_must_say_where_its_secrets_are() -> None:
    provider = {"webhook": {"url": "http://x", "result": {}, "secrets": [{"name": "c", "secretRef": {"name": "cred"}}]}}
    spec = ClusterSecretStore.from_json({"metadata": {"name": "hook"}, "spec": {"provider": provider}})
    async with aclosing(opened(spec, labelled("cred"))) as backend:
        with pytest.raises(StoreInvalid, match="names no namespace"):
            await value(backend, RemoteRef(key="k"))


@pytest.mark.unit
def test_ntlm_is_refused_at_once() -> None:
    ntlm = {"usernameSecret": {"name": "u", "key": "u"}, "passwordSecret": {"name": "p", "key": "p"}}
    with pytest.raises(StoreInvalid, match="NTLM"):
        opened(store("http://x", auth={"ntlm": ntlm}))


@pytest.mark.unit
def test_templates_are_lenient_about_what_is_missing_and_strict_about_syntax() -> None:
    data = {"remoteRef": {"key": "k"}}
    assert render("{{ .remoteRef.key | upper }}", data, name="url") == b"K"
    assert render("[{{ .remoteRef.none }}]", data, name="url") == b"[<no value>]"
    assert render("[{{ .none.none }}{{ .none }}]", data, name="url") == b"[<no value><no value>]"
    assert render('[{{ index .remoteRef "none" }}{{ .remoteRef }}]', data, name="url") == b"[map[key:k]]"
    assert render("{{ if .remoteRef.none }}x{{ else }}y{{ end }}", data, name="url") == b"y"
    with pytest.raises(TemplateError, match="template url"):
        render("{{ .remoteRef.key", data, name="url")
    with pytest.raises(TemplateError, match="template url"):
        render("{{ .remoteRef.none | upper }}", data, name="url")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", {"a": {"b": [1.0, 2.0, 3.0]}, "l": [{"n": "x", "v": 1.0}, {"n": "y", "v": 2.0}], "é": "u"}),
        ("$.a.b[0]", 1.0),
        ("a.b[1]", 2.0),
        (" $.a ", {"b": [1.0, 2.0, 3.0]}),
        ("$['a'][\"b\"][1]", 2.0),
        ("$.é", "u"),
        ("$.a.b[0:2]", [1.0, 2.0]),
        ("$.a.b[0,2]", [1.0, 3.0]),
        ("$.l[*].n", ["x", "y"]),
        ("$..v", [1.0, 2.0]),
        ("$.l[?(@.v!=1)].n", ["y"]),
        ("$.l[?(@.n=='x')].v", [1.0]),
        ('$.l[?("y"==@.n)].v', [2.0]),
        ("$.l[?(@.none)]", []),
        ("$.l[?(@.n)].v", []),
        ("$.l[0]['n','v']", ["x", 1.0]),
    ],
)
def test_json_paths_find(path: str, expected: object) -> None:
    document = {"a": {"b": [1.0, 2.0, 3.0]}, "l": [{"n": "x", "v": 1.0}, {"n": "y", "v": 2.0}], "é": "u"}
    assert json_path.find(path, document) == expected


@pytest.mark.unit
@pytest.mark.parametrize(
    "path",
    [
        *("", "z", "$.", "$[", "$['a", "$.a.zz", "$.a.b[9]", "$.a[0:1:0]", "$[?(@.a ==)]", "$..", "$" * 9),
        *("$.a.b[-1]", "$.a.b.0", "$.k-l", "$['kl']", "$[?(@.b > 1)]", "$[?(@.b == 1 || @.b == 2)]", "$[?(@ && @)]"),
    ],
)
def test_json_paths_that_lead_nowhere_are_errors(path: str) -> None:
    with pytest.raises(json_path.JSONPathError):
        json_path.find(path, {"a": {"b": [1.0]}, "k-l": 1.0, "kl": 1.0})


@pytest.mark.unit
@given(
    path=st.text(alphabet="$.*[]()'\"?@abc0123:,-=&|<>!\\ ", max_size=40).map(lambda text: "$" + text),
    document=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=10,
    ),
)
def test_no_json_path_does_anything_but_find_or_refuse(path: str, document: Any) -> None:
    with suppress(json_path.JSONPathError):
        json_path.find(path, document)

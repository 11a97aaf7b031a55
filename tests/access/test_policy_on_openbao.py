"""The compiled policy before a real OpenBao: what is declared can be read, nothing else, and no statement is idle."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.access import Grant, compile_vault, policy_document
from secretsync.api import ExternalSecret, SecretStore, parse
from secretsync.errors import ProviderDenied, SecretSyncError
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.registry import open_provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretsync.providers.protocol import Provider
    from tests.fixtures.local_parts import OpenBaoServer

pytestmark = pytest.mark.contract

SECRETS = ("plain", "team/a/one", "team/a/deep/two", "team/b/three", "team/ab/four", "with space", "ключ", "a+b")


@dataclass(frozen=True)
class Backend:
    """A KV mount of its own, with every secret of `SECRETS` on it."""

    server: OpenBaoServer
    mount: str
    version: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.server.address}/v1/{urllib.parse.quote(path)}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"X-Vault-Token": self.server.token},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            content = answer.read()
        return json.loads(content) if content else {}

    def wait_for_mount(self) -> None:
        """A fresh mount of version 2 answers 400 until it has set itself up."""
        end = time.monotonic() + 10
        while True:
            try:
                self.call("GET", f"{self.mount}/config" if self.version == "v2" else f"{self.mount}/?list=true")
            except urllib.error.HTTPError as error:
                if error.code == 404 or time.monotonic() > end:
                    return
            else:
                return
            time.sleep(0.05)

    def token_for(self, grants: Sequence[Grant]) -> str:
        """A token that holds nothing but these grants."""
        name = f"policy-{uuid.uuid4().hex}"
        access = replace(compile_vault(self.store(), []), grants=tuple(grants))
        self.call("PUT", f"sys/policies/acl/{name}", {"policy": policy_document(access)})
        answer = self.call("POST", "auth/token/create", {"policies": [name], "no_default_policy": True, "ttl": "5m"})
        token: str = answer["auth"]["client_token"]
        return token

    def store(self) -> SecretStore:
        token = {"tokenSecretRef": {"name": "token", "key": "token"}}
        vault = {"server": self.server.address, "path": self.mount, "version": self.version, "auth": token}
        parsed = parse(
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "SecretStore",
                "metadata": {"name": "s", "namespace": "demo"},
                "spec": {"provider": {"vault": vault}},
            }
        )
        assert isinstance(parsed, SecretStore)
        return parsed

    def opened(self, token: str) -> Provider:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "token", "namespace": "demo"},
            "data": {"token": base64.b64encode(token.encode()).decode()},
        }
        return open_provider(self.store(), namespace="demo", cluster=MemoryCluster([secret]))


@pytest.fixture
def backend(request: pytest.FixtureRequest, openbao: OpenBaoServer) -> Iterator[Backend]:
    mount = f"kv-{uuid.uuid4().hex[:8]}"
    made = Backend(openbao, mount, request.param)
    made.call("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": request.param.removeprefix("v")}})
    made.wait_for_mount()
    for name in SECRETS:
        body: dict[str, Any] = {"k": name}
        made.call("POST", f"{mount}/data/{name}" if made.version == "v2" else f"{mount}/{name}", _body(made, body))
    if made.version == "v2":
        made.call("POST", f"{mount}/metadata/team/a/one", {"custom_metadata": {"tier": "gold"}})
    yield made
    made.call("DELETE", f"sys/mounts/{mount}")


def _body(backend: Backend, values: dict[str, Any]) -> dict[str, Any]:
    return {"data": values} if backend.version == "v2" else values


def declared(entries: Sequence[dict[str, Any]]) -> ExternalSecret:
    spec: dict[str, Any] = {"secretStoreRef": {"name": "s", "kind": "SecretStore"}, "data": [], "dataFrom": []}
    for index, entry in enumerate(entries):
        if "key" in entry:
            spec["data"].append({"secretKey": f"k{index}", "remoteRef": entry})
        else:
            spec["dataFrom"].append(entry)
    parsed = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "es", "namespace": "demo"},
            "spec": {name: value for name, value in spec.items() if value},
        }
    )
    assert isinstance(parsed, ExternalSecret)
    return parsed


async def everything_declared_works(provider: Provider, external_secret: ExternalSecret) -> bool:
    try:
        keys = [provider.remote_key(entry.remote_ref) for entry in external_secret.spec.data]
        await provider.get(keys)
        for source in external_secret.spec.data_from:
            if source.find is not None:
                await provider.find(source.find)
            elif source.extract is not None:
                await provider.get([provider.remote_key(source.extract)])
    except ProviderDenied:
        return False
    finally:
        await provider.aclose()
    return True


DECLARATIONS: dict[str, list[dict[str, Any]]] = {
    "one key": [{"key": "plain"}],
    "nested and unusual keys": [{"key": "team/a/one"}, {"key": "with space"}, {"key": "ключ"}, {"key": "a+b"}],
    "extract": [{"extract": {"key": "team/b/three"}}],
    "find below a path": [{"find": {"path": "team/a", "name": {"regexp": ".*"}}}],
    "find everywhere": [{"find": {"name": {"regexp": "t.*"}}}],
    "key and find": [{"key": "plain"}, {"find": {"path": "team/b", "name": {"regexp": ".*"}}}],
}
VERSION_2_ONLY: dict[str, list[dict[str, Any]]] = {
    "metadata": [{"key": "team/a/one", "metadataPolicy": "Fetch"}],
    "find by tags": [{"find": {"path": "team", "tags": {"tier": "gold"}}}],
}


ON_EITHER = [(version, name) for version in ("v1", "v2") for name in DECLARATIONS]
"""Version of the KV engine, and what is declared; version 1 has no metadata."""


@pytest.mark.parametrize(
    ("backend", "name"), [*ON_EITHER, *(("v2", name) for name in VERSION_2_ONLY)], indirect=["backend"]
)
async def test_what_is_declared_can_be_read_and_every_statement_is_needed(backend: Backend, name: str) -> None:
    external_secret = declared({**DECLARATIONS, **VERSION_2_ONLY}[name])
    grants = compile_vault(backend.store(), [external_secret]).grants
    assert await everything_declared_works(backend.opened(backend.token_for(grants)), external_secret)
    for left_out in grants:
        fewer = backend.token_for([grant for grant in grants if grant != left_out])
        works = await everything_declared_works(backend.opened(fewer), external_secret)
        assert not works, f"nothing needs {left_out.path}"


@pytest.mark.parametrize(("backend", "name"), ON_EITHER, indirect=["backend"])
async def test_nothing_undeclared_can_be_read(backend: Backend, name: str) -> None:
    external_secret = declared(DECLARATIONS[name])
    token = backend.token_for(compile_vault(backend.store(), [external_secret]).grants)
    allowed = set(_named(DECLARATIONS[name]))
    for secret in SECRETS:
        provider = backend.opened(token)
        ref = declared([{"key": secret}]).spec.data[0].remote_ref
        try:
            await provider.get([provider.remote_key(ref)])
            readable = True
        except SecretSyncError:
            readable = False
        finally:
            await provider.aclose()
        assert readable == (secret in allowed), secret


def _named(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        if "key" in entry:
            yield entry["key"]
        elif "extract" in entry:
            yield entry["extract"]["key"]
        else:
            below = f"{entry['find']['path']}/" if "path" in entry["find"] else ""
            yield from (secret for secret in SECRETS if secret.startswith(below))

"""Recorded behaviour of ESO v2.9.0, answered by the backends alone: what each entry gets, or that it fails.

The whole corpus runs against the controller elsewhere; here only cases whose outcome the backend decides by itself:
one store, no template, no rewrite, no later steps.
"""

from __future__ import annotations

import base64
import json
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from secretsync.api import DecodingStrategy, ExternalSecret, parse
from secretsync.errors import SecretSyncError
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.kubernetes import KubernetesStore
from secretsync.providers.protocol import Invalid, Missing
from secretsync.providers.registry import open_provider
from secretsync.values import conversion, decoding
from tests.kube.scripted import serving
from tests.providers.vault_server import Bao

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.api import ClusterSecretStore, JsonObject, SecretStore
    from secretsync.kube.config import ClusterConfig
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider
    from tests.fixtures.local_parts import OpenBaoServer

pytestmark = pytest.mark.conformance

VECTORS = Path(__file__).parents[1] / "conformance" / "vectors"
AREAS = (
    "data_property_fake",
    "data_property_vault",
    "data_whole",
    "extract",
    "find",
    "vault",
    "kubernetes",
    "webhook",
)
SERVED = ("fake", "vault", "kubernetes", "webhook")
NAMESPACE = "golden"


def decided_by_the_backend(case: JsonObject) -> bool:
    spec = case["externalsecret"]["spec"]
    stores = case.get("stores") or []
    target = spec.get("target") or {}
    return (
        len(stores) == 1
        and not case.get("steps")
        and not target.get("template")
        and not any(entry.get("rewrite") for entry in spec.get("dataFrom") or ())
        and next(iter(stores[0]["spec"]["provider"])) in SERVED
        and "rejected_by_schema" not in case["expected"]
        and not case.get("optional")
    )


def cases() -> list[Any]:
    found = [
        case
        for area in AREAS
        for case in json.loads((VECTORS / f"{area}.json").read_text(encoding="utf-8"))
        if decided_by_the_backend(case)
    ]
    return [pytest.param(case, id=case["name"]) for case in found]


class Backends:
    """Everything a case needs, set up as the case says."""

    def __init__(self, bao: Bao, webhook: str, answers: dict[str, Any]) -> None:
        self.bao = bao
        self.webhook = webhook
        self.answers = answers

    def prepare(self, case: JsonObject) -> tuple[MemoryCluster, MemoryCluster]:
        """The own cluster with the case's objects, and the remote one with the provider's data."""
        data = case.get("provider_data") or {}
        vaults = data.get("vault") or []
        for each in vaults if isinstance(vaults, list) else [vaults]:
            self._vault(each)
        self.answers.update(data.get("webhook") or {})
        own: list[JsonObject] = [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "stringData": values,
            }
            for name, values in (("bao-token", {"token": self.bao.token}), ("kube-cert", {"crt": "c", "key": "k"}))
        ]
        own += [obj for obj in case.get("objects") or () if obj["kind"] in {"Secret", "ConfigMap"}]
        return MemoryCluster(own), MemoryCluster(data.get("kubernetes") or [])

    def _vault(self, data: JsonObject) -> None:
        mount, version = data["mount"], int(data["version"][1:])
        mounts = self.bao.request("GET", "sys/mounts")["data"]
        if f"{mount}/" not in mounts:
            self.bao.mount(version, mount)
        for key, value in (data.get("secrets") or {}).items():
            if version == 2:
                self.bao.request("DELETE", f"{mount}/metadata/{quoted(key)}")
            for each in value if isinstance(value, list) else [value]:
                self.bao.put(mount, quoted(key), each, version=version)
        for key, value in (data.get("custom_metadata") or {}).items():
            self.bao.request("POST", f"{mount}/metadata/{quoted(key)}", {"custom_metadata": value})
        for key in data.get("delete") or ():
            self.bao.request("DELETE", f"{mount}/data/{key}" if version == 2 else f"{mount}/{key}")

    def store(self, manifest: JsonObject) -> SecretStore | ClusterSecretStore:
        """The store with the addresses filled in."""
        text = json.dumps(manifest)
        for name, value in (
            ("${BAO_ADDR}", self.bao.address),
            ("${WEBHOOK_ADDR}", self.webhook),
            ("${KUBE_ADDR}", "https://kubernetes.example.org"),
            ("${KUBE_CA_B64}", base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()),
        ):
            text = text.replace(name, value)
        return parse(json.loads(text))  # type: ignore[return-value]

    def open(self, store: SecretStore | ClusterSecretStore, own: Cluster, remote: Cluster) -> Provider:
        """The backend; what the kubernetes one reads is the remote cluster."""
        config = store.spec.provider.kubernetes
        if config is None:
            return open_provider(store, namespace=NAMESPACE, cluster=own)

        async def connect(_config: ClusterConfig, _stack: AsyncExitStack) -> Cluster:
            return remote

        return KubernetesStore(config, store, NAMESPACE, own, connect)


def quoted(key: str) -> str:
    return key.replace(" ", "%20")


@pytest.fixture
def bao(openbao: OpenBaoServer) -> Bao:
    return Bao(openbao.address, openbao.token)


async def collected(external_secret: ExternalSecret, provider: Provider) -> dict[str, bytes]:
    """All keys of an ExternalSecret, as far as the backend makes them."""
    data: dict[str, bytes] = {}
    for source in external_secret.spec.data_from:
        if source.find is not None:
            found = await provider.find(source.find)
            assert not isinstance(found, Missing), found
            values: Mapping[str, bytes] = {name: fetched.value for name, fetched in found.items()}
            data |= conversion.convert_keys(values, source.find.conversion_strategy)
        elif source.extract is not None:
            ref = source.extract
            key = provider.remote_key(ref)
            fetched = (await provider.get([key]))[key]
            assert not isinstance(fetched, Missing), fetched
            members = provider.members(fetched, ref)
            assert not isinstance(members, Missing), members
            members = conversion.convert_keys(members, ref.conversion_strategy)
            data |= {name: decoding.decode(value, ref.decoding_strategy) for name, value in members.items()}
    for entry in external_secret.spec.data:
        ref = entry.remote_ref
        key = provider.remote_key(ref)
        fetched = (await provider.get([key]))[key]
        assert not isinstance(fetched, Missing), fetched
        value = provider.value(fetched, ref)
        assert not isinstance(value, Missing), value
        strategy = ref.decoding_strategy
        data[entry.secret_key] = value if strategy is DecodingStrategy.None_ else decoding.decode(value, strategy)
    return data


@pytest.mark.parametrize("case", cases())
async def test_backend(case: JsonObject, bao: Bao) -> None:
    answers: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        body = answers.get(request.path_qs, answers.get(request.path))
        if isinstance(body, dict) and body.get("_echo"):
            headers = {name: value for name, value in sorted(request.headers.items()) if name.lower().startswith("x-")}
            echoed = {"method": request.method, "path": request.path, "body": await request.text(), "headers": headers}
            return web.json_response(echoed)
        if isinstance(body, dict) and "_status" in body:
            return web.Response(status=body["_status"], text=str(body.get("_body", "")))
        if body is None:
            return web.Response(status=404)
        return web.Response(text=body if isinstance(body, str) else json.dumps(body))

    expected = case["expected"]
    async with serving(handler) as url:
        backends = Backends(bao, url, answers)
        own, remote = backends.prepare(case)
        store = backends.store(case["stores"][0])
        external_secret = ExternalSecret.from_json(case["externalsecret"])
        async with aclosing(backends.open(store, own, remote)) as provider:
            if store.spec.provider.name != "kubernetes":
                assert not isinstance(await provider.validate(), Invalid)
            try:
                data = await collected(external_secret, provider)
            except (SecretSyncError, AssertionError):
                data = {}
    if "data" in expected:
        wanted = {key: base64.b64decode(value) for key, value in expected["data"].items()}
        assert data == wanted
    elif "data_shape" in expected:
        shapes = expected["data_shape"]
        tolerance = case.get("shape_len_tolerance", 0)  # a timestamp loses its trailing zeros
        assert data.keys() == shapes.keys()
        assert {key: abs(len(value) - shapes[key]["len"]) <= tolerance for key, value in data.items()} == dict.fromkeys(
            shapes, True
        )
    else:
        assert data == {}

"""The upstream operator's readiness, asked of a real API server with a real admission webhook on loopback."""

from __future__ import annotations

import asyncio
import http
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from components.dynamic.operator_readiness import WEBHOOKS, until_answered, until_established
from local.environment import Environment
from local.environment.parts import API_SERVER
from secretsync.api import admission_policies
from secretsync.errors import ClusterDenied, OperatorNotReady
from secretsync.kube.client import KubeClient
from secretsync.kube.config import from_kubeconfig
from secretsync.kube.credentials import StaticAuthorization
from tests.api.cluster import CRDS, install_crds, send
from tests.components.admission import CONFIGURATIONS, certificate, configuration, running
from tests.fixtures.local_parts import ControlPlane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from secretsync.kube.protocol import Cluster

pytestmark = pytest.mark.contract

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
SERVICE = "external-secrets-webhook"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server of this module's own: webhooks are for the whole of one."""
    with Environment(tmp_path_factory.mktemp("webhooks"), durable=False, parts=(API_SERVER,)) as environment:
        made = ControlPlane(environment.api_server, environment.layout.kubeconfig, environment)
        install_crds(made)
        yield made


@pytest.fixture
async def cluster(plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with KubeClient(from_kubeconfig(plane.kubeconfig)) as client:
        yield client


@pytest.fixture
def where(plane: ControlPlane) -> str:
    name = f"operator-{uuid.uuid4().hex[:8]}"
    assert send(plane, "POST", "/api/v1/namespaces", {"metadata": {"name": name}}).status == http.HTTPStatus.CREATED
    return name


@pytest.fixture
def register(plane: ControlPlane, where: str) -> Iterator[Callable[..., None]]:
    """Registers webhooks as the chart does, for one namespace; they are gone after the test."""
    made: list[str] = []

    def add(url: str, authority: str, **changes: Any) -> None:
        registered = configuration(url, authority, where, **changes)
        made.append(registered["metadata"]["name"])
        reply = send(plane, "POST", CONFIGURATIONS, registered)
        assert reply.status == http.HTTPStatus.CREATED, reply.message

    yield add
    for name in made:
        send(plane, "DELETE", f"{CONFIGURATIONS}/{name}")


async def asked(cluster: Cluster, where: str, patience: float = 20, poll: float = 0.05) -> None:
    await until_answered(cluster, namespace=where, service=SERVICE, patience=patience, poll=poll)


async def test_a_refusal_of_each_webhook_is_the_proof(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path, plane: ControlPlane
) -> None:
    async with running(tmp_path) as webhook:
        register(webhook.url, webhook.authority)
        await asked(cluster, where)
        assert set(webhook.seen) == {"ExternalSecret", "SecretStore"}
    for plural in ("externalsecrets", "secretstores"):
        stored = send(plane, "GET", f"/apis/external-secrets.io/v1/namespaces/{where}/{plural}").document["items"]
        assert stored == [], "a probe is never stored"


async def test_it_goes_on_when_the_endpoint_comes_up(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    authority = certificate(tmp_path)
    register(f"https://127.0.0.1:{port}", authority)
    waiting = asyncio.create_task(asked(cluster, where))
    await asyncio.sleep(1)
    assert not waiting.done(), "nobody listens yet"
    async with running(tmp_path, port, authority):
        await asyncio.wait_for(waiting, 20)


async def refused(cluster: Cluster, where: str, patience: float = 1.5) -> str:
    with pytest.raises(OperatorNotReady) as caught:
        await asked(cluster, where, patience)
    message = str(caught.value)
    assert f"Service {where}/{SERVICE}" in message
    for name in WEBHOOKS:
        assert name in message
    return message


async def test_no_endpoint_is_told_with_service_and_reason(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path, free_port: Callable[[], int]
) -> None:
    register(f"https://127.0.0.1:{free_port()}", certificate(tmp_path))
    message = await refused(cluster, where)
    assert "it refuses connections" in message
    assert "cert-controller" in message


async def test_a_service_that_does_not_exist_is_told(
    cluster: Cluster, where: str, plane: ControlPlane, register: Callable[..., None], tmp_path: Path
) -> None:
    register("https://127.0.0.1:1", certificate(tmp_path))
    found = send(plane, "GET", CONFIGURATIONS).document["items"]
    (mine,) = [each for each in found if each["webhooks"][0]["namespaceSelector"]["matchLabels"].popitem()[1] == where]
    for each in mine["webhooks"]:
        each["clientConfig"] = {"service": {"namespace": where, "name": SERVICE}, "caBundle": certificate(tmp_path)}
        each["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": where}}
    reply = send(plane, "PUT", f"{CONFIGURATIONS}/{mine['metadata']['name']}", mine)
    assert reply.status == http.HTTPStatus.OK, reply.message
    await asyncio.sleep(0.5)
    assert "its Service does not exist" in await refused(cluster, where)


async def test_a_certificate_of_another_authority_is_told(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with running(tmp_path) as webhook:
        register(webhook.url, certificate(other))
        assert "its certificate is not trusted" in await refused(cluster, where)


async def test_a_webhook_that_is_too_slow_is_told(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path
) -> None:
    async with running(tmp_path) as webhook:
        webhook.delay = 3
        register(webhook.url, webhook.authority, seconds=1)
        assert "it did not answer in time" in await refused(cluster, where, patience=3)


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_a_webhook_that_admits_everything_proves_nothing(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path, policy: str
) -> None:
    async with running(tmp_path) as webhook:
        webhook.refuses = False
        register(webhook.url, webhook.authority, policy=policy)
        assert "admits a wrong ExternalSecret" in await refused(cluster, where)


async def test_a_webhook_that_may_be_left_out_has_to_answer_all_the_same(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path, free_port: Callable[[], int]
) -> None:
    register(f"https://127.0.0.1:{free_port()}", certificate(tmp_path), policy="Ignore")
    assert "without asking it" in await refused(cluster, where)


async def test_one_that_is_not_registered_is_told(cluster: Cluster, where: str) -> None:
    assert "it is not registered" in await refused(cluster, where, patience=0.2)


async def test_anothers_refusal_is_no_proof(
    cluster: Cluster, where: str, register: Callable[..., None], tmp_path: Path
) -> None:
    async with running(tmp_path) as webhook:
        register(webhook.url, webhook.authority, names=("validate.somebody.example",))
        message = await refused(cluster, where)
    assert "the admission webhook validate.somebody.example forbids to create externalsecrets" in message
    assert "webhook-probe" not in message, "what a webhook says may quote what it was sent"


async def test_what_is_left_of_the_builtin_operator_is_told(
    cluster: Cluster, where: str, plane: ControlPlane, register: Callable[..., None], tmp_path: Path
) -> None:
    policy, binding = (each for each in admission_policies() if each["metadata"]["name"].startswith("externalsecrets."))
    binding = {
        **binding,
        "spec": {
            **binding["spec"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": where}}},
        },
    }
    paths = {"ies": policy, "ybindings": binding}
    for suffix, obj in paths.items():
        assert send(plane, "POST", POLICIES + suffix, obj).status == http.HTTPStatus.CREATED
    try:
        async with running(tmp_path) as webhook:
            register(webhook.url, webhook.authority)
            await asyncio.sleep(3)  # a policy takes the API server a moment
            with pytest.raises(OperatorNotReady, match="remove what is left of an earlier operator") as caught:
                await asked(cluster, where, patience=1)
            assert "validate.secretstore.external-secrets.io" not in str(caught.value)
    finally:
        for suffix, obj in paths.items():
            send(plane, "DELETE", f"{POLICIES}{suffix}/{obj['metadata']['name']}")


async def test_a_namespace_that_is_not_there_is_waited_for(
    cluster: Cluster, register: Callable[..., None], tmp_path: Path, where: str
) -> None:
    async with running(tmp_path) as webhook:
        register(webhook.url, webhook.authority)
        message = await refused_in(cluster, f"{where}-absent")
    assert "its kind or its namespace is not there" in message


async def refused_in(cluster: Cluster, namespace: str) -> str:
    with pytest.raises(OperatorNotReady) as caught:
        await asked(cluster, namespace, 0.2)
    return str(caught.value)


async def test_missing_rights_are_told_at_once(plane: ControlPlane, where: str) -> None:
    config = from_kubeconfig(plane.kubeconfig)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": where}}
    assert send(plane, "POST", f"/api/v1/namespaces/{where}/serviceaccounts", account).status == http.HTTPStatus.CREATED
    async with KubeClient(config) as administrator:
        token = await administrator.service_account_token(where, "nobody", [], 600)
    bearer = StaticAuthorization.bearer(token.value)
    async with KubeClient(replace(config, credentials=bearer, client_certificate=b"", client_key=b"")) as nobody:
        with pytest.raises(ClusterDenied, match="cannot create resource"):
            await asyncio.wait_for(asked(nobody, where, patience=60), 10)
        with pytest.raises(ClusterDenied, match="cannot get resource"):
            await asyncio.wait_for(until_established(nobody, ["externalsecrets.external-secrets.io"]), 10)


async def test_kinds_are_established_or_named(cluster: Cluster, plane: ControlPlane) -> None:
    await until_established(cluster, ["externalsecrets.external-secrets.io", "secretstores.external-secrets.io"])
    with pytest.raises(OperatorNotReady) as caught:
        await until_established(
            cluster, ["externalsecrets.external-secrets.io", "absent.external-secrets.io"], patience=0.2
        )
    assert "1 of 2 kinds" in str(caught.value)
    assert "absent.external-secrets.io: does not exist" in str(caught.value)
    first, second = clashing("clashes"), clashing("crashes")
    try:
        for each in (first, second):
            assert send(plane, "POST", CRDS, each).status == http.HTTPStatus.CREATED
        await until_established(cluster, ["clashes.example.com"])
        with pytest.raises(OperatorNotReady, match=r"crashes\.example\.com: .*already in use"):
            await until_established(cluster, ["crashes.example.com"], patience=1)
    finally:
        for name in ("clashes", "crashes"):
            send(plane, "DELETE", f"{CRDS}/{name}.example.com")


def clashing(plural: str) -> dict[str, Any]:
    """A kind whose names are taken in its group is never established."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural, "kind": "Clash", "listKind": f"Clash{plural}"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }

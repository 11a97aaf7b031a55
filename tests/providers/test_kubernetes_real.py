"""The kubernetes backend against a real API server: every way to log in, and what its validation says."""

from __future__ import annotations

import base64
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from secretsync.api import ClusterSecretStore, Find, RemoteRef, SecretStore
from secretsync.errors import ProviderDenied, ProviderRefused, ProviderUnavailable, StoreInvalid
from secretsync.kube.client import KubeClient
from secretsync.kube.config import from_kubeconfig
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import ROLE_BINDINGS, ROLES, SECRETS, SERVICE_ACCOUNTS
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Unknown, Valid
from secretsync.providers.registry import open_provider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from secretsync.api import JsonObject
    from secretsync.kube.config import ClusterConfig
    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.contract


@pytest.fixture
def config(control_plane: ControlPlane) -> ClusterConfig:
    return from_kubeconfig(control_plane.kubeconfig)


@pytest.fixture
async def cluster(config: ClusterConfig, namespace: str) -> AsyncIterator[KubeClient]:
    """The cluster with a Secret ``doc``, and service accounts that may and may not read it."""
    async with KubeClient(config) as client:

        async def make(resource: Any, name: str, **body: Any) -> None:
            obj = {"metadata": {"name": name, "namespace": namespace}, **body}
            await client.create(resource, obj, field_manager="t")

        await make(SECRETS, "doc", stringData={"k": "v"})
        await make(SERVICE_ACCOUNTS, "reader")
        await make(SERVICE_ACCOUNTS, "nobody")
        await make(ROLES, "read", rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}])
        subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "read"}
        await make(ROLE_BINDINGS, "read", roleRef=role, subjects=[subject])
        yield client


def store(config: ClusterConfig, namespace: str, **spec: Any) -> SecretStore:
    server = {"url": config.server, "caBundle": base64.b64encode(config.ca).decode()}
    provider: JsonObject = {"kubernetes": {"server": server, "remoteNamespace": namespace, **spec}}
    return SecretStore.from_json(
        {"metadata": {"name": "store", "namespace": namespace}, "spec": {"provider": provider}}
    )


async def test_a_service_account_of_the_own_cluster_reads(
    cluster: KubeClient, config: ClusterConfig, namespace: str
) -> None:
    spec = store(config, namespace, auth={"serviceAccount": {"name": "reader"}})
    async with aclosing(open_provider(spec, namespace=namespace, cluster=cluster)) as provider:
        assert await provider.validate() == Valid()
        found = await provider.get([RemoteKey("doc"), RemoteKey("none")])
        fetched = found[RemoteKey("doc")]
        assert isinstance(fetched, Fetched)
        assert provider.value(fetched, RemoteRef(key="doc", property="k")) == b"v"
        missing = found[RemoteKey("none")]
        assert isinstance(missing, Missing)
        assert missing.data_is_error
        everything = await provider.find(Find.from_json({"name": {"regexp": "^doc$"}}))
        assert not isinstance(everything, Missing)
        assert everything["doc"].value == b'{"k":"v"}'
        versions = await provider.versions([RemoteKey("doc")])
        assert versions == {RemoteKey("doc"): fetched.version}


async def test_an_identity_without_rights_is_invalid_and_denied(
    cluster: KubeClient, config: ClusterConfig, namespace: str
) -> None:
    spec = store(config, namespace, auth={"serviceAccount": {"name": "nobody"}})
    async with aclosing(open_provider(spec, namespace=namespace, cluster=cluster)) as provider:
        validity = await provider.validate()
        assert isinstance(validity, Invalid)
        assert "may not get Secrets" in validity.reason
        with pytest.raises(ProviderDenied, match=r'cannot get resource "secrets"'):
            await provider.get([RemoteKey("doc")])


async def test_tokens_certificates_and_kubeconfigs_from_secrets_log_in(
    cluster: KubeClient, config: ClusterConfig, namespace: str
) -> None:
    token = await cluster.service_account_token(namespace, "reader", [], 600)
    kubeconfig = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": config.server,
                    "certificate-authority-data": base64.b64encode(config.ca).decode(),
                },
            }
        ],
        "users": [{"name": "c", "user": {"token": token.value}}],
    }
    data = {
        "token": token.value,
        "crt": config.client_certificate.decode(),
        "key": config.client_key.decode(),
        "kubeconfig": yaml.safe_dump(kubeconfig),
    }
    secret = {"metadata": {"name": "cred", "namespace": namespace}, "stringData": data}
    await cluster.create(SECRETS, secret, field_manager="t")

    def key(name: str) -> JsonObject:
        return {"name": "cred", "key": name}

    specs: list[dict[str, Any]] = [
        {"auth": {"token": {"bearerToken": key("token")}}},
        {"auth": {"cert": {"clientCert": key("crt"), "clientKey": key("key")}}},
        {"authRef": key("kubeconfig")},
    ]
    for each in specs:
        spec = store(config, namespace, **each)
        async with aclosing(open_provider(spec, namespace=namespace, cluster=cluster)) as provider:
            assert isinstance((await provider.get([RemoteKey("doc")]))[RemoteKey("doc")], Fetched)


async def test_without_the_certificate_authority_the_server_is_unavailable(
    cluster: KubeClient, config: ClusterConfig, namespace: str
) -> None:
    spec = SecretStore.from_json(
        {
            "metadata": {"name": "store", "namespace": namespace},
            "spec": {"provider": {"kubernetes": {"server": {"url": config.server}}}},
        }
    )
    async with aclosing(open_provider(spec, namespace=namespace, cluster=cluster)) as provider:
        with pytest.raises(ProviderUnavailable, match="certificate is not accepted"):
            await provider.get([RemoteKey("doc")])
        assert isinstance(await provider.validate(), Unknown)


async def test_a_cluster_store_reads_its_token_where_it_says_or_where_it_is_used(
    cluster: KubeClient, config: ClusterConfig, namespace: str
) -> None:
    server = {"url": config.server, "caBundle": base64.b64encode(config.ca).decode()}

    def spec(account: JsonObject) -> ClusterSecretStore:
        provider = {"kubernetes": {"server": server, "remoteNamespace": namespace, "auth": {"serviceAccount": account}}}
        return ClusterSecretStore.from_json({"metadata": {"name": "css"}, "spec": {"provider": provider}})

    explicit = spec({"name": "reader", "namespace": namespace})
    async with aclosing(open_provider(explicit, namespace="elsewhere", cluster=cluster)) as provider:
        assert await provider.validate() == Valid()
    referent = spec({"name": "reader"})
    async with aclosing(open_provider(referent, namespace="", cluster=cluster)) as provider:
        assert isinstance(await provider.validate(), Unknown)
        with pytest.raises(StoreInvalid, match="names no namespace"):
            await provider.get([RemoteKey("doc")])


async def test_tags_that_are_no_labels_do_not_become_part_of_a_selector(config: ClusterConfig) -> None:
    provider = open_provider(store(config, "ns"), namespace="ns", cluster=MemoryCluster())
    async with aclosing(provider):
        with pytest.raises(ProviderRefused, match="'team' is no label"):
            await provider.find(Find.from_json({"tags": {"team": "a,env=p"}}))

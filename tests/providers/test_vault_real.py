"""The vault backend against a real OpenBao."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import Find, RemoteRef
from secretsync.errors import (
    PropertyNotFound,
    ProviderDenied,
    ProviderRefused,
    ProviderUnavailable,
    SecretNotFound,
    StoreInvalid,
)
from secretsync.kube.client import KubeClient
from secretsync.kube.config import from_kubeconfig
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import CLUSTER_ROLE_BINDINGS, SERVICE_ACCOUNTS
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Unknown, Valid
from secretsync.providers.registry import open_provider
from tests.providers.vault_server import TOKEN_AUTH, Bao, cluster_store, opened, secret, store

if TYPE_CHECKING:
    from secretsync.providers.protocol import Provider
    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.contract


@pytest.fixture
def bao(openbao: OpenBaoServer) -> Bao:
    return Bao(openbao.address, openbao.token)


def ref(key: str, **fields: Any) -> RemoteRef:
    return RemoteRef.from_json({"key": key, **fields})


async def value(provider: Provider, wanted: RemoteRef) -> bytes | Missing:
    """What one data entry gets."""
    key = provider.remote_key(wanted)
    fetched = (await provider.get([key]))[key]
    return fetched if isinstance(fetched, Missing) else provider.value(fetched, wanted)


async def test_values_properties_and_versions_are_read(bao: Bao) -> None:
    mount = bao.mount()
    for number in (1, 2):
        bao.put(mount, "app/db", {"n": number, "deep": {"x": "<ż>"}, "a.b": "dotted", "a": {"b": "nested"}})
    async with aclosing(opened(bao.address, mount, bao.token)) as provider:
        whole = await value(provider, ref("app/db"))
        assert whole == b'{"a":{"b":"nested"},"a.b":"dotted","deep":{"x":"\\u003c\xc5\xbc\\u003e"},"n":2}'
        assert await value(provider, ref("app/db", property="a.b")) == b"dotted"
        assert await value(provider, ref("app/db", property="deep.x")) == "<ż>".encode()
        assert await value(provider, ref("app/db", property="n", version="1")) == b"1"
        assert await value(provider, ref(f"{mount}/app/db", property="n")) == b"2"
        assert await value(provider, ref(f"{mount}/data/app//db/", property="n")) == b"2"
        with pytest.raises(PropertyNotFound, match="'nope'"):
            await value(provider, ref("app/db", property="nope"))
        key = RemoteKey("app/db")
        fetched = (await provider.get([key]))[key]
        assert isinstance(fetched, Fetched)
        assert fetched.version == "2"
        assert "nested" not in repr(fetched)
        assert await provider.versions([key]) == {key: "2"}


async def test_without_a_mount_in_the_store_the_key_names_it(bao: Bao) -> None:
    mount = bao.mount()
    bao.put(mount, "x", {"p": "v"})
    async with aclosing(opened(bao.address, None, bao.token)) as provider:
        assert await value(provider, ref(f"{mount}/x", property="p")) == b"v"
        assert await value(provider, ref(f"{mount}/data/x", property="p")) == b"v"


async def test_what_is_gone_is_missing_not_an_error(bao: Bao) -> None:
    mount = bao.mount()
    for name in ("deleted", "destroyed", "kept"):
        bao.put(mount, name, {"p": "v"})
    bao.request("DELETE", f"{mount}/data/deleted")
    bao.request("POST", f"{mount}/destroy/destroyed", {"versions": [1]})
    async with aclosing(opened(bao.address, mount, bao.token)) as provider:
        names = ["nothing", "deleted", "destroyed"]
        keys = [*map(RemoteKey, names), RemoteKey("kept", "9")]
        found = await provider.get(keys)
        assert all(isinstance(found[key], Missing) for key in keys)
        versions = await provider.versions(keys)
        assert all(isinstance(versions[key], Missing) for key in keys)
        missing = found[keys[0]]
        assert isinstance(missing, Missing)
        assert missing.reason == f"there is no secret at {mount}/data/nothing"


async def test_version_one_of_the_engine_keeps_digits(bao: Bao) -> None:
    mount = bao.mount(1)
    bao.put(mount, "k", {"big": 12345678901234567890, "p": "v"}, version=1)
    async with aclosing(opened(bao.address, mount, bao.token, version="v1")) as provider:
        assert await value(provider, ref("k")) == b'{"big":12345678901234567890,"p":"v"}'
        assert await value(provider, ref("k", property="p")) == b"v"
        assert isinstance(await value(provider, ref("none")), Missing)
        fetched = (await provider.get([RemoteKey("k")]))[RemoteKey("k")]
        assert isinstance(fetched, Fetched)
        assert provider.members(fetched, ref("k")) == {"big": b"12345678901234567000", "p": b"v"}
        with pytest.raises(ProviderRefused, match="no metadata"):
            await value(provider, ref("k", metadataPolicy="Fetch"))
        with pytest.raises(ProviderRefused, match="tags needs"):
            await provider.find(Find.from_json({"tags": {"a": "b"}}))
        found = await provider.find(Find.from_json({"name": {"regexp": ".*"}}))
        assert not isinstance(found, Missing)
        assert list(found) == ["k"]


async def test_metadata_is_read_in_place_of_the_value(bao: Bao) -> None:
    mount = bao.mount()
    bao.put(mount, "m", {"p": "v"})
    bao.request("POST", f"{mount}/metadata/m", {"custom_metadata": {"owner": "ops"}})
    async with aclosing(opened(bao.address, mount, bao.token)) as provider:
        assert await value(provider, ref("m", metadataPolicy="Fetch", property="owner")) == b"ops"
        assert await value(provider, ref("m", metadataPolicy="Fetch", property="current_version")) == b"1"
        key = provider.remote_key(ref("m", metadataPolicy="Fetch"))
        fetched = (await provider.get([key]))[key]
        assert isinstance(fetched, Fetched)
        members = provider.members(fetched, ref("m", metadataPolicy="Fetch"))
        assert not isinstance(members, Missing)
        assert sorted(members) == ["created_time", "current_version", "delete_version_after", "owner"]
        with pytest.raises(SecretNotFound):
            await value(provider, ref("none", metadataPolicy="Fetch"))


async def test_searches_walk_all_folders(bao: Bao) -> None:
    mount = bao.mount()
    for name in ("a", "dir/b", "dir/deep/c", "other/d", "gone"):
        bao.put(mount, name, {"n": name})
    bao.request("POST", f"{mount}/metadata/dir/b", {"custom_metadata": {"team": "x"}})
    bao.request("DELETE", f"{mount}/data/gone")
    async with aclosing(opened(bao.address, mount, bao.token)) as provider:

        async def names(**query: Any) -> list[str] | str:
            found = await provider.find(Find.from_json(query))
            return "missing" if isinstance(found, Missing) else sorted(found)

        assert await names(name={"regexp": ".*"}) == ["a", "dir/b", "dir/deep/c", "other/d"]
        assert await names(name={"regexp": "^dir/"}) == ["dir/b", "dir/deep/c"]
        assert await names(path="dir") == ["dir/b", "dir/deep/c"]
        assert await names(path="dir", tags={"team": "x"}) == ["dir/b"]
        assert await names(tags={"team": "y"}) == []
        assert await names(name={"regexp": "c$"}, tags={"team": "x"}) == ["dir/deep/c"]
        assert await names(path="nowhere", name={"regexp": ".*"}) == "missing"


async def test_five_hundred_reads_use_one_login_and_few_connections(bao: Bao) -> None:
    mount = bao.mount()
    for number in range(500):
        bao.put(mount, f"many/{number}", {"n": str(number)})
    keys = [RemoteKey(f"many/{number}") for number in range(500)]
    async with aclosing(opened(bao.address, mount, bao.token)) as provider:
        found = await provider.get(keys)
        assert [each.value for each in found.values() if isinstance(each, Fetched)] == [
            f'{{"n":"{number}"}}'.encode() for number in range(500)
        ]


async def test_a_policy_that_does_not_suffice_is_named_with_path_and_capability(bao: Bao) -> None:
    mount = bao.mount()
    bao.put(mount, "open", {"p": "v"})
    token = bao.limited_token(f'path "{mount}/data/open" {{ capabilities = ["read"] }}')
    async with aclosing(opened(bao.address, mount, token)) as provider:
        assert await value(provider, ref("open", property="p")) == b"v"
        with pytest.raises(ProviderDenied, match=f"read on {mount}/data/shut"):
            await value(provider, ref("shut"))
        with pytest.raises(ProviderDenied, match=f"list on {mount}/metadata/"):
            await provider.find(Find.from_json({"name": {"regexp": "."}}))
        key = RemoteKey("open")
        assert await provider.versions([key]) == {key: "1"}
        assert await provider.validate() == Valid()


async def test_a_wrong_token_makes_the_store_invalid_and_reads_denied(bao: Bao) -> None:
    mount = bao.mount()
    async with aclosing(opened(bao.address, mount, "canary-token")) as provider:
        validity = await provider.validate()
        assert isinstance(validity, Invalid)
        assert "canary" not in validity.reason
        with pytest.raises(ProviderDenied) as caught:
            await value(provider, ref("x"))
        assert "canary" not in str(caught.value)


async def test_a_token_that_was_replaced_in_its_secret_is_picked_up(bao: Bao) -> None:
    mount = bao.mount()
    bao.put(mount, "x", {"p": "v"})
    first = bao.limited_token(f'path "{mount}/*" {{ capabilities = ["read"] }}')
    cluster = MemoryCluster([secret("token", token=first)])
    provider = open_provider(store(bao.address, mount, TOKEN_AUTH), namespace="ns", cluster=cluster)
    async with aclosing(provider):
        await value(provider, ref("x"))
        bao.request("POST", "auth/token/revoke", {"token": first})
        from secretsync.kube.resources import SECRETS  # noqa: PLC0415 - beside its use

        await cluster.merge_patch(SECRETS, "token", "ns", {"stringData": {"token": bao.token}}, field_manager="t")
        assert await value(provider, ref("x", property="p")) == b"v"


def enable(bao: Bao, method: str) -> str:
    """The mount path of a new auth method."""
    path = bao.mount(1).replace("kv1", method)
    bao.request("POST", f"sys/auth/{path}", {"type": method})
    return path


def reader(bao: Bao, mount: str) -> str:
    """The name of a policy that may read all of a mount."""
    bao.request("PUT", f"sys/policies/acl/read-{mount}", {"policy": f'path "{mount}/*" {{ capabilities = ["read"] }}'})
    return f"read-{mount}"


async def test_approle_logs_in_once_renews_and_gives_the_token_back(bao: Bao) -> None:
    mount, auth = bao.mount(), enable(bao, "approle")
    bao.put(mount, "x", {"p": "v"})
    role = {"token_policies": [reader(bao, mount)], "token_ttl": "3s", "token_max_ttl": "60s", "secret_id_num_uses": 1}
    bao.request("POST", f"auth/{auth}/role/app", role)
    role_id = bao.request("GET", f"auth/{auth}/role/app/role-id")["data"]["role_id"]
    secret_id = bao.request("POST", f"auth/{auth}/role/app/secret-id")["data"]["secret_id"]
    spec = {"appRole": {"path": auth, "roleId": role_id, "secretRef": {"name": "approle", "key": "id"}}}
    cluster = MemoryCluster([secret("approle", id=secret_id)])
    provider = open_provider(store(bao.address, mount, spec), namespace="ns", cluster=cluster)
    async with aclosing(provider):
        await asyncio.gather(*(value(provider, ref("x")) for _ in range(20)))
        for _ in range(7):  # beyond the token's life: the secret id works once only, so it must have been renewed
            assert await value(provider, ref("x", property="p")) == b"v"
            await asyncio.sleep(0.7)
        before = len(bao.request("LIST", "auth/token/accessors")["data"]["keys"])
    after = len(bao.request("LIST", "auth/token/accessors")["data"]["keys"])
    assert after == before - 1


async def test_a_refused_login_names_the_mount_and_makes_no_client(bao: Bao) -> None:
    mount, auth = bao.mount(), enable(bao, "approle")
    bao.request("POST", f"auth/{auth}/role/app", {})
    spec = {"appRole": {"path": auth, "roleId": "canary-role", "secretRef": {"name": "approle", "key": "id"}}}
    cluster = MemoryCluster([secret("approle", id="canary-secret")])
    provider = open_provider(store(bao.address, mount, spec), namespace="ns", cluster=cluster)
    async with aclosing(provider):
        with pytest.raises(ProviderDenied, match=f"login at auth/{auth}/login is refused") as caught:
            await value(provider, ref("x"))
        assert "canary" not in str(caught.value)
        with pytest.raises(StoreInvalid):
            await provider.validate()


async def test_user_and_password_log_in(bao: Bao) -> None:
    mount, auth = bao.mount(), enable(bao, "userpass")
    bao.put(mount, "x", {"p": "v"})
    bao.request("POST", f"auth/{auth}/users/jo", {"password": "pw", "token_policies": [reader(bao, mount)]})
    spec = {"userPass": {"path": auth, "username": "jo", "secretRef": {"name": "pw", "key": "p"}}}
    cluster = MemoryCluster([secret("pw", p="pw")])
    async with aclosing(open_provider(store(bao.address, mount, spec), namespace="ns", cluster=cluster)) as provider:
        assert await value(provider, ref("x", property="p")) == b"v"


async def test_a_service_account_logs_in_through_a_real_token_review(
    bao: Bao, control_plane: ControlPlane, namespace: str
) -> None:
    mount, auth = bao.mount(), enable(bao, "kubernetes")
    bao.put(mount, "x", {"p": "v"})
    config = from_kubeconfig(control_plane.kubeconfig)
    async with KubeClient(config) as cluster:
        for name in ("reader", "reviewer"):
            account = {"metadata": {"name": name, "namespace": namespace}}
            await cluster.create(SERVICE_ACCOUNTS, account, field_manager="t")
        binding = {
            "metadata": {"name": f"review-{namespace}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "reviewer", "namespace": namespace}],
        }
        await cluster.create(CLUSTER_ROLE_BINDINGS, binding, field_manager="t")
        reviewer = await cluster.service_account_token(namespace, "reviewer", [], 3600)
        settings = {
            "kubernetes_host": control_plane.address,
            "kubernetes_ca_cert": config.ca.decode(),
            "token_reviewer_jwt": reviewer.value,
        }
        bao.request("POST", f"auth/{auth}/config", settings)
        role = {
            "bound_service_account_names": ["reader"],
            "bound_service_account_namespaces": [namespace],
            "token_policies": [reader(bao, mount)],
        }
        bao.request("POST", f"auth/{auth}/role/app", role)
        spec = {"kubernetes": {"mountPath": auth, "role": "app", "serviceAccountRef": {"name": "reader"}}}
        referent = cluster_store(bao.address, mount, spec)
        async with aclosing(open_provider(referent, namespace=namespace, cluster=cluster)) as provider:
            assert await value(provider, ref("x", property="p")) == b"v"
        async with aclosing(open_provider(referent, namespace="", cluster=cluster)) as provider:
            assert isinstance(await provider.validate(), Unknown)
        wrong = {"kubernetes": {"mountPath": auth, "role": "app", "serviceAccountRef": {"name": "reviewer"}}}
        own = cluster_store(bao.address, mount, wrong)
        async with aclosing(open_provider(own, namespace=namespace, cluster=cluster)) as provider:
            with pytest.raises(ProviderDenied, match="does not bind the role to this service account"):
                await value(provider, ref("x"))


async def test_a_sealed_server_is_unavailable_never_missing(fresh_openbao: OpenBaoServer) -> None:
    bao = Bao(fresh_openbao.address, fresh_openbao.token)
    mount = bao.mount()
    bao.put(mount, "x", {"p": "v"})
    async with aclosing(opened(bao.address, mount, bao.token)) as provider:
        assert await value(provider, ref("x", property="p")) == b"v"
        bao.request("PUT", "sys/seal")
        with pytest.raises(ProviderUnavailable, match="is sealed"):
            await value(provider, ref("x"))
        assert isinstance(await provider.validate(), Invalid)
        fresh_openbao.environment.stop()
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await value(provider, ref("x"))

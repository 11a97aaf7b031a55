"""What callers rely on, asked of the cluster in memory and of a real API server alike."""

from __future__ import annotations

import asyncio
import base64
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.errors import ClusterConflict, ClusterError, ClusterRefused
from secretsync.kube.client import KubeClient
from secretsync.kube.config import from_kubeconfig
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.protocol import WatchEvent, WatchExpired
from secretsync.kube.resources import CONFIG_MAPS, LEASES, NAMESPACES, SECRETS, SERVICE_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster
    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.contract

MANAGER = "tests"
_numbers = itertools.count()


@pytest.fixture(params=["memory", "real"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def where(kind: str, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own."""
    return "test-memory" if kind == "memory" else str(request.getfixturevalue("namespace"))


@pytest.fixture
async def cluster(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    if kind == "memory":
        yield MemoryCluster()
        return
    control_plane: ControlPlane = request.getfixturevalue("control_plane")
    async with KubeClient(from_kubeconfig(control_plane.kubeconfig)) as client:
        yield client


def secret(namespace: str, name: str = "", **data: str) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name or f"s{next(_numbers)}", "namespace": namespace},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def config_map(namespace: str, name: str = "", **data: str) -> JsonObject:
    metadata: JsonObject = {"name": name or f"c{next(_numbers)}", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def owned_keys(obj: JsonObject, manager: str) -> set[str]:
    """The data keys that a field manager owns."""
    return {
        key[2:]
        for entry in obj["metadata"]["managedFields"]
        if entry["manager"] == manager
        for key in entry["fieldsV1"].get("f:data", {})
        if key.startswith("f:")
    }


async def test_an_object_that_is_not_there_is_none(cluster: Cluster, where: str) -> None:
    assert await cluster.get(SECRETS, "nothing", where) is None


async def test_a_created_object_is_read_back_with_identity(cluster: Cluster, where: str) -> None:
    made = await cluster.create(SECRETS, secret(where, "one", a="1"), field_manager=MANAGER)
    found = await cluster.get(SECRETS, "one", where)
    assert found is not None
    assert found["data"] == {"a": "MQ=="}
    assert (found["kind"], found["apiVersion"], found["type"]) == ("Secret", "v1", "Opaque")
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert found["metadata"]["creationTimestamp"]


async def test_creating_twice_is_a_conflict_with_a_reason(cluster: Cluster, where: str) -> None:
    await cluster.create(SECRETS, secret(where, "twice"), field_manager=MANAGER)
    with pytest.raises(ClusterConflict) as caught:
        await cluster.create(SECRETS, secret(where, "twice"), field_manager=MANAGER)
    assert caught.value.reason == "AlreadyExists"
    assert caught.value.place == f"Secret {where}/twice"


async def test_text_data_becomes_base64(cluster: Cluster, where: str) -> None:
    obj = secret(where, "text")
    obj["stringData"] = {"k": "ż"}
    made = await cluster.create(SECRETS, obj, field_manager=MANAGER)
    assert base64.b64decode(made["data"]["k"]).decode() == "ż"
    assert "stringData" not in made


async def test_a_generated_name_begins_as_asked(cluster: Cluster, where: str) -> None:
    obj = secret(where)
    obj["metadata"] = {"generateName": "gen-", "namespace": where}
    made = await cluster.create(SECRETS, obj, field_manager=MANAGER)
    assert made["metadata"]["name"].startswith("gen-")
    assert len(made["metadata"]["name"]) == len("gen-") + 5


async def test_replacing_an_old_version_is_a_conflict(cluster: Cluster, where: str) -> None:
    made = await cluster.create(SECRETS, secret(where, "old", a="1"), field_manager=MANAGER)
    newer = await cluster.replace(SECRETS, {**made, "data": {"a": "Mg=="}}, field_manager=MANAGER)
    assert newer["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    with pytest.raises(ClusterConflict):
        await cluster.replace(SECRETS, {**made, "data": {"a": "Mw=="}}, field_manager=MANAGER)


async def test_replacing_what_is_not_there_is_refused(cluster: Cluster, where: str) -> None:
    with pytest.raises(ClusterRefused) as caught:
        await cluster.replace(SECRETS, secret(where, "absent"), field_manager=MANAGER)
    assert caught.value.status == 404


async def test_writing_the_same_changes_nothing(cluster: Cluster, where: str) -> None:
    made = await cluster.create(SECRETS, secret(where, "same", a="1"), field_manager=MANAGER)
    again = await cluster.replace(SECRETS, made, field_manager=MANAGER)
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    patched = await cluster.merge_patch(SECRETS, "same", where, {"data": {"a": "MQ=="}}, field_manager=MANAGER)
    assert patched["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_applying_the_same_changes_nothing(cluster: Cluster, where: str) -> None:
    obj = secret(where, "applied", a="1")
    first = await cluster.apply(SECRETS, obj, field_manager=MANAGER)
    second = await cluster.apply(SECRETS, obj, field_manager=MANAGER)
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    assert first["metadata"]["uid"]


async def test_a_merge_patch_sets_and_removes_keys(cluster: Cluster, where: str) -> None:
    await cluster.create(CONFIG_MAPS, config_map(where, "patch", a="1", b="2"), field_manager=MANAGER)
    patch = {"data": {"a": None, "c": "3"}, "metadata": {"labels": {"l": "v"}}}
    patched = await cluster.merge_patch(CONFIG_MAPS, "patch", where, patch, field_manager=MANAGER)
    assert patched["data"] == {"b": "2", "c": "3"}
    assert patched["metadata"]["labels"] == {"l": "v"}


async def test_a_patch_of_an_old_version_is_a_conflict(cluster: Cluster, where: str) -> None:
    made = await cluster.create(CONFIG_MAPS, config_map(where, "pv", a="1"), field_manager=MANAGER)
    patch = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"a": "2"}}
    await cluster.merge_patch(CONFIG_MAPS, "pv", where, patch, field_manager=MANAGER)
    with pytest.raises(ClusterConflict):
        await cluster.merge_patch(CONFIG_MAPS, "pv", where, {**patch, "data": {"a": "3"}}, field_manager=MANAGER)


async def test_two_managers_keep_their_own_keys(cluster: Cluster, where: str) -> None:
    await cluster.apply(SECRETS, secret(where, "shared", a="1"), field_manager="one")
    both = await cluster.apply(SECRETS, secret(where, "shared", b="2"), field_manager="two")
    assert set(both["data"]) == {"a", "b"}
    assert owned_keys(both, "one") == {"a"}
    assert owned_keys(both, "two") == {"b"}
    rest = await cluster.apply(SECRETS, secret(where, "shared"), field_manager="one")
    assert set(rest["data"]) == {"b"}


async def test_a_field_of_another_manager_is_a_conflict_that_names_it(cluster: Cluster, where: str) -> None:
    await cluster.apply(SECRETS, secret(where, "owned", password="first-value"), field_manager="owner")
    with pytest.raises(ClusterConflict, match=r"'owner' owns \.data\.password") as caught:
        await cluster.apply(SECRETS, secret(where, "owned", password="other-value"), field_manager="intruder")
    assert "value" not in str(caught.value)
    forced = await cluster.apply(
        SECRETS, secret(where, "owned", password="other-value"), field_manager="intruder", force=True
    )
    assert owned_keys(forced, "intruder") == {"password"}
    assert owned_keys(forced, "owner") == set()


async def test_managers_with_the_same_value_share_a_field(cluster: Cluster, where: str) -> None:
    await cluster.apply(SECRETS, secret(where, "common", a="1"), field_manager="one")
    both = await cluster.apply(SECRETS, secret(where, "common", a="1"), field_manager="two")
    assert owned_keys(both, "one") == owned_keys(both, "two") == {"a"}
    kept = await cluster.apply(SECRETS, secret(where, "common"), field_manager="two")
    assert set(kept["data"]) == {"a"}


async def test_an_update_takes_the_changed_fields(cluster: Cluster, where: str) -> None:
    made = await cluster.apply(SECRETS, secret(where, "taken", a="1", b="1"), field_manager="one")
    changed = await cluster.replace(SECRETS, {**made, "data": {"a": "Mg==", "b": "MQ=="}}, field_manager="editor")
    assert owned_keys(changed, "editor") == {"a"}
    assert owned_keys(changed, "one") == {"b"}


async def test_a_dry_run_writes_nothing(cluster: Cluster, where: str) -> None:
    await cluster.create(SECRETS, secret(where, "dry"), field_manager=MANAGER, dry_run=True)
    assert await cluster.get(SECRETS, "dry", where) is None
    made = await cluster.create(SECRETS, secret(where, "dry", a="1"), field_manager=MANAGER)
    await cluster.apply(SECRETS, secret(where, "dry", b="2"), field_manager=MANAGER, dry_run=True)
    found = await cluster.get(SECRETS, "dry", where)
    assert found is not None
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_immutable_data_is_refused_without_its_value(cluster: Cluster, where: str) -> None:
    made = await cluster.create(
        SECRETS, {**secret(where, "fixed", a="canary-one"), "immutable": True}, field_manager=MANAGER
    )
    encoded = base64.b64encode(b"canary-two").decode()
    with pytest.raises(ClusterRefused) as caught:
        await cluster.replace(SECRETS, {**made, "data": {"a": encoded}}, field_manager=MANAGER)
    assert caught.value.status == 422
    for text in ("canary-one", "canary-two", encoded):
        assert text not in str(caught.value)


async def test_data_that_is_not_base64_is_refused_without_its_value(cluster: Cluster, where: str) -> None:
    obj = secret(where, "broken")
    obj["data"] = {"a": "canary*value"}
    with pytest.raises(ClusterRefused) as caught:
        await cluster.create(SECRETS, obj, field_manager=MANAGER)
    assert "canary" not in str(caught.value)


async def test_a_secret_above_the_limit_is_refused(cluster: Cluster, where: str) -> None:
    with pytest.raises(ClusterRefused):
        await cluster.create(SECRETS, secret(where, "large", a="x" * 1_048_577), field_manager=MANAGER)


async def test_deleting_says_whether_there_was_something(cluster: Cluster, where: str) -> None:
    await cluster.create(SECRETS, secret(where, "gone"), field_manager=MANAGER)
    assert await cluster.delete(SECRETS, "gone", where) is True
    assert await cluster.delete(SECRETS, "gone", where) is False
    assert await cluster.get(SECRETS, "gone", where) is None


async def test_a_deletion_heeds_its_preconditions(cluster: Cluster, where: str) -> None:
    made = await cluster.create(SECRETS, secret(where, "guarded", a="1"), field_manager=MANAGER)
    with pytest.raises(ClusterConflict):
        await cluster.delete(SECRETS, "guarded", where, uid="00000000-0000-0000-0000-000000000000")
    await cluster.replace(SECRETS, {**made, "data": {}}, field_manager=MANAGER)
    with pytest.raises(ClusterConflict):
        await cluster.delete(SECRETS, "guarded", where, resource_version=made["metadata"]["resourceVersion"])
    assert await cluster.delete(SECRETS, "guarded", where, uid=made["metadata"]["uid"])


async def test_a_finalizer_holds_the_object_until_it_is_removed(cluster: Cluster, where: str) -> None:
    obj = config_map(where, "held")
    obj["metadata"]["finalizers"] = ["example.org/hold"]
    await cluster.create(CONFIG_MAPS, obj, field_manager=MANAGER)
    assert await cluster.delete(CONFIG_MAPS, "held", where)
    held = await cluster.get(CONFIG_MAPS, "held", where)
    assert held is not None
    assert held["metadata"]["deletionTimestamp"]
    await cluster.merge_patch(CONFIG_MAPS, "held", where, {"metadata": {"finalizers": None}}, field_manager=MANAGER)
    assert await cluster.get(CONFIG_MAPS, "held", where) is None


async def test_lists_heed_namespace_labels_and_fields(cluster: Cluster, where: str) -> None:
    for name, tier in (("l1", "gold"), ("l2", "tin"), ("l3", "")):
        obj = config_map(where, name)
        obj["metadata"]["labels"] = {"app": "contract", **({"tier": tier} if tier else {})}
        await cluster.create(CONFIG_MAPS, obj, field_manager=MANAGER)

    async def names(labels: str, fields: str = "") -> list[str]:
        listing = await cluster.list(CONFIG_MAPS, where, label_selector=labels, field_selector=fields)
        return [item["metadata"]["name"] for item in listing.items]

    assert await names("app=contract") == ["l1", "l2", "l3"]
    assert await names("app=contract,tier in (gold,lead)") == ["l1"]
    assert await names("app=contract,tier notin (gold)") == ["l2", "l3"]
    assert await names("app=contract,tier!=tin") == ["l1", "l3"]
    assert await names("app=contract,!tier") == ["l3"]
    assert await names("app,tier") == ["l1", "l2"]
    assert await names("app=contract", "metadata.name=l2") == ["l2"]
    assert await names("app=contract", "metadata.name!=l2") == ["l1", "l3"]
    everywhere = await cluster.list(CONFIG_MAPS, label_selector="app=contract,tier=gold")
    assert where in {item["metadata"]["namespace"] for item in everywhere.items}


async def test_listed_objects_carry_their_kind(cluster: Cluster, where: str) -> None:
    await cluster.create(SECRETS, secret(where, "kinded", a="1"), field_manager=MANAGER)
    listing = await cluster.list(SECRETS, where)
    (item,) = [item for item in listing.items if item["metadata"]["name"] == "kinded"]
    assert (item["apiVersion"], item["kind"]) == ("v1", "Secret")
    assert int(listing.resource_version) >= int(item["metadata"]["resourceVersion"])


async def test_metadata_only_lists_hold_no_values(cluster: Cluster, where: str) -> None:
    await cluster.create(SECRETS, secret(where, "bare", a="canary"), field_manager=MANAGER)
    listing = await cluster.list(SECRETS, where, metadata_only=True)
    (item,) = [item for item in listing.items if item["metadata"]["name"] == "bare"]
    assert item["kind"] == "Secret"
    assert "data" not in item


async def _next(events: AsyncIterator[WatchEvent], number: int) -> list[tuple[str, str]]:
    """The next events that are no bookmarks, as type and name."""
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(20):
        async for event in events:
            if event.type != "BOOKMARK":
                found.append((event.type, event.object["metadata"]["name"]))
            if len(found) == number:
                break
    return found


async def test_a_watch_tells_of_changes_after_its_start(cluster: Cluster, where: str) -> None:
    await cluster.create(SECRETS, secret(where, "before"), field_manager=MANAGER)
    start = (await cluster.list(SECRETS, where)).resource_version
    await cluster.create(SECRETS, secret(where, "w", a="1"), field_manager=MANAGER)
    await cluster.merge_patch(SECRETS, "w", where, {"data": {"a": "Mg=="}}, field_manager=MANAGER)
    await cluster.delete(SECRETS, "w", where)
    events = cluster.watch(SECRETS, where, resource_version=start)
    assert await _next(events, 3) == [("ADDED", "w"), ("MODIFIED", "w"), ("DELETED", "w")]


async def test_a_watch_by_label_tells_when_an_object_enters_and_leaves(cluster: Cluster, where: str) -> None:
    made = await cluster.create(CONFIG_MAPS, config_map(where, "moving"), field_manager=MANAGER)
    start = made["metadata"]["resourceVersion"]

    async def label(value: str | None) -> None:
        patch = {"metadata": {"labels": {"watched": value}}}
        await cluster.merge_patch(CONFIG_MAPS, "moving", where, patch, field_manager=MANAGER)

    await label("yes")
    await label(None)
    events = cluster.watch(CONFIG_MAPS, where, resource_version=start, label_selector="watched=yes", metadata_only=True)
    assert await _next(events, 2) == [("ADDED", "moving"), ("DELETED", "moving")]


async def test_a_watch_from_before_a_compaction_expires() -> None:
    cluster = MemoryCluster()
    await cluster.create(SECRETS, secret("n", "x"), field_manager=MANAGER)
    cluster.compact()
    events = cluster.watch(SECRETS, "n", resource_version="1")
    with pytest.raises(WatchExpired):
        await _next(events, 1)


async def test_a_watch_can_be_left_at_any_time(cluster: Cluster, where: str) -> None:
    start = (await cluster.list(SECRETS, where)).resource_version

    async def wait() -> None:
        async for _ in cluster.watch(SECRETS, where, resource_version=start):
            pass

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_service_account_token_is_given_for_an_audience(cluster: Cluster, where: str) -> None:
    account: JsonObject = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa", "namespace": where}}
    await cluster.create(SERVICE_ACCOUNTS, account, field_manager=MANAGER)
    token = await cluster.service_account_token(where, "sa", ["vault"], 600)
    assert token.value
    assert token.value not in repr(token)
    with pytest.raises(ClusterError):
        await cluster.service_account_token(where, "nobody", [], 600)


async def test_kinds_are_discovered(cluster: Cluster) -> None:
    assert await cluster.discover("v1", "Secret") == SECRETS
    assert await cluster.discover("v1", "Namespace") == NAMESPACES
    assert await cluster.discover("coordination.k8s.io/v1", "Lease") == LEASES
    assert await cluster.discover("v1", "Nonsense") is None
    assert await cluster.discover("nonsense.example.org/v1", "Nonsense") is None


async def test_what_a_caller_changes_stays_the_callers(cluster: Cluster, where: str) -> None:
    made: dict[str, Any] = await cluster.create(SECRETS, secret(where, "mine", a="1"), field_manager=MANAGER)
    made["data"]["a"] = "broken"
    found = await cluster.get(SECRETS, "mine", where)
    assert found is not None
    assert found["data"]["a"] == "MQ=="

"""The whole controller on a cluster in memory: watches, heals, refreshes, isolates, cleans up."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from secretsync.controller.process import Controller
from secretsync.controller.settings import ControllerSettings
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import EVENTS, EXTERNAL_SECRETS, SECRET_STORES, SECRETS
from secretsync.sync.names import CLEANUP_FINALIZER, MANAGED_LABEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.unit

NAMESPACE = "team"
GROUP = "external-secrets.io/v1"


def store(name: str = "store", value: str = "v1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": GROUP,
        "kind": "SecretStore",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"provider": {"fake": {"data": [{"key": "k", "value": value}]}}, **spec},
    }


def declared(name: str = "app", **spec: Any) -> dict[str, Any]:
    body = {"secretStoreRef": {"name": "store"}, "data": [{"secretKey": "own", "remoteRef": {"key": "k"}}], **spec}
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": GROUP, "kind": "ExternalSecret", "metadata": metadata, "spec": body}


class Running:
    """A controller at work."""

    def __init__(self, cluster: MemoryCluster, controller: Controller) -> None:
        self.cluster = cluster
        self.controller = controller

    async def create(self, obj: dict[str, Any]) -> None:
        resource = await self.cluster.discover(obj["apiVersion"], obj["kind"])
        assert resource is not None
        await self.cluster.create(resource, obj, field_manager="test")

    async def patch_store(self, value: str) -> None:
        spec = {"provider": {"fake": {"data": [{"key": "k", "value": value}]}}}
        await self.cluster.merge_patch(SECRET_STORES, "store", NAMESPACE, {"spec": spec}, field_manager="test")

    async def value(self, name: str = "app") -> str | None:
        found = await self.cluster.get(SECRETS, name, NAMESPACE)
        return base64.b64decode(found["data"]["own"]).decode() if found and "own" in (found.get("data") or {}) else None

    async def condition(self, name: str = "app") -> str | None:
        found = await self.cluster.get(EXTERNAL_SECRETS, name, NAMESPACE)
        conditions = ((found or {}).get("status") or {}).get("conditions") or [{}]
        reason: str | None = conditions[0].get("reason")
        return reason


async def eventually(question: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
    """Wait until the answer is yes."""
    async with asyncio.timeout(seconds):
        while not await question():  # noqa: ASYNC110 - any state may be asked for, not only events
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(*objects: dict[str, Any], **settings: Any) -> AsyncIterator[Running]:
    cluster = MemoryCluster()
    held = Running(cluster, Controller(cluster, ControllerSettings(concurrent=4, **settings)))
    for obj in objects:
        await held.create(obj)
    stop = asyncio.Event()
    work = asyncio.create_task(held.controller.run(stop))
    try:
        yield held
    finally:
        stop.set()
        await asyncio.wait_for(work, 15)


async def _has(held: Running, value: str | None, name: str = "app") -> bool:
    return await held.value(name) == value


async def test_what_was_there_and_what_comes_later_is_synced() -> None:
    async with running(store(), declared()) as held:
        await eventually(lambda: _has(held, "v1"))
        await held.create(declared("late"))
        await eventually(lambda: _has(held, "v1", "late"))
        found = await held.cluster.get(EXTERNAL_SECRETS, "app", NAMESPACE)
        assert found is not None
        assert found["metadata"]["finalizers"] == [CLEANUP_FINALIZER]

        async def recorded() -> bool:
            events = (await held.cluster.list(EVENTS, NAMESPACE)).items
            return {event["reason"] for event in events} == {"Created"}

        await eventually(recorded)


async def test_an_idle_controller_writes_nothing() -> None:
    async with running(store(), declared()) as held:
        await eventually(lambda: _has(held, "v1"))
        await asyncio.sleep(0.2)
        before = len([verb for verb, *_ in held.cluster.requests if verb not in ("get", "watch")])
        await asyncio.sleep(0.3)
        after = len([verb for verb, *_ in held.cluster.requests if verb not in ("get", "watch")])
        assert after == before


async def test_one_sync_costs_one_create_two_patches_and_no_read() -> None:
    async with running(store(), declared()) as held:
        seen = len(held.cluster.requests)
        await asyncio.sleep(0.5)
        about = [(verb, plural) for verb, plural, path in held.cluster.requests[seen:] if path.endswith("/app")]
        assert sorted(about) == [("create", "secrets"), ("patch", "externalsecrets"), ("patch", "externalsecrets")]
        assert await held.value() == "v1"


async def test_an_edited_and_a_deleted_target_heal_at_once() -> None:
    async with running(store(), declared()) as held:
        await eventually(lambda: _has(held, "v1"))
        edit = {"data": {"own": base64.b64encode(b"edited").decode()}}
        await held.cluster.merge_patch(SECRETS, "app", NAMESPACE, edit, field_manager="kubectl")
        await eventually(lambda: _has(held, "v1"))
        await held.cluster.delete(SECRETS, "app", NAMESPACE)
        await eventually(lambda: _has(held, "v1"))


async def test_who_waits_for_a_target_takes_it_when_its_owner_lets_go() -> None:
    target = {"name": "shared"}
    second = declared("second", target=target)
    async with running(store(), declared("first", target=target)) as held:
        await eventually(lambda: _has(held, "v1", "shared"))
        await held.create(second)

        async def has(reason: str) -> bool:
            return await held.condition("second") == reason

        await eventually(lambda: has("SecretSyncedError"))
        orphan = {"spec": {"target": {"creationPolicy": "Orphan"}}}
        await held.cluster.merge_patch(EXTERNAL_SECRETS, "first", NAMESPACE, orphan, field_manager="kubectl")
        await eventually(lambda: has("SecretSynced"))
        found = await held.cluster.get(SECRETS, "shared", NAMESPACE)
        assert found is not None
        assert [owner["name"] for owner in found["metadata"]["ownerReferences"]] == ["second"]


async def test_a_target_that_lost_its_label_is_left_alone() -> None:
    async with running(store(), declared()) as held:
        await eventually(lambda: _has(held, "v1"))
        patch = {"metadata": {"labels": {MANAGED_LABEL: None}}, "data": {"own": "eA=="}}
        await held.cluster.merge_patch(SECRETS, "app", NAMESPACE, patch, field_manager="kubectl")
        await asyncio.sleep(0.4)
        assert await held.value() == "x"


async def test_values_are_followed_at_the_interval_and_not_before() -> None:
    async with running(store(), declared(refreshInterval="1s"), declared("slow", refreshInterval="1h")) as held:
        await eventually(lambda: _has(held, "v1"))
        await eventually(lambda: _has(held, "v1", "slow"))
        await held.patch_store("v2")
        await eventually(lambda: _has(held, "v2"))
        assert await held.value("slow") == "v1"


async def test_an_annotation_forces_a_sync() -> None:
    async with running(store(), declared()) as held:
        await eventually(lambda: _has(held, "v1"))
        await held.patch_store("v2")
        patch = {"metadata": {"annotations": {"force-sync": "1"}}}
        await held.cluster.merge_patch(EXTERNAL_SECRETS, "app", NAMESPACE, patch, field_manager="kubectl")
        await eventually(lambda: _has(held, "v2"))


async def test_who_waits_for_a_store_syncs_when_it_comes() -> None:
    async with running(declared()) as held:

        async def failed() -> bool:
            return await held.condition() == "SecretSyncedError"

        await eventually(failed)
        await held.create(store())
        await eventually(lambda: _has(held, "v1"), 0.9)


async def test_stores_are_validated_and_gate_what_uses_them() -> None:
    broken = store()
    broken["spec"]["provider"]["fake"]["validationResult"] = 2
    async with running(broken, declared()) as held:

        async def refused() -> bool:
            found = await held.cluster.get(SECRET_STORES, "store", NAMESPACE)
            conditions = ((found or {}).get("status") or {}).get("conditions") or [{}]
            return conditions[0].get("reason") == "InvalidProviderConfig" and await held.condition() is not None

        await eventually(refused)
        assert await held.condition() == "SecretSyncedError"
        assert await held.value() is None


async def _left_alone(held: Running) -> None:
    """The ExternalSecret has its finalizer and nothing else."""

    async def guarded() -> bool:
        found = await held.cluster.get(EXTERNAL_SECRETS, "app", NAMESPACE)
        return CLEANUP_FINALIZER in ((found or {}).get("metadata") or {}).get("finalizers", ())

    await eventually(guarded)
    await asyncio.sleep(0.3)
    assert await held.condition() is None
    assert await held.cluster.get(SECRETS, "app", NAMESPACE) is None


async def test_stores_of_another_class_are_not_touched() -> None:
    async with running(store(controller="other"), declared()) as held:
        await _left_alone(held)
        found = await held.cluster.get(SECRET_STORES, "store", NAMESPACE)
        assert found is not None
        assert not found.get("status")


@pytest.mark.parametrize(
    "spec",
    [
        {"data": [{"secretKey": "own", "remoteRef": {"key": "k"}, "sourceRef": {"storeRef": {"name": "ours"}}}]},
        {"secretStoreRef": {"name": "ours"}, "data": [], "dataFrom": [{"sourceRef": {"storeRef": {"name": "store"}}}]},
    ],
    ids=["store that no entry reads", "store of an entry that reads nothing"],
)
async def test_a_store_of_another_class_counts_wherever_it_is_named(spec: dict[str, Any]) -> None:
    async with running(store(controller="other"), store("ours"), declared(**spec)) as held:
        await _left_alone(held)


@pytest.mark.parametrize(("controller", "ours"), [("other", False), ("default", True)])
async def test_a_generator_of_another_class_is_left_to_it(controller: str, *, ours: bool) -> None:
    api_version = "generators.external-secrets.io/v1alpha1"
    metadata = {"name": "g", "namespace": NAMESPACE}
    spec = {"controller": controller, "data": {"own": "made"}}
    generator = {"apiVersion": api_version, "kind": "Fake", "metadata": metadata, "spec": spec}
    ref = {"apiVersion": api_version, "kind": "Fake", "name": "g"}
    made = declared(data=[], dataFrom=[{"sourceRef": {"generatorRef": ref}}])
    async with running(store(), generator, made) as held:
        if ours:
            await eventually(lambda: _has(held, "made"))
        else:
            await _left_alone(held)


async def test_what_another_class_is_in_charge_of_can_be_deleted() -> None:
    async with running(store(controller="other"), declared()) as held:
        await _left_alone(held)
        await held.cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)

        async def gone() -> bool:
            return await held.cluster.get(EXTERNAL_SECRETS, "app", NAMESPACE) is None

        await eventually(gone)


async def test_one_undecodable_object_says_so_and_harms_no_other() -> None:
    async with running(store(), declared("broken", refreshInterval="soon"), declared()) as held:
        await eventually(lambda: _has(held, "v1"))

        async def marked() -> bool:
            return await held.condition("broken") == "SecretSyncedError"

        await eventually(marked)
        await held.create(declared("later"))
        await eventually(lambda: _has(held, "v1", "later"))


@pytest.mark.parametrize(("policy", "kept"), [("Delete", False), ("Retain", True)])
async def test_deletion_runs_through_the_finalizer(policy: str, *, kept: bool) -> None:
    target = {"deletionPolicy": policy}
    async with running(store(), declared(target=target)) as held:
        await eventually(lambda: _has(held, "v1"))
        await held.cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)

        async def gone() -> bool:
            return await held.cluster.get(EXTERNAL_SECRETS, "app", NAMESPACE) is None

        await eventually(gone)
        # no garbage collector runs here: what Retain leaves is what the owner reference would take
        assert (await held.value() is not None) is kept


async def test_metrics_and_probes_and_series_that_end() -> None:
    async with running(store(), declared()) as held, aiohttp.ClientSession() as session:
        await eventually(lambda: _has(held, "v1"))

        async def text(path: str) -> tuple[int, str]:
            async with session.get(held.controller.server.address + path) as answer:
                return answer.status, await answer.text()

        async def counted() -> bool:
            return 'externalsecret_sync_calls_total{name="app",namespace="team"} 1.0' in (await text("/metrics"))[1]

        await eventually(counted)
        assert (await text("/healthz"))[0] == (await text("/readyz"))[0] == 200
        assert "v1" not in (await text("/metrics"))[1].replace("/v1", "")
        await held.cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)

        async def ended() -> bool:
            return 'name="app"' not in (await text("/metrics"))[1]

        await eventually(ended)


async def test_a_watch_that_expires_is_taken_up_again() -> None:
    async with running(store(), declared()) as held:
        await eventually(lambda: _has(held, "v1"))
        held.cluster.compact()
        await held.create(declared("later"))
        await eventually(lambda: _has(held, "v1", "later"))


async def test_only_the_leader_works() -> None:
    cluster = MemoryCluster()
    settings = ControllerSettings(concurrent=2, leader_elect=True, leader_namespace=NAMESPACE)
    first, second = Controller(cluster, settings), Controller(cluster, settings)
    stops = [asyncio.Event(), asyncio.Event()]
    leads = asyncio.create_task(first.run(stops[0]))
    await asyncio.sleep(0.1)
    waits = asyncio.create_task(second.run(stops[1]))
    held = Running(cluster, first)
    await held.create(store())
    await held.create(declared())
    await eventually(lambda: _has(held, "v1"))
    assert not second.external_secrets.objects
    stops[0].set()
    await asyncio.wait_for(leads, 10)

    async def taken_over() -> bool:
        return bool(second.external_secrets.objects)

    await eventually(taken_over, 10)
    stops[1].set()
    await asyncio.wait_for(waits, 10)


async def test_a_scoped_controller_leaves_cluster_stores_alone() -> None:
    async with running(store(), declared(), namespaces=(NAMESPACE,), cluster_stores=False) as held:
        await eventually(lambda: _has(held, "v1"))
        wide = declared("wide", secretStoreRef={"name": "s", "kind": "ClusterSecretStore"})
        await held.create(wide)

        async def refused() -> bool:
            return await held.condition("wide") == "SecretSyncedError"

        await eventually(refused)
        assert not any(plural == "clustersecretstores" for _, plural, _ in held.cluster.requests)


async def test_the_interval_of_a_store_is_its_own_or_the_controllers() -> None:
    settings = {"store_requeue_interval": timedelta(minutes=7)}
    async with running(store(refreshInterval=30), store("other"), **settings) as held:

        async def known() -> bool:
            return len(held.controller.stores._parsed) == 2

        await eventually(known)
        parsed = held.controller.stores._parsed
        intervals = {key[2]: held.controller.stores._interval(each).total_seconds() for key, each in parsed.items()}
        assert intervals == {"store": 30.0, "other": 420.0}


async def test_several_namespaces_are_watched_and_no_others() -> None:
    def elsewhere(obj: dict[str, Any], namespace: str) -> dict[str, Any]:
        return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}

    objects = [elsewhere(obj, name) for name in ("one", "two", "three") for obj in (store(), declared())]
    async with running(*objects, namespaces=("one", "two")) as held:

        async def synced() -> bool:
            found = [await held.cluster.get(SECRETS, "app", name) for name in ("one", "two")]
            return all(found)

        await eventually(synced)
        assert await held.cluster.get(SECRETS, "app", "three") is None
        assert held.controller.is_ready()

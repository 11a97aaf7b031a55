"""One target in turn in both lanes, with a real controller beside: its data is there all the time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import ExternalSecret, parse
from secretsync.controller.process import Controller
from secretsync.controller.settings import ControllerSettings
from secretsync.errors import ClusterConflict, ClusterDenied, SecretSyncError, TargetOwned
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import EXTERNAL_SECRETS, SECRET_STORES, SECRETS
from secretsync.sync import handover, lane, target
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.names import CLEANUP_FINALIZER, FORCE_SYNC_ANNOTATION, created_by, field_manager
from secretsync.sync.stores import ClusterProviders
from tests.sync.builders import NAMESPACE, secret, texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from secretsync.api import JsonObject

pytestmark = pytest.mark.unit

KEY = b"a key of this stack"
GROUP = "external-secrets.io/v1"
STORE = {
    "apiVersion": GROUP,
    "kind": "SecretStore",
    "metadata": {"name": "store", "namespace": NAMESPACE},
    "spec": {"provider": {"fake": {"data": [{"key": "k", "value": "v1"}]}}},
}


def declared(**spec: Any) -> dict[str, Any]:
    """The manifest that both lanes are given."""
    body = {
        "refreshInterval": "1h",
        "secretStoreRef": {"name": "store"},
        "data": [{"secretKey": "own", "remoteRef": {"key": "k"}}],
        **spec,
    }
    metadata = {"name": "app", "namespace": NAMESPACE, "labels": {"team": "a"}}
    return {"apiVersion": GROUP, "kind": "ExternalSecret", "metadata": metadata, "spec": body}


class Program:
    """The program's side of one declaration."""

    def __init__(self, cluster: MemoryCluster, manifest: dict[str, Any]) -> None:
        parsed = parse(manifest)
        assert isinstance(parsed, ExternalSecret)
        self.declared = parsed
        self.cluster = cluster

    async def write(self) -> lane.Observation:
        fetches = FetchWindow(ClusterProviders(self.cluster))
        return await lane.write(self.declared, cluster=self.cluster, fetches=fetches, key=KEY, not_before=fetches.now())

    async def observe(self) -> lane.Observation:
        fetches = FetchWindow(ClusterProviders(self.cluster))
        return await lane.observe(
            self.declared, cluster=self.cluster, fetches=fetches, key=KEY, not_before=fetches.now()
        )

    async def remove(self) -> bool:
        return await lane.remove(self.declared, cluster=self.cluster)


async def live(cluster: MemoryCluster) -> JsonObject:
    found = await cluster.get(SECRETS, "app", NAMESPACE)
    assert found is not None
    return found


async def held(cluster: MemoryCluster) -> JsonObject:
    found = await cluster.get(EXTERNAL_SECRETS, "app", NAMESPACE)
    assert found is not None
    return found


def policies(external_secret: JsonObject) -> tuple[str, str]:
    spec = external_secret["spec"].get("target") or {}
    return spec.get("creationPolicy", ""), spec.get("deletionPolicy", "")


async def collect_garbage(cluster: MemoryCluster) -> None:
    """What the garbage collector does, for ever: delete Secrets whose owner is gone."""
    while True:
        owners = {item["metadata"]["uid"] for item in (await cluster.list(EXTERNAL_SECRETS)).items}
        for item in (await cluster.list(SECRETS)).items:
            references = item["metadata"].get("ownerReferences") or ()
            if references and not any(reference["uid"] in owners for reference in references):
                await cluster.delete(SECRETS, item["metadata"]["name"], NAMESPACE)
        await asyncio.sleep(0)


async def disturb(cluster: MemoryCluster) -> None:
    """Somebody asks for a sync again and again, so that the operator is always at work."""
    number = 0
    while True:
        number += 1
        patch = {"metadata": {"annotations": {FORCE_SYNC_ANNOTATION: str(number)}}}
        with contextlib.suppress(SecretSyncError):
            await cluster.merge_patch(EXTERNAL_SECRETS, "app", NAMESPACE, patch, field_manager="kubectl")
        await asyncio.sleep(0.001)


class Witness:
    """Sees every version of the target and of nothing else."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []

    async def watch(self, cluster: MemoryCluster) -> None:
        async for event in cluster.watch(SECRETS, NAMESPACE, resource_version="1"):
            self.seen.append((event.type, event.object["metadata"]["uid"], texts(event.object)))

    def assert_unharmed(self) -> None:
        assert len({uid for _, uid, _ in self.seen}) == 1
        assert "DELETED" not in {event for event, _, _ in self.seen}
        assert {tuple(data.items()) for _, _, data in self.seen} == {(("own", "v1"),)}


@contextlib.asynccontextmanager
async def operated(*objects: dict[str, Any], disturbed: bool = True) -> AsyncIterator[tuple[MemoryCluster, Witness]]:
    """A cluster with a controller, a garbage collector, a witness, and somebody who disturbs."""
    cluster, witness, stop = MemoryCluster(), Witness(), asyncio.Event()
    for obj in objects:
        resource = await cluster.discover(obj["apiVersion"], obj["kind"])
        assert resource is not None
        await cluster.create(resource, obj, field_manager="pulumi-kubernetes")
    controller = Controller(cluster, ControllerSettings(concurrent=2))
    work = asyncio.create_task(controller.run(stop))
    others = [collect_garbage(cluster), witness.watch(cluster), *([disturb(cluster)] if disturbed else [])]
    tasks = [asyncio.create_task(each) for each in others]
    try:
        yield cluster, witness
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        stop.set()
        await asyncio.wait_for(work, 15)


async def eventually(question: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await question():  # noqa: ASYNC110 - any state may be asked for, not only events
            await asyncio.sleep(0.005)


def owned(cluster: MemoryCluster) -> Callable[[], Awaitable[bool]]:
    """Whether the operator has put its reference on the target."""

    async def ask() -> bool:
        found = await cluster.get(SECRETS, "app", NAMESPACE)
        return found is not None and target.controller_of(found) is not None

    return ask


def gone(cluster: MemoryCluster) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await cluster.get(EXTERNAL_SECRETS, "app", NAMESPACE) is None

    return ask


def core(secret: JsonObject) -> dict[str, Any]:
    """A Secret without what a hand-over may change, and without what the disturbance left on it."""
    metadata = secret["metadata"]
    annotations = {k: v for k, v in metadata["annotations"].items() if k != FORCE_SYNC_ANNOTATION}
    kept = {"labels": metadata["labels"], "annotations": annotations, "uid": metadata["uid"]}
    return {**kept, "data": secret["data"], "type": secret["type"]}


@pytest.mark.parametrize("deletion", ["Retain", "Delete", "Merge"])
async def test_from_the_operator_to_the_program_and_back(deletion: str) -> None:
    manifest = declared(target={"deletionPolicy": deletion})
    async with operated(STORE, manifest) as (cluster, witness):
        await eventually(owned(cluster))
        before = core(await live(cluster))
        program = Program(cluster, manifest)

        observed = await program.write()
        assert observed.drift == ""
        assert target.controller_of(await live(cluster)) is None
        assert policies(await held(cluster)) == ("None", "Retain")
        await cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)
        await eventually(gone(cluster))
        assert core(await live(cluster)) == before
        assert (await program.observe()).drift == ""

        await cluster.create(EXTERNAL_SECRETS, manifest, field_manager="pulumi-kubernetes")
        assert not await program.remove()
        await eventually(owned(cluster))
        assert not await program.remove()
        assert core(await live(cluster)) == before
        assert policies(await held(cluster)) == ("", deletion)
        witness.assert_unharmed()


async def test_an_undisturbed_hand_over_writes_metadata_once_in_each_direction() -> None:
    manifest = declared()
    async with operated(STORE, manifest, disturbed=False) as (cluster, witness):
        await eventually(owned(cluster))
        program = Program(cluster, manifest)
        await program.write()
        await cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)
        await eventually(gone(cluster))
        await cluster.create(EXTERNAL_SECRETS, manifest, field_manager="pulumi-kubernetes")
        await eventually(owned(cluster))
        await program.remove()
        await asyncio.sleep(0)
        assert [event for event, _, _ in witness.seen] == ["ADDED", "MODIFIED", "MODIFIED"]
        witness.assert_unharmed()


async def test_an_ordinary_removal_still_takes_the_secret_along() -> None:
    manifest = declared()
    async with operated(STORE, manifest, disturbed=False) as (cluster, _):
        await eventually(owned(cluster))
        await cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)

        async def collected() -> bool:
            return await cluster.get(SECRETS, "app", NAMESPACE) is None

        await eventually(collected)
    cluster = MemoryCluster([STORE])
    program = Program(cluster, manifest)
    await program.write()
    assert await program.remove()
    assert await cluster.get(SECRETS, "app", NAMESPACE) is None


async def test_a_switch_that_was_taken_back_half_way_gives_the_operator_its_policies_again() -> None:
    manifest = declared(target={"deletionPolicy": "Delete"})
    async with operated(STORE, manifest) as (cluster, witness):
        await eventually(owned(cluster))
        program = Program(cluster, manifest)
        await program.write()
        assert not await program.remove()
        assert policies(await held(cluster)) == ("Owner", "Delete")
        await eventually(owned(cluster))
        witness.assert_unharmed()


async def test_a_switch_that_was_taken_back_gives_the_policies_back_though_the_secret_is_missing() -> None:
    manifest = declared()
    cluster = await _standing(manifest)
    program = Program(cluster, manifest)
    await _taken(cluster, patience=0)
    await cluster.delete(SECRETS, "app", NAMESPACE)
    assert not await program.remove()
    assert policies(await held(cluster)) == ("Owner", "Retain")


async def test_what_cannot_be_read_leaves_the_operator_at_work() -> None:
    manifest = declared()
    async with operated(STORE, manifest, disturbed=False) as (cluster, witness):
        await eventually(owned(cluster))
        unreadable = declared(data=[{"secretKey": "own", "remoteRef": {"key": "no-such-key"}}])
        with pytest.raises(SecretSyncError):
            await Program(cluster, unreadable).write()
        assert policies(await held(cluster)) == ("", "")
        assert await owned(cluster)()
        witness.assert_unharmed()


def _object(manifest: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], **metadata}}


async def _standing(
    manifest: dict[str, Any], *, status: dict[str, Any] | None = None, **metadata: Any
) -> MemoryCluster:
    """A cluster in which no controller runs, with an object and the Secret that it owns."""
    synced = {"status": status} if status is not None else {}
    cluster = MemoryCluster([STORE, {**_object(manifest, **metadata), **synced}])
    uid = (await held(cluster))["metadata"]["uid"]
    owner = {"apiVersion": GROUP, "kind": "ExternalSecret", "name": "app", "uid": uid, "controller": True}
    made = secret("app", {"own": b"v1"}, ownerReferences=[owner])
    await cluster.create(SECRETS, made, field_manager=field_manager("app"))
    return cluster


async def _taken(cluster: MemoryCluster, *, patience: float) -> None:
    found = parse(await held(cluster))
    assert isinstance(found, ExternalSecret)
    await handover.take(found, cluster=cluster, patience=patience)


async def test_without_a_running_operator_the_wait_ends() -> None:
    cluster = await _standing(declared(), status={"syncedResourceVersion": "1-x"})
    await _taken(cluster, patience=0.2)
    assert policies(await held(cluster)) == ("None", "Retain")


async def test_an_object_that_was_never_synced_is_waited_for_because_its_first_sync_may_be_under_way() -> None:
    cluster = await _standing(declared(refreshPolicy="CreatedOnce"))
    taking = asyncio.create_task(_taken(cluster, patience=60))
    await eventually(lambda: _is_harmless(cluster))
    await asyncio.sleep(0)
    assert not taking.done()
    generation = (await held(cluster))["metadata"]["generation"]
    status = {"status": {"syncedResourceVersion": f"{generation}-x"}}
    await cluster.merge_patch(EXTERNAL_SECRETS, "app", NAMESPACE, status, field_manager="o", subresource="status")
    await taking


async def _is_harmless(cluster: MemoryCluster) -> bool:
    return policies(await held(cluster)) == ("None", "Retain")


@pytest.mark.parametrize(
    "spec",
    [{"refreshInterval": "0"}, {"refreshPolicy": "CreatedOnce"}],
    ids=["interval 0", "CreatedOnce"],
)
async def test_an_operator_that_ignores_edits_is_not_waited_for(spec: dict[str, Any]) -> None:
    cluster = await _standing(declared(**spec), status={"syncedResourceVersion": "1-x"})
    cluster.requests.clear()
    await _taken(cluster, patience=3600)
    assert [verb for verb, *_ in cluster.requests] == ["get", "patch"]


async def test_an_object_on_its_way_out_is_made_harmless_and_not_waited_for() -> None:
    cluster = await _standing(declared(), status={}, finalizers=[CLEANUP_FINALIZER])
    await cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)
    await _taken(cluster, patience=3600)
    assert policies(await held(cluster)) == ("None", "Retain")


async def test_an_object_that_something_else_makes_is_refused_before_anything_is_written() -> None:
    maker = {
        "apiVersion": GROUP,
        "kind": "ClusterExternalSecret",
        "name": "everywhere",
        "uid": "u",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    cluster = await _standing(declared(), ownerReferences=[maker])
    cluster.requests.clear()
    with pytest.raises(TargetOwned, match="ClusterExternalSecret everywhere"):
        await Program(cluster, declared()).write()
    assert {verb for verb, *_ in cluster.requests} == {"get"}


async def test_a_reference_to_an_object_that_is_gone_is_taken_off() -> None:
    cluster = await _standing(declared())
    await cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)
    await Program(cluster, declared()).write()
    assert target.controller_of(await live(cluster)) is None


async def test_a_secret_of_another_externalsecret_is_not_taken() -> None:
    cluster = await _standing(declared())
    other = declared(target={"name": "app"})
    other["metadata"]["name"] = "other"
    with pytest.raises(TargetOwned):
        await Program(cluster, other).write()
    assert policies(await held(cluster)) == ("", "")


async def test_a_secret_of_nobody_costs_no_look_at_externalsecrets() -> None:
    cluster = MemoryCluster([STORE, secret("app", {"own": b"v0"})])
    for _ in range(2):  # the second time it is the program's own
        await Program(cluster, declared()).write()
    assert "externalsecrets" not in {plural for _, plural, _ in cluster.requests}


@pytest.mark.parametrize(
    ("spec", "stays"),
    [
        ({}, True),
        ({"creationPolicy": "Merge"}, True),
        ({"creationPolicy": "Orphan"}, True),
        ({"creationPolicy": "None"}, False),
        ({"name": "another"}, False),
    ],
    ids=["Owner", "Merge", "Orphan", "None", "another target"],
)
async def test_what_the_program_wrote_stays_exactly_where_an_object_writes_the_same_target(
    spec: dict[str, str],
    stays: bool,  # noqa: FBT001 - a case
) -> None:
    cluster = MemoryCluster([STORE])
    program = Program(cluster, declared())
    await program.write()
    await cluster.create(EXTERNAL_SECRETS, declared(target=spec), field_manager="pulumi-kubernetes")
    assert await program.remove() is not stays
    assert (await cluster.get(SECRETS, "app", NAMESPACE) is not None) is stays


async def test_merged_keys_stay_with_the_operator_too() -> None:
    manifest = declared(target={"creationPolicy": "Merge"})
    cluster = MemoryCluster([STORE, secret("app", {"foreign": b"f"})])
    program = Program(cluster, manifest)
    await program.write()
    await cluster.create(EXTERNAL_SECRETS, manifest, field_manager="pulumi-kubernetes")
    assert not await program.remove()
    assert texts(await live(cluster)) == {"foreign": "f", "own": "v1"}


async def test_an_object_on_its_way_out_keeps_nothing() -> None:
    cluster = MemoryCluster([STORE])
    program = Program(cluster, declared())
    await program.write()
    await cluster.create(EXTERNAL_SECRETS, _object(declared(), finalizers=["x/y"]), field_manager="test")
    await cluster.delete(EXTERNAL_SECRETS, "app", NAMESPACE)
    assert await program.remove()


async def test_a_program_that_may_not_read_externalsecrets_takes_its_secret_back() -> None:
    cluster = MemoryCluster([STORE])
    program = Program(cluster, declared())
    await program.write()

    def refuse(_verb: str, plural: str, _name: str) -> None:
        if plural == "externalsecrets":
            raise ClusterDenied("cannot get externalsecrets", status=403)

    cluster.before = refuse
    assert await program.remove()


async def test_an_unanswered_question_takes_nothing_back() -> None:
    cluster = MemoryCluster([STORE])
    program = Program(cluster, declared())
    await program.write()

    def fail(_verb: str, plural: str, _name: str) -> None:
        if plural == "externalsecrets":
            raise ClusterConflict("unavailable")

    cluster.before = fail
    with pytest.raises(ClusterConflict):
        await program.remove()
    assert texts(await live(cluster)) == {"own": "v1"}


async def test_both_lanes_write_the_same_labels_annotations_and_field_manager() -> None:
    manifest = declared()
    async with operated(STORE, manifest, disturbed=False) as (cluster, _):
        await eventually(owned(cluster))
        by_operator = await live(cluster)
    alone = MemoryCluster([STORE])
    await Program(alone, manifest).write()
    by_program = await live(alone)
    for part in ("labels", "annotations"):
        assert by_program["metadata"][part] == by_operator["metadata"][part]
    assert by_program["metadata"]["labels"]["reconcile.external-secrets.io/created-by"] == created_by(NAMESPACE, "app")
    managers = [{entry["manager"] for entry in each["metadata"]["managedFields"]} for each in (by_program, by_operator)]
    assert managers == [{field_manager("app")}] * 2
    assert (await alone.list(SECRET_STORES)).items[0]["metadata"]["name"] == "store"

"""Whole syncs on a cluster in memory: what is written, how failures end, and who came in between."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.errors import (
    ClusterConflict,
    ClusterRefused,
    ClusterUnavailable,
    ProviderUnavailable,
    StoreNotReady,
    TargetImmutable,
)
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import SECRETS
from secretsync.sync import names
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.status import status_patch
from secretsync.sync.synchronize import synchronize
from secretsync.sync.targets import ClusterTargets
from secretsync.sync.types import Action, Event, EventReason, Outcome, Phrase, Reason, Retry
from tests.sync.builders import NAMESPACE, Backend, Stage, external_secret, secret, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsync.api import JsonObject, StoreRef
    from secretsync.kube.resources import Resource
    from secretsync.providers.protocol import Provider

pytestmark = pytest.mark.unit

GENERATORS = "generators.external-secrets.io/v1alpha1"


async def _sync(stage: Stage) -> Outcome:
    return await synchronize(stage.declared, cluster=stage.cluster, fetches=stage.fetches)


def _events(outcome: Outcome) -> list[str]:
    return [str(event.reason) for event in outcome.events]


async def test_created_then_unchanged_then_updated() -> None:
    stage = Stage(external_secret())
    first = await _sync(stage)
    assert (first.action, first.message, first.keys, first.bound) == (Action.Created, Phrase.Synced, ("own",), True)
    assert first.again_after == timedelta(hours=1)
    assert first.versions[0].store == "SecretStore/store"
    before = await stage.live()
    assert (await _sync(stage)).action is Action.Unchanged
    assert await stage.live() == before, "nothing was written"
    stage.backend.values["k"] = b"v2"
    assert _events(await _sync(stage)) == ["Updated"]
    assert texts(await stage.live()) == {"own": "v2"}


async def test_a_secret_that_was_there_is_labelled_and_taken_over() -> None:
    stage = Stage(external_secret(), secret("app", {"foreign": b"f"}))
    outcome = await _sync(stage)
    assert outcome.action is Action.Updated
    assert texts(await stage.live()) == {"own": "v1"}


async def test_merge_waits_for_a_target_and_none_never_writes() -> None:
    merge = Stage(external_secret(target={"creationPolicy": "Merge"}))
    outcome = await _sync(merge)
    assert (outcome.action, outcome.reason, outcome.ready) == (Action.Missing, Reason.SecretMissing, True)
    assert outcome.message == Phrase.Missing
    none = Stage(external_secret(target={"creationPolicy": "None"}), secret("app", {"foreign": b"f"}))
    outcome = await _sync(none)
    assert (outcome.action, outcome.bound) == (Action.NotWritten, False)
    assert (await none.live())["metadata"]["labels"] == {names.MANAGED_LABEL: "true"}
    assert texts(await none.live()) == {"foreign": "f"}


async def test_everything_gone_deletes_with_owner_and_retains_otherwise() -> None:
    stage = Stage(external_secret(target={"deletionPolicy": "Delete"}))
    await _sync(stage)
    stage.backend.values.clear()
    gone = await _sync(stage)
    assert (gone.action, gone.reason) == (Action.Deleted, Reason.SecretDeleted)
    assert _events(gone) == ["MissingProviderSecret", "Deleted"]
    assert await stage.cluster.get(SECRETS, "app", NAMESPACE) is None
    assert _events(await _sync(stage)) == ["MissingProviderSecret"], "nothing is deleted twice"

    find: dict[str, Any] = {"data": [], "dataFrom": [{"find": {"path": "x"}}]}
    retained = await _sync(Stage(external_secret(**find), backend=Backend({})))
    assert (retained.action, retained.message, retained.synced) == (Action.Retained, Phrase.Retained, True)
    merged = await _sync(Stage(external_secret(target={"deletionPolicy": "Merge"}, **find), backend=Backend({})))
    assert (merged.action, merged.keys) == (Action.Created, ())


async def test_only_an_own_target_is_deleted() -> None:
    merge = {"creationPolicy": "Merge", "deletionPolicy": "Delete"}
    stage = Stage(external_secret(target=merge), secret("app"), backend=Backend({}))
    outcome = await _sync(stage)
    assert (outcome.message, outcome.retry) == (Phrase.DeleteFailed, Retry.No)
    foreign = Stage(external_secret(target={"deletionPolicy": "Delete"}), secret("app"), backend=Backend({}))
    outcome = await _sync(foreign)
    assert outcome.message == Phrase.DeleteFailed
    assert await foreign.live()


async def test_a_renamed_target_leaves_none_behind() -> None:
    stage = Stage(external_secret())
    await _sync(stage)
    stage.declared = external_secret(target={"name": "other"})
    outcome = await _sync(stage)
    assert _events(outcome) == ["Deleted", "Created"]
    assert await stage.cluster.get(SECRETS, "app", NAMESPACE) is None


async def test_what_must_not_be_deleted_is_said_with_a_remedy() -> None:
    merge = {"creationPolicy": "Merge", "deletionPolicy": "Delete"}
    outcome = await _sync(Stage(external_secret(target=merge), secret("app"), backend=Backend({})))
    assert str(outcome.error) == (
        "Secret team/app: all its data is gone, but only a target with creationPolicy Owner may be deleted; "
        "use creationPolicy Owner, or deletionPolicy Retain or Merge"
    )
    foreign = Stage(external_secret(target={"deletionPolicy": "Delete"}), secret("app"), backend=Backend({}))
    outcome = await _sync(foreign)
    assert str(outcome.error) == (
        "Secret team/app: it is not controlled by this ExternalSecret; delete it by hand if it is no longer needed"
    )
    assert outcome.retry is Retry.Backoff


async def test_the_event_of_a_failure_tells_what_the_condition_does_not() -> None:
    stage = Stage(external_secret(target={"template": {"data": {"t": "{{ .absent }}"}}}))
    outcome = await _sync(stage)
    assert outcome.error is not None
    assert outcome.events == (Event(EventReason.UpdateFailed, str(outcome.error), warning=True),)
    assert outcome.action is Action.Failed
    assert [version.key for version in outcome.versions] == ["k"], "what was read is known all the same"
    assert (outcome.again_after, outcome.keys) == (None, ())


async def test_events_say_what_happened() -> None:
    stage = Stage(external_secret(target={"deletionPolicy": "Delete"}))
    assert (await _sync(stage)).events == (Event(EventReason.Created, "secret created"),)
    stage.backend.values["k"] = b"v2"
    assert (await _sync(stage)).events == (Event(EventReason.Updated, "secret updated"),)
    stage.declared = external_secret(target={"deletionPolicy": "Delete", "name": "other"})
    assert (await _sync(stage)).events[0] == Event(EventReason.Deleted, "secret deleted because it was orphaned")
    stage.backend.values.clear()
    gone = await _sync(stage)
    assert gone.events == (
        Event(EventReason.MissingProviderSecret, "secret does not exist at provider using spec.data[0] (key=k)"),
        Event(EventReason.Deleted, "secret deleted due to DeletionPolicy=Delete"),
    )
    assert (gone.message, gone.bound, gone.synced, gone.ready) == (Phrase.Deleted, False, True, True)


async def test_a_secret_that_took_the_place_of_the_own_one_is_not_deleted() -> None:
    stage = Stage(external_secret(target={"deletionPolicy": "Delete"}))
    await _sync(stage)
    stage.backend.values.clear()
    cluster = Replaced([await stage.live()])
    outcome = await synchronize(stage.declared, cluster=cluster, fetches=stage.fetches)
    assert (outcome.message, outcome.retry) == (Phrase.DeleteFailed, Retry.Backoff)
    assert isinstance(outcome.error, ClusterConflict)
    assert texts((await cluster.get(SECRETS, "app", NAMESPACE)) or {}) == {"foreign": "f"}


async def test_a_sync_shares_reads_that_are_fresh_enough_for_it() -> None:
    find: dict[str, Any] = {"dataFrom": [{"find": {"path": "x"}}]}
    stage = Stage(external_secret(**find))
    began = stage.fetches.now()
    await _sync(stage)
    shared = await synchronize(stage.declared, cluster=stage.cluster, fetches=stage.fetches, not_before=began)
    assert shared.action is Action.Unchanged
    assert (len(stage.backend.calls), stage.backend.finds) == (1, 1)
    await _sync(stage)
    assert (len(stage.backend.calls), stage.backend.finds) == (2, 2), "by itself it wants reads that begin now"


async def test_only_what_this_external_secret_created_counts_as_orphaned() -> None:
    label = names.created_by(NAMESPACE, "app")
    elsewhere = secret("kept", labels={names.CREATED_BY_LABEL: label})
    elsewhere["metadata"]["namespace"] = "elsewhere"
    stage = Stage(
        external_secret(),
        secret("orphan", labels={names.CREATED_BY_LABEL: label}),
        secret("unlabelled"),
        secret("foreign", labels={names.CREATED_BY_LABEL: names.created_by(NAMESPACE, "other")}),
        secret("kept", labels={names.MANAGED_LABEL: "true"}),
        elsewhere,
    )
    assert _events(await _sync(stage)) == ["Deleted", "Created"]
    left = await stage.cluster.list(SECRETS)
    assert sorted(obj["metadata"]["name"] for obj in left.items) == ["app", "foreign", "kept", "kept", "unlabelled"]


async def test_orphans_are_looked_for_by_metadata_alone() -> None:
    label = names.created_by(NAMESPACE, "app")
    stage = Stage(external_secret(), secret("own", {"a": b"hunter2"}, labels={names.CREATED_BY_LABEL: label}))
    (found,) = await ClusterTargets(stage.cluster).created_by(NAMESPACE, label)
    assert found["metadata"]["name"] == "own"
    assert "data" not in found


@dataclass(frozen=True)
class Noted(ClusterTargets):
    """Notes what it is told of."""

    told: list[JsonObject] = field(default_factory=list)
    asked: list[bool] = field(default_factory=list)

    async def get(self, namespace: str, name: str, *, certain: bool) -> JsonObject | None:
        self.asked.append(certain)
        return await super().get(namespace, name, certain=certain)

    def stored(self, target: JsonObject) -> None:
        self.told.append(target)


async def test_what_is_written_is_told_to_whoever_keeps_targets() -> None:
    stage = Stage(external_secret(), secret("app", {"foreign": b"f"}))
    targets = Noted(stage.cluster)
    await synchronize(stage.declared, cluster=stage.cluster, fetches=stage.fetches, targets=targets)
    adopted, written = targets.told
    assert texts(adopted) == {"foreign": "f"}
    assert written == await stage.live()
    await synchronize(stage.declared, cluster=stage.cluster, fetches=stage.fetches, targets=targets)
    assert len(targets.told) == 2, "nothing was written"


@pytest.mark.parametrize(
    ("policy", "certain"),
    [("Owner", False), ("Orphan", False), ("CreateOrMerge", False), ("Merge", True), ("None", True)],
)
async def test_a_cache_may_be_behind_only_where_a_write_would_show_it(policy: str, *, certain: bool) -> None:
    stage = Stage(external_secret(target={"creationPolicy": policy}))
    targets = Noted(stage.cluster)
    await synchronize(stage.declared, cluster=stage.cluster, fetches=stage.fetches, targets=targets)
    assert targets.asked == [certain]


class ByName:
    """Opens another backend for each store."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        self.opened.append((f"{ref.kind}/{ref.name}", namespace))
        return Backend({"k": f"{ref.kind}/{ref.name}".encode()})


async def test_stores_are_told_apart_by_kind_and_name_and_opened_once() -> None:
    wide = {"storeRef": {"name": "store", "kind": "ClusterSecretStore"}}
    data = [
        {"secretKey": "narrow", "remoteRef": {"key": "k"}},
        {"secretKey": "wide", "remoteRef": {"key": "k"}, "sourceRef": wide},
        {"secretKey": "other", "remoteRef": {"key": "k"}, "sourceRef": {"storeRef": {"name": "other"}}},
        {"secretKey": "again", "remoteRef": {"key": "k"}},
    ]
    stage = Stage(external_secret(data=data))
    providers = ByName()
    outcome = await synchronize(stage.declared, cluster=stage.cluster, fetches=FetchWindow(providers))
    assert texts(await stage.live()) == {
        "narrow": "SecretStore/store",
        "wide": "ClusterSecretStore/store",
        "other": "SecretStore/other",
        "again": "SecretStore/store",
    }
    stores = ["SecretStore/store", "ClusterSecretStore/store", "SecretStore/other"]
    assert providers.opened == [(store, NAMESPACE) for store in stores]
    assert [version.store for version in outcome.versions] == stores


async def test_failures_of_reading_leave_the_secret_and_say_so() -> None:
    stage = Stage(external_secret())
    await _sync(stage)
    before = await stage.live()
    stage.backend.errors["k"] = ProviderUnavailable("sealed")
    outcome = await _sync(stage)
    assert (outcome.ready, outcome.message, outcome.retry) == (False, Phrase.GetFailed, Retry.Backoff)
    assert (outcome.synced, outcome.bound) == (False, False)
    assert await stage.live() == before
    stage.backend.open_error = StoreNotReady("not ready")
    assert isinstance((await _sync(stage)).error, StoreNotReady)


async def test_a_search_that_fails_is_reported_at_its_entry() -> None:
    backend = Backend(find_error=ProviderUnavailable("sealed"))
    stage = Stage(external_secret(data=[], dataFrom=[{"find": {"path": "x"}}]), backend=backend)
    assert str((await _sync(stage)).error).startswith("spec.dataFrom[0].find: sealed")


async def test_template_failures_bind_an_existing_target_only() -> None:
    template = {"template": {"data": {"t": "{{ .absent }}"}}}
    new = await _sync(Stage(external_secret(target=template)))
    assert (new.message, new.bound) == (Phrase.UpdateFailed, False)
    existing = await _sync(Stage(external_secret(target=template), secret("app")))
    assert (existing.message, existing.bound) == (Phrase.UpdateFailed, True)


async def test_an_owned_target_is_refused_for_good() -> None:
    first, second = external_secret("first", target={"name": "t"}), external_secret("second", target={"name": "t"})
    stage = Stage(first)
    await _sync(stage)
    stage.declared = second
    outcome = await _sync(stage)
    assert (outcome.message, outcome.retry, outcome.bound) == (Phrase.Owned, Retry.No, True)
    assert "ExternalSecret first" in str(outcome.error)


async def test_a_target_of_another_controller_is_refused_for_good() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "1", "controller": True}
    outcome = await _sync(Stage(external_secret(), secret("app", ownerReferences=[owner])))
    assert (outcome.message, outcome.retry) == (Phrase.OwnershipFailed, Retry.No)


async def test_an_immutable_target_gets_metadata_and_keeps_its_data() -> None:
    stage = Stage(external_secret(target={"immutable": True}))
    await _sync(stage)
    stage.backend.values["k"] = b"v2"
    assert (await _sync(stage)).action is Action.Unchanged
    stage.declared = external_secret(target={"immutable": False}, metadata={"labels": {"l": "1"}})
    outcome = await _sync(stage)
    assert (outcome.message, outcome.retry) == (Phrase.ImmutableFailed, Retry.No)
    assert isinstance(outcome.error, TargetImmutable)
    live = await stage.live()
    assert live["metadata"]["labels"]["l"] == "1"
    assert texts(live) == {"own": "v1"}
    stage.backend.values["k"] = b"v1"
    assert (await _sync(stage)).action is not Action.Failed


async def test_a_generic_target_is_refused_clearly() -> None:
    manifest = {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}
    outcome = await _sync(Stage(external_secret(target=manifest)))
    assert (outcome.reason, outcome.retry) == (Reason.ResourceSyncedError, Retry.No)
    assert outcome.message == Phrase.UpdateFailed
    assert str(outcome.error) == (
        "spec.target.manifest: targets of kind ConfigMap are not offered; use a Secret as the target"
    )


class Interfering(MemoryCluster):
    """Somebody does something just before a write."""

    def __init__(self, objects: list[JsonObject], before: Callable[[Interfering], Any], times: int = 1) -> None:
        super().__init__(objects)
        self.act, self.left = before, times

    async def create(self, resource: Resource, obj: JsonObject, **more: Any) -> JsonObject:
        await self._interfere(resource)
        return await super().create(resource, obj, **more)

    async def replace(self, resource: Resource, obj: JsonObject, **more: Any) -> JsonObject:
        await self._interfere(resource)
        return await super().replace(resource, obj, **more)

    async def _interfere(self, resource: Resource) -> None:
        if resource == SECRETS and self.left:
            self.left -= 1
            await self.act(self)


class Replaced(MemoryCluster):
    """Between look and deletion, the Secret is made anew by somebody else."""

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, **more: Any) -> bool:
        await super().delete(resource, name, namespace)
        await super().create(resource, secret("app", {"foreign": b"f"}), field_manager="kubectl")
        return await super().delete(resource, name, namespace, **more)


async def _create(cluster: Interfering) -> None:
    await MemoryCluster.create(cluster, SECRETS, secret("app", {"foreign": b"f"}), field_manager="kubectl")


async def _edit(cluster: Interfering) -> None:
    patch = {"metadata": {"labels": {"n": str(cluster.left)}}}
    await cluster.merge_patch(SECRETS, "app", NAMESPACE, patch, field_manager="kubectl")


async def _delete(cluster: Interfering) -> None:
    await cluster.delete(SECRETS, "app", NAMESPACE)


async def _interfered(
    before: Callable[[Interfering], Any], *objects: JsonObject, policy: str = "Owner", times: int = 1
) -> tuple[Outcome, Interfering]:
    stage = Stage(external_secret(target={"creationPolicy": policy}))
    cluster = Interfering(list(objects), before, times)
    return await synchronize(stage.declared, cluster=cluster, fetches=stage.fetches), cluster


async def test_whoever_creates_edits_or_deletes_in_between_is_taken_into_account() -> None:
    outcome, cluster = await _interfered(_create)
    assert outcome.action is Action.Updated
    assert texts((await cluster.get(SECRETS, "app", NAMESPACE)) or {}) == {"own": "v1"}
    outcome, _ = await _interfered(_edit, secret("app"))
    assert outcome.action is Action.Updated
    outcome, _ = await _interfered(_delete, secret("app"))
    assert outcome.action is Action.Created
    outcome, cluster = await _interfered(_delete, secret("app"), policy="Merge")
    assert (outcome.action, outcome.reason, outcome.message) == (Action.Missing, Reason.SecretMissing, Phrase.Missing)
    assert await cluster.get(SECRETS, "app", NAMESPACE) is None


async def test_endless_interference_ends_in_a_quick_retry() -> None:
    outcome, _ = await _interfered(_edit, secret("app"), times=99)
    assert (outcome.retry, outcome.message) == (Retry.Soon, Phrase.UpdateFailed)
    assert isinstance(outcome.error, ClusterConflict)


async def _toggle(cluster: Interfering) -> None:
    if not await cluster.delete(SECRETS, "app", NAMESPACE):
        await _create(cluster)


async def test_a_target_that_comes_and_goes_ends_in_a_quick_retry_too() -> None:
    outcome, _ = await _interfered(_toggle, times=99)
    assert (outcome.retry, outcome.message) == (Retry.Soon, Phrase.UpdateFailed)
    assert str(outcome.error) == "Secret team/app: does not exist"


async def test_templates_are_rendered_once_however_often_the_write_is_tried() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": NAMESPACE}}
    config["data"] = {"t": "{{ .own }}"}
    template = {"templateFrom": [{"configMap": {"name": "c", "items": [{"key": "t"}]}}]}
    stage = Stage(external_secret(target={"template": template}))
    cluster = Interfering([config, secret("app")], _edit, times=2)
    outcome = await synchronize(stage.declared, cluster=cluster, fetches=stage.fetches)
    assert outcome.action is Action.Updated
    assert [plural for _, plural, _ in cluster.requests].count("configmaps") == 1


async def test_templates_of_a_target_whose_content_stays_are_not_rendered() -> None:
    target = {"immutable": True, "template": {"data": {"t": "{{ .absent }}"}}}
    outcome = await _sync(Stage(external_secret(target=target), secret("app", {"own": b"old"})))
    assert (outcome.ready, outcome.keys) == (True, ("own",))


async def test_the_owner_is_looked_at_before_templates_are_rendered() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "1", "controller": True}
    target = {"template": {"data": {"t": "{{ .absent }}"}}}
    outcome = await _sync(Stage(external_secret(target=target), secret("app", ownerReferences=[owner])))
    assert outcome.message == Phrase.OwnershipFailed


class Failing(MemoryCluster):
    """Refuses one verb."""

    def __init__(self, verb: str, error: Exception, *objects: JsonObject) -> None:
        super().__init__(objects)
        self.verb, self.error = verb, error

    async def get(self, *args: Any, **more: Any) -> JsonObject | None:
        found: JsonObject | None = await self._do("get", super().get, *args, **more)
        return found

    async def list(self, *args: Any, **more: Any) -> Any:
        return await self._do("list", super().list, *args, **more)

    async def create(self, *args: Any, **more: Any) -> Any:
        return await self._do("create", super().create, *args, **more)

    async def replace(self, *args: Any, **more: Any) -> Any:
        return await self._do("replace", super().replace, *args, **more)

    async def delete(self, *args: Any, **more: Any) -> Any:
        return await self._do("delete", super().delete, *args, **more)

    async def _do(self, verb: str, do: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if verb == self.verb:
            raise self.error
        return await do(*args, **more)


@pytest.mark.parametrize(
    ("verb", "phrase"),
    [("get", Phrase.UpdateFailed), ("list", Phrase.DeleteOrphanedFailed), ("create", Phrase.UpdateFailed)],
)
async def test_failures_of_the_api_server_name_the_step(verb: str, phrase: Phrase) -> None:
    stage = Stage(external_secret())
    cluster = Failing(verb, ClusterUnavailable("unreachable"))
    outcome = await synchronize(stage.declared, cluster=cluster, fetches=stage.fetches)
    assert (outcome.message, outcome.retry) == (phrase, Retry.Backoff)
    assert str(outcome.error) == "unreachable"


async def test_a_refused_update_or_delete_is_reported() -> None:
    stage = Stage(external_secret())
    cluster = Failing("replace", ClusterRefused("invalid", status=422), secret("app"))
    outcome = await synchronize(stage.declared, cluster=cluster, fetches=stage.fetches)
    assert (outcome.message, outcome.bound, outcome.retry) == (Phrase.UpdateFailed, True, Retry.Backoff)
    assert str(outcome.error) == "invalid"
    owned = Stage(external_secret(target={"deletionPolicy": "Delete"}))
    await _sync(owned)
    owned.backend.values.clear()
    cluster = Failing("delete", ClusterRefused("no", status=403), await owned.live())
    outcome = await synchronize(owned.declared, cluster=cluster, fetches=owned.fetches)
    assert outcome.message == Phrase.DeleteFailed


@pytest.mark.parametrize(
    ("obj", "ref", "expected"),
    [
        ({"kind": "Fake", "spec": {"data": {"a": "1"}}}, "Fake", "a"),
        (
            {"kind": "ClusterGenerator", "spec": {"kind": "Fake", "generator": {"fakeSpec": {"data": {"b": "2"}}}}},
            "ClusterGenerator",
            "b",
        ),
    ],
)
async def test_generators_give_values(obj: dict[str, Any], ref: str, expected: str) -> None:
    metadata = {"name": "g"} if "Cluster" in ref else {"name": "g", "namespace": NAMESPACE}
    generator = {"apiVersion": GENERATORS, "metadata": metadata, **obj}
    source = {"generatorRef": {"apiVersion": GENERATORS, "kind": ref, "name": "g"}}
    stage = Stage(external_secret(data=[], dataFrom=[{"sourceRef": source}]), generator)
    assert (await _sync(stage)).keys == (expected,)


@pytest.mark.parametrize(
    ("ref", "objects", "message"),
    [
        ("Fake", [], "Fake g: there is no such generator"),
        ("Grafana", [], "generators of kind Grafana are not served"),
        ("ClusterGenerator", [{"kind": "Grafana", "generator": {}}], "generators of kind Grafana are not served"),
    ],
)
async def test_generators_that_cannot_be_asked_are_named(ref: str, objects: list[Any], message: str) -> None:
    wrapped = [
        {"apiVersion": GENERATORS, "kind": "ClusterGenerator", "metadata": {"name": "g"}, "spec": spec}
        for spec in objects
    ]
    source = {"generatorRef": {"apiVersion": GENERATORS, "kind": ref, "name": "g"}}
    outcome = await _sync(Stage(external_secret(data=[], dataFrom=[{"sourceRef": source}]), *wrapped))
    assert message in str(outcome.error)


async def test_no_value_is_in_an_outcome() -> None:
    outcome = await _sync(Stage(external_secret(), backend=Backend({"k": b"hunter2"})))
    assert "hunter2" not in repr(outcome)
    failed = await _sync(
        Stage(
            external_secret(target={"template": {"data": {"t": "{{ fail .own }}"}}}),
            backend=Backend({"k": b"hunter2"}),
        )
    )
    assert failed.error is not None
    assert "hunter2" not in repr(failed)


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


async def test_status_says_what_moved_and_nothing_else() -> None:
    declared = external_secret()
    done = await _sync(Stage(declared))
    patch = status_patch(declared, done, started=NOW, now=NOW)
    assert set(patch) == {"conditions", "binding", "refreshTime", "syncedResourceVersion"}
    again = external_secret(status=patch)
    assert status_patch(again, done, started=NOW, now=NOW) == {}
    later = NOW + timedelta(hours=1)
    assert status_patch(again, done, started=later, now=later) == {"refreshTime": "2026-03-01T13:00:00Z"}


async def test_a_condition_keeps_its_transition_time_until_its_status_changes() -> None:
    declared = external_secret()
    done = await _sync(Stage(declared))
    status = status_patch(declared, done, started=NOW, now=NOW)
    status["conditions"].append({"type": "Deleted", "status": "False"})
    later = NOW + timedelta(hours=1)
    failed = replace(done, ready=False, reason=Reason.SecretSyncedError, message="no", synced=False)
    patch = status_patch(external_secret(status=status), failed, started=later, now=later)
    ready = next(each for each in patch["conditions"] if each["type"] == "Ready")
    assert ready["lastTransitionTime"] == "2026-03-01T13:00:00Z"
    assert "refreshTime" not in patch
    status["conditions"][0].pop("lastTransitionTime")
    undated = status_patch(external_secret(status=status), replace(done, message="x"), started=later, now=later)
    ready = next(each for each in undated["conditions"] if each["type"] == "Ready")
    assert ready["lastTransitionTime"] == "2026-03-01T13:00:00Z"


async def test_other_words_are_no_transition() -> None:
    declared = external_secret()
    done = await _sync(Stage(declared))
    status = status_patch(declared, done, started=NOW, now=NOW)
    later = NOW + timedelta(hours=1)
    renamed = replace(done, message="other words")
    patch = status_patch(external_secret(status=status), renamed, started=later, now=later)
    ready = next(each for each in patch["conditions"] if each["type"] == "Ready")
    assert ready["lastTransitionTime"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ({"metadata": {"labels": {"n": "1"}}}, "labels"),
        ({"metadata": {"annotations": {"n": "1"}}}, "annotations"),
        ({"metadata": {"finalizers": ["example.com/n"]}}, "finalizers"),
    ],
)
async def test_a_change_of_metadata_alone_is_written(template: dict[str, Any], part: str) -> None:
    stage = Stage(external_secret())
    await _sync(stage)
    stage.declared = external_secret(target={"template": template})
    assert (await _sync(stage)).action is Action.Updated
    assert "n" in str((await stage.live())["metadata"][part])

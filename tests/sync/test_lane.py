"""The pulumi lane: what a program may know about a synced Secret, and never a value."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.errors import ClusterConflict, SecretNotFound
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import SECRETS
from secretsync.sync import drift, lane
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.names import field_manager
from secretsync.sync.types import TargetContent
from tests.sync.builders import NAMESPACE, Backend, external_secret, secret, texts

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret, JsonObject
    from secretsync.kube.resources import Resource
    from secretsync.sync.lane import Observation

pytestmark = pytest.mark.unit

KEY = b"a key of this stack"


class Program:
    """One declaration that is no object of the cluster."""

    def __init__(self, *objects: dict[str, Any], **spec: Any) -> None:
        self.declared: ExternalSecret = external_secret(metadata={"uid": ""}, **spec)
        self.cluster = MemoryCluster(objects)
        self.backend = Backend({"k": b"hunter2"})
        self.fetches = FetchWindow(self.backend)

    async def observe(self) -> Observation:
        now = self.fetches.now()
        return await lane.observe(self.declared, cluster=self.cluster, fetches=self.fetches, key=KEY, not_before=now)

    async def write(self) -> Observation:
        now = self.fetches.now()
        return await lane.write(self.declared, cluster=self.cluster, fetches=self.fetches, key=KEY, not_before=now)

    async def edit(self, **data: str | None) -> None:
        await self.cluster.merge_patch(SECRETS, "app", NAMESPACE, {"data": data}, field_manager="kubectl-edit")


async def test_observe_write_and_observe_again() -> None:
    program = Program()
    before = await program.observe()
    assert (before.target, before.keys, before.drift) == ("team/app", ("own",), "missing")
    after = await program.write()
    assert after.drift == ""
    assert after.fingerprint == before.fingerprint
    live = await program.cluster.get(SECRETS, "app", NAMESPACE)
    assert live is not None
    assert "ownerReferences" not in live["metadata"]
    assert texts(live) == {"own": "hunter2"}


async def test_a_write_is_observed_from_the_same_reads() -> None:
    program = Program(dataFrom=[{"find": {"path": "x"}}])
    written = await program.write()
    assert (len(program.backend.calls), program.backend.finds) == (1, 1)
    assert [(version.store, version.key, version.version) for version in written.versions] == [
        ("SecretStore/store", "k", "1")
    ]
    await program.observe()
    assert (len(program.backend.calls), program.backend.finds) == (2, 2), "each observation wants reads of its own"


async def test_what_a_caller_read_before_serves_its_write() -> None:
    program = Program()
    now = program.fetches.now()
    common: dict[str, Any] = {"cluster": program.cluster, "fetches": program.fetches, "key": KEY, "not_before": now}
    await lane.observe(program.declared, **common)
    await lane.write(program.declared, **common)
    assert len(program.backend.calls) == 1


async def test_generators_and_templates_are_read_in_the_cluster() -> None:
    generators = "generators.external-secrets.io/v1alpha1"
    metadata = {"name": "g", "namespace": NAMESPACE}
    fake = {"apiVersion": generators, "kind": "Fake", "metadata": metadata, "spec": {"data": {"a": "1"}}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"t": "{{ .own }}-{{ .a }}"}}
    program = Program(
        fake,
        config,
        dataFrom=[{"sourceRef": {"generatorRef": {"apiVersion": generators, "kind": "Fake", "name": "g"}}}],
        target={"template": {"templateFrom": [{"configMap": {"name": "g", "items": [{"key": "t"}]}}]}},
    )
    assert (await program.write()).keys == ("t",)
    live = await program.cluster.get(SECRETS, "app", NAMESPACE)
    assert texts(live or {}) == {"t": "hunter2-1"}


def test_the_fingerprint_is_the_same_for_ever() -> None:
    """It is kept in the state of stacks: another form of it would show a change where there is none."""
    content = TargetContent("Opaque", {"b": b"\x00\xff", "a": b"1"}, {"\u00e9": "1", "a": "2"}, {"n": "\u2713"})
    text = (
        r'{"annotations":{"n":"\u2713"},"data":{"a":"31","b":"00ff"},"labels":{"a":"2","\u00e9":"1"},"type":"Opaque"}'
    )
    message = b"external-secrets-on-pulumi/fingerprint/v1\0" + text.encode("ascii")
    assert lane.fingerprint(content, KEY) == hmac.new(KEY, message, hashlib.sha256).hexdigest()
    other_order = TargetContent("Opaque", {"a": b"1", "b": b"\x00\xff"}, {"a": "2", "\u00e9": "1"}, {"n": "\u2713"})
    assert lane.fingerprint(other_order, KEY) == lane.fingerprint(content, KEY)


async def test_several_changed_keys_are_told_in_order() -> None:
    program = Program()
    await program.write()
    await program.edit(own="eA==", more="eA==")
    assert (await program.observe()).drift == "key more added by kubectl-edit; key own edited by kubectl-edit"


async def test_keys_of_others_are_no_drift_where_the_policy_keeps_them() -> None:
    program = Program(secret("app", {"foreign": b"f"}), target={"creationPolicy": "Merge"})
    assert (await program.write()).drift == ""
    await program.edit(foreign="eA==")
    told = "annotation reconcile.external-secrets.io/data-hash does not fit the data"
    assert (await program.observe()).drift == told


async def test_an_edit_by_nobody_known_is_told_without_a_name() -> None:
    program = Program()
    await program.write()
    await program.edit(own="eA==")
    live = await program.cluster.get(SECRETS, "app", NAMESPACE)
    assert live is not None
    del live["metadata"]["managedFields"]
    difference = drift.compare(program.declared, TargetContent("", {"own": b"hunter2"}, {}, {}), live)
    assert difference.drift == "key own edited"


async def test_no_observation_holds_a_value() -> None:
    assert "hunter2" not in repr(await Program().write())


async def test_the_fingerprint_follows_the_content_and_the_key() -> None:
    program = Program()
    first = (await program.observe()).fingerprint
    program.backend.values["k"] = b"hunter3"
    assert (await program.observe()).fingerprint != first
    other = Program(target={"template": {"metadata": {"labels": {"a": "b"}}}})
    assert (await other.observe()).fingerprint != first


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"own": "eA=="}, "key own edited by kubectl-edit"),
        ({"more": "eA=="}, "key more added by kubectl-edit"),
        ({"own": None}, "key own missing"),
    ],
)
async def test_drift_names_the_key_and_who_changed_it(edit: dict[str, str | None], told: str) -> None:
    program = Program()
    await program.write()
    await program.edit(**edit)
    assert (await program.observe()).drift == told
    assert await lane.live_drift(program.declared, cluster=program.cluster) == "edited by kubectl-edit"
    assert await lane.live_drift(program.declared, cluster=program.cluster, keys=["own"]) == told


async def test_live_drift_names_everybody_else_who_owns_a_part() -> None:
    program = Program()
    await program.write()
    for manager in ("kubectl-edit", "argocd"):
        patch = {"data": {manager: "eA=="}}
        await program.cluster.merge_patch(SECRETS, "app", NAMESPACE, patch, field_manager=manager)
    told = await lane.live_drift(program.declared, cluster=program.cluster)
    assert told == "edited by argocd, kubectl-edit"


async def test_live_drift_without_anybody_to_name() -> None:
    program = Program()
    await program.write()
    await program.cluster.merge_patch(
        SECRETS, "app", NAMESPACE, {"data": {"own": "eA=="}}, field_manager=field_manager("app")
    )
    assert await lane.live_drift(program.declared, cluster=program.cluster) == "edited"


async def test_live_drift_without_asking_a_backend() -> None:
    program = Program()
    assert await lane.live_drift(program.declared, cluster=program.cluster) is None
    await program.write()
    calls = len(program.backend.calls)
    assert await lane.live_drift(program.declared, cluster=program.cluster) == ""
    assert len(program.backend.calls) == calls


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (
            {"labels": {"reconcile.external-secrets.io/managed": None}},
            "label reconcile.external-secrets.io/managed missing",
        ),
        ({"labels": {"tier": "gold"}}, "label tier edited by kubectl"),
        ({"annotations": {"note": None}}, "annotation note missing"),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "controller": False}]},
            "",
        ),
    ],
)
async def test_drift_names_labels_and_annotations(metadata: dict[str, Any], told: str) -> None:
    template = {"metadata": {"labels": {"tier": "silver"}, "annotations": {"note": "n"}}}
    program = Program(target={"template": template})
    await program.write()
    await program.cluster.merge_patch(SECRETS, "app", NAMESPACE, {"metadata": metadata}, field_manager="kubectl")
    assert (await program.observe()).drift == told
    await program.write()
    assert (await program.observe()).drift == ""


async def test_another_label_in_the_declaration_is_no_drift() -> None:
    program = Program(target={"template": {"metadata": {"labels": {"tier": "silver"}}}})
    await program.write()
    program.declared = Program(target={"template": {"metadata": {"labels": {"tier": "gold"}}}}).declared
    assert (await program.observe()).drift == ""


async def test_keys_that_upstream_changed_are_named_and_those_that_somebody_edited_are_not() -> None:
    spec = {"data": [{"secretKey": key, "remoteRef": {"key": key}} for key in ("k", "l")]}
    program = Program(**spec)
    program.backend.values["l"] = b"swordfish"
    await program.write()
    program.backend.values["k"] = b"hunter3"
    observed = await program.observe()
    assert (observed.drift, observed.rotated) == ("", ("k",))
    await program.edit(l="eA==")
    observed = await program.observe()
    assert (observed.drift, observed.rotated) == ("key l edited by kubectl-edit", ("k",))
    assert (await program.write()).rotated == ()


async def test_a_failed_write_raises_and_leaves_the_secret() -> None:
    program = Program()
    await program.write()
    program.backend.values.clear()
    with pytest.raises(SecretNotFound):
        await program.write()
    assert await program.cluster.get(SECRETS, "app", NAMESPACE)


async def test_rotation_alone_is_no_drift_and_an_edit_beside_it_is() -> None:
    program = Program()
    await program.write()
    program.backend.values["k"] = b"hunter3"
    assert (await program.observe()).drift == ""
    await program.edit(more="eA==")
    assert (await program.observe()).drift == "key more added by kubectl-edit"


@pytest.mark.parametrize(("policy", "told"), [("Delete", "all data is gone upstream"), ("Merge", "")])
async def test_everything_gone_upstream(policy: str, told: str) -> None:
    program = Program(target={"deletionPolicy": policy})
    written = await program.write()
    program.backend.values.clear()
    observed = await program.observe()
    assert observed.keys == ()
    assert observed.drift == told
    assert observed.fingerprint != written.fingerprint
    if policy == "Delete":
        assert (await program.write()).drift == ""
        assert await program.cluster.get(SECRETS, "app", NAMESPACE) is None


async def test_policies_that_do_not_create_show_no_drift() -> None:
    for policy in ("None", "Merge"):
        assert (await Program(target={"creationPolicy": policy}).observe()).drift == ""
    present = Program(secret("app"), target={"creationPolicy": "None"})
    assert (await present.observe()).drift == ""
    frozen = Program(secret("app"), target={"immutable": True})
    assert (await frozen.observe()).drift == ""
    orphan = Program(secret("app"), target={"creationPolicy": "Orphan"})
    assert await lane.live_drift(orphan.declared, cluster=orphan.cluster) == ""


@pytest.mark.parametrize(
    ("policy", "left"), [("Owner", None), ("Orphan", {"own"}), ("CreateOrMerge", set()), ("None", {"foreign"})]
)
async def test_remove_takes_back_what_the_policy_says(policy: str, left: set[str] | None) -> None:
    objects = (secret("app", {"foreign": b"f"}),) if policy == "None" else ()
    program = Program(*objects, target={"creationPolicy": policy})
    await program.write()
    await lane.remove(program.declared, cluster=program.cluster)
    live = await program.cluster.get(SECRETS, "app", NAMESPACE)
    assert (None if live is None else set(live.get("data") or {})) == left
    again = await lane.remove(program.declared, cluster=program.cluster)
    assert again is False


async def test_remove_keeps_keys_that_another_declaration_gives_now() -> None:
    program = Program(secret("app", {"foreign": b"f"}), target={"creationPolicy": "Merge"})
    await program.write()
    assert await lane.remove(program.declared, cluster=program.cluster, keep=["own"]) is False
    assert await lane.remove(program.declared, cluster=program.cluster, keep=["other"]) is True


async def test_remove_leaves_a_secret_of_somebody_else() -> None:
    program = Program(secret("app", {"foreign": b"f"}))
    assert await lane.remove(program.declared, cluster=program.cluster) is False
    assert await program.cluster.get(SECRETS, "app", NAMESPACE)


async def test_without_data_the_fingerprint_depends_on_the_key_of_the_stack() -> None:
    program = Program(target={"deletionPolicy": "Delete"})
    program.backend.values.clear()
    observed = await program.observe()
    expected = hmac.new(KEY, b"external-secrets-on-pulumi/fingerprint/v1\0no data", hashlib.sha256).hexdigest()
    assert (observed.target, observed.keys, observed.fingerprint) == ("team/app", (), expected)
    assert observed.drift == "", "there is nothing to delete"


async def test_an_empty_answer_still_says_which_versions_it_comes_from() -> None:
    spec = {"data": [], "dataFrom": [{"extract": {"key": "k", "property": "absent"}}]}
    observed = await Program(target={"deletionPolicy": "Delete"}, **spec).observe()
    assert observed.keys == ()
    assert [version.key for version in observed.versions] == ["k"]


class Signed(MemoryCluster):
    """Notes in whose name it is patched."""

    def __init__(self, objects: list[JsonObject]) -> None:
        super().__init__(objects)
        self.managers: list[str] = []

    async def merge_patch(self, *args: Any, field_manager: str, **more: Any) -> JsonObject:
        self.managers.append(field_manager)
        return await super().merge_patch(*args, field_manager=field_manager, **more)


async def test_remove_tells_whether_something_was_taken_back_and_signs_it() -> None:
    owner = Program()
    await owner.write()
    assert await lane.remove(owner.declared, cluster=owner.cluster) is True
    merge = Program(target={"creationPolicy": "Merge"})
    merge.cluster = signed = Signed([secret("app", {"foreign": b"f"})])
    await merge.write()
    signed.managers.clear()
    assert await lane.remove(merge.declared, cluster=merge.cluster) is True
    assert signed.managers == [field_manager("app")]
    live = await merge.cluster.get(SECRETS, "app", NAMESPACE)
    assert live is not None
    assert texts(live) == {"foreign": "f"}


async def test_remove_spares_a_secret_that_took_the_place_of_the_own_one() -> None:
    class Replaced(MemoryCluster):
        """Between look and deletion, the Secret is made anew by somebody else."""

        async def delete(self, resource: Resource, name: str, namespace: str | None = None, **more: Any) -> bool:
            await super().delete(resource, name, namespace)
            await super().create(resource, secret("app", {"foreign": b"f"}), field_manager="kubectl")
            return await super().delete(resource, name, namespace, **more)

    program = Program()
    program.cluster = Replaced()
    await program.write()
    with pytest.raises(ClusterConflict):
        await lane.remove(program.declared, cluster=program.cluster)
    live = await program.cluster.get(SECRETS, "app", NAMESPACE)
    assert live is not None
    assert texts(live) == {"foreign": "f"}


async def test_generated_values_are_fingerprinted_as_they_were_written() -> None:
    generators = "generators.external-secrets.io/v1alpha1"
    generator = {"apiVersion": generators, "kind": "UUID", "metadata": {"name": "g", "namespace": NAMESPACE}}
    source = {"generatorRef": {"apiVersion": generators, "kind": "UUID", "name": "g"}}
    program = Program(generator, dataFrom=[{"sourceRef": source}], target={"name": "other"})
    written = await program.write()
    live = await program.cluster.get(SECRETS, "other", NAMESPACE)
    assert live is not None
    content = TargetContent("", {key: text.encode() for key, text in texts(live).items()}, {}, {})
    assert written.fingerprint == lane.fingerprint(content, KEY)
    assert (written.target, written.keys, written.drift) == ("team/other", ("own", "uuid"), "")
    assert [version.key for version in written.versions] == ["k"]

"""The one write of a sync, by itself: what it says it did, under whose name, and what an immutable Secret allows."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from secretsync.errors import ClusterConflict, ClusterRefused, TargetImmutable
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import SECRETS
from secretsync.sync import names, writing
from secretsync.sync.types import Action
from tests.sync.builders import NAMESPACE, external_secret, secret

pytestmark = pytest.mark.unit

DECLARED = external_secret()
MANAGER = names.field_manager("app")


async def _stored(cluster: MemoryCluster) -> dict[str, Any]:
    found = await cluster.get(SECRETS, "app", NAMESPACE)
    assert found is not None
    return found


def _managers(live: dict[str, Any]) -> set[str]:
    return {entry["manager"] for entry in live["metadata"].get("managedFields") or ()}


def _changed(live: dict[str, Any], *, data: dict[str, str] | None = None, labels: dict[str, str] | None = None) -> Any:
    desired = copy.deepcopy(live)
    if data is not None:
        desired["data"] = data
    if labels is not None:
        desired["metadata"]["labels"] = labels
    return desired


@pytest.mark.parametrize(("manager", "written_by"), [("", MANAGER), ("another", "another")])
async def test_a_write_gives_what_is_stored_under_the_name_of_its_manager(manager: str, written_by: str) -> None:
    cluster = MemoryCluster()
    created = await writing.write(cluster, DECLARED, secret("app", {"a": b"1"}), None, manager=manager)
    live = await _stored(cluster)
    assert (created.action, created.target) == (Action.Created, live)
    assert created.resource_version == live["metadata"]["resourceVersion"]
    assert _managers(live) == {written_by}
    same = await writing.write(cluster, DECLARED, copy.deepcopy(live), live, manager=manager)
    assert (same.action, same.target) == (Action.Unchanged, live)
    updated = await writing.write(cluster, DECLARED, _changed(live, data={"a": "Mg=="}), live, manager=manager)
    assert (updated.action, updated.target) == (Action.Updated, await _stored(cluster))
    assert updated.resource_version > created.resource_version


async def test_only_the_version_that_was_looked_at_is_replaced() -> None:
    cluster = MemoryCluster([secret("app", {"a": b"1"})])
    seen = await _stored(cluster)
    await cluster.merge_patch(SECRETS, "app", NAMESPACE, {"data": {"b": "eA=="}}, field_manager="kubectl")
    with pytest.raises(ClusterConflict) as conflict:
        await writing.write(cluster, DECLARED, _changed(seen, data={"a": "Mg=="}), seen)
    assert not writing.is_existing(conflict.value)
    with pytest.raises(ClusterConflict) as existing:
        await writing.write(cluster, DECLARED, secret("app"), None)
    assert writing.is_existing(existing.value)


async def test_an_immutable_secret_takes_metadata_and_refuses_data() -> None:
    cluster = MemoryCluster([{**secret("app", {"a": b"1"}), "immutable": True}])
    live = await _stored(cluster)
    labelled = await writing.write(cluster, DECLARED, _changed(live, labels={"l": "1"}), live)
    after = await _stored(cluster)
    assert (labelled.action, labelled.target) == (Action.Updated, after)
    assert after["metadata"]["labels"] == {"l": "1"}
    assert MANAGER in _managers(after)
    with pytest.raises(TargetImmutable) as refused:
        await writing.write(cluster, DECLARED, _changed(after, data={"a": "Mg=="}, labels={"l": "2"}), after)
    assert str(refused.value) == (
        "Secret team/app: its data would change, but it is immutable; "
        "delete the Secret so that it is created anew, or give the ExternalSecret another spec.target.name"
    )
    kept = await _stored(cluster)
    assert (kept["data"], kept["metadata"]["labels"]) == ({"a": "MQ=="}, {"l": "2"})
    with pytest.raises(TargetImmutable):
        await writing.write(cluster, DECLARED, _changed(kept, data={"a": "Mg=="}), kept)
    assert await _stored(cluster) == kept, "nothing was written"


async def test_the_managed_label_is_put_on_under_the_name_of_the_external_secret() -> None:
    cluster = MemoryCluster([secret("app", {"a": b"1"}, labels={"theirs": "1"})])
    marked = await writing.mark_managed(cluster, DECLARED, await _stored(cluster))
    assert marked == await _stored(cluster)
    assert marked["metadata"]["labels"] == {"theirs": "1", names.MANAGED_LABEL: "true"}
    assert MANAGER in _managers(marked)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("labels", {"n": "1"}),
        ("annotations", {"n": "1"}),
        ("ownerReferences", [{"name": "n"}]),
        ("finalizers", ["example.com/n"]),
    ],
)
def test_absent_and_empty_metadata_are_the_same_and_anything_else_is_not(part: str, value: Any) -> None:
    plain, empty, other = secret("app"), secret("app", **{part: type(value)()}), secret("app", **{part: value})
    assert writing.same_metadata(plain, empty)
    assert writing.is_same(empty, plain)
    assert not writing.same_metadata(plain, other)
    assert not writing.is_same(other, empty)


@pytest.mark.parametrize(("part", "value"), [("data", {"a": "MQ=="}), ("type", "example.com/x"), ("immutable", True)])
def test_other_content_is_a_change(part: str, value: Any) -> None:
    plain = secret("app")
    assert not writing.is_same(plain, {**plain, part: value})
    without = {key: kept for key, kept in plain.items() if key != "data"}
    assert writing.is_same(plain, without)


def test_gone_is_told_from_other_refusals() -> None:
    assert writing.is_gone(ClusterRefused("does not exist", status=404))
    assert not writing.is_gone(ClusterRefused("invalid", status=422))

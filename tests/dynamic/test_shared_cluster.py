"""The cluster as one operation sees it: what is read once, what never, and what a right that is missing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.dynamic.shared_cluster import SharedCluster, SharedTargets
from secretsync.errors import ClusterDenied
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import SECRETS

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.unit

LABELS = {"reconcile.external-secrets.io/managed": "true"}


async def _cluster(names: Sequence[str], *, labels: dict[str, str] | None = None) -> MemoryCluster:
    cluster = MemoryCluster()
    for name in names:
        metadata: dict[str, Any] = {"name": name, "namespace": "team", "labels": labels or {}}
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        await cluster.create(SECRETS, made, field_manager="somebody")
    cluster.requests.clear()
    return cluster


def _asked(cluster: MemoryCluster) -> list[str]:
    return [str(request[0]) for request in cluster.requests]


async def test_many_targets_are_two_lists_and_those_that_are_not_there_cost_nothing() -> None:
    names = [f"app-{index}" for index in range(50)]
    cluster = await _cluster(names[:25], labels=LABELS)
    shared = SharedCluster(cluster)
    shared.expect(f"team/{name}" for name in names)
    found = [await shared.get(SECRETS, name, "team") for name in names]
    assert [each is not None for each in found] == [True] * 25 + [False] * 25
    assert _asked(cluster) == ["list", "list"]


async def test_a_target_that_somebody_else_made_is_read_by_itself() -> None:
    cluster = await _cluster(["foreign"])
    shared = SharedCluster(cluster)
    shared.expect(f"team/{name}" for name in ("foreign", "a", "b", "c", "d"))
    assert await shared.get(SECRETS, "foreign", "team") is not None
    assert _asked(cluster) == ["list", "list", "get"]


async def test_a_few_targets_are_read_one_by_one_and_once() -> None:
    cluster = await _cluster(["a", "b"], labels=LABELS)
    shared = SharedCluster(cluster)
    shared.expect(["team/a", "team/b"])
    for _ in range(2):
        assert [await shared.get(SECRETS, name, "team") is not None for name in ("a", "b")] == [True, True]
    assert _asked(cluster) == ["get", "get"]


async def test_without_the_right_to_list_they_are_read_one_by_one() -> None:
    cluster = await _cluster([f"app-{index}" for index in range(6)], labels=LABELS)

    def fail(verb: str, _plural: str, _name: str) -> None:
        if verb == "list":
            raise ClusterDenied("secrets is forbidden", remedy="allow list on secrets")

    cluster.before = fail
    shared = SharedCluster(cluster)
    shared.expect(f"team/app-{index}" for index in range(6))
    found = [await shared.get(SECRETS, f"app-{index}", "team") for index in range(6)]
    assert None not in found
    assert _asked(cluster).count("get") == 6


async def test_a_secret_that_is_no_target_is_read_each_time() -> None:
    cluster = await _cluster(["template-source"])
    shared = SharedCluster(cluster)
    shared.expect(["team/app"])
    for _ in range(2):
        assert await shared.get(SECRETS, "template-source", "team") is not None
    assert _asked(cluster) == ["get", "get"]


async def test_what_was_written_is_what_is_read_and_what_was_removed_is_gone() -> None:
    cluster = await _cluster([])
    shared = SharedCluster(cluster)
    shared.expect(["team/app"])
    assert await shared.get(SECRETS, "app", "team") is None
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app", "namespace": "team"}}
    stored = await shared.create(SECRETS, made, field_manager="program")
    cluster.requests.clear()
    assert await shared.get(SECRETS, "app", "team") == stored
    assert _asked(cluster) == []
    await shared.delete(SECRETS, "app", "team")
    assert await shared.get(SECRETS, "app", "team") is None


async def test_a_sync_that_was_refused_looks_again() -> None:
    cluster = await _cluster(["app"], labels=LABELS)
    shared = SharedCluster(cluster)
    shared.expect(["team/app"])
    targets = SharedTargets(shared)
    before = await targets.get("team", "app", certain=False)
    patch = {"metadata": {"annotations": {"by": "somebody"}}}
    await cluster.merge_patch(SECRETS, "app", "team", patch, field_manager="somebody")
    assert await targets.get("team", "app", certain=False) == before
    fresh = await targets.fresh("team", "app")
    assert fresh is not None
    assert fresh["metadata"]["annotations"] == {"by": "somebody"}
    assert await targets.get("team", "app", certain=False) == fresh

"""The recorded rules without a cluster: the same cases, straight on the engine, with the stores' own fake data.

Every case whose stores are fake ones and that plays no further step is synced on a cluster in memory and compared by
the rules of the replay, its field managers and its status included.
"""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import ExternalSecret, parse
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import EXTERNAL_SECRETS, SECRETS
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.generating import SSH_KEYS
from secretsync.sync.names import CLEANUP_FINALIZER
from secretsync.sync.status import status_patch
from secretsync.sync.stores import ClusterProviders
from secretsync.sync.synchronize import synchronize
from secretsync.sync.target import target_name
from tests.conformance.replay import compare
from tests.conformance.replay.compare import Rules
from tests.conformance.replay.vectors import NAMESPACE, Case, load

if TYPE_CHECKING:
    from secretsync.api import JsonObject

pytestmark = pytest.mark.conformance

VECTORS = Path(__file__).resolve().parent / "vectors"


def _is_pure(case: Case) -> bool:
    """Whether engine and fake store alone decide the case."""
    stores_only_fake = all("fake" in store["spec"]["provider"] for store in case.stores)
    plain = not case.optional and not any(obj["kind"] == "ExternalSecret" for obj in case.objects)
    expected = case.raw["expected"]
    events = case.raw.get("events_whole_case") or ()
    refused_by_server = any("is invalid" in event["message"] for event in events)
    settled = bool(expected.get("conditions")) and not case.steps
    return stores_only_fake and plain and settled and not refused_by_server and case.area != "stores"


CASES = [case for case in load([VECTORS]) if _is_pure(case)]


def _seeded(obj: JsonObject, index: int) -> JsonObject:
    seeded = copy.deepcopy(obj)
    seeded["metadata"] = {"generation": 1, "uid": f"uid-{index}", **seeded["metadata"]}
    if seeded["kind"] != "Namespace" and "Cluster" not in seeded["kind"]:
        seeded["metadata"].setdefault("namespace", NAMESPACE)
    texts = seeded.pop("stringData", None)
    if texts is not None:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        seeded["data"] = {**(seeded.get("data") or {}), **encoded}
    if seeded["kind"] == "Secret":
        seeded.setdefault("type", "Opaque")
    return seeded


async def _cluster(case: Case) -> MemoryCluster:
    manifests = [*case.objects, *case.stores, case.external_secret]
    cluster = MemoryCluster()
    cluster.register(SSH_KEYS)
    for index, manifest in enumerate(manifests):
        seeded = _seeded(manifest, index)
        resource = await cluster.discover(seeded["apiVersion"], seeded["kind"])
        assert resource is not None, seeded["kind"]
        await cluster.create(resource, seeded, field_manager="test-client")
    return cluster


async def _observed(cluster: MemoryCluster, external_secret: ExternalSecret) -> dict[str, Any]:
    """The state as the replay reads it."""
    live = await cluster.get(SECRETS, target_name(external_secret), NAMESPACE)
    current = await cluster.get(EXTERNAL_SECRETS, external_secret.metadata.name, NAMESPACE)
    assert current is not None
    status = current.get("status") or {}
    seen: dict[str, Any] = {"es_exists": True, "exists": live is not None}
    if live is not None:
        meta = live["metadata"]
        managers = {f"{entry['manager']}/{entry['operation']}" for entry in meta.get("managedFields") or ()}
        owners = [
            {part: ref.get(part) for part in ("kind", "name", "controller", "blockOwnerDeletion")}
            for ref in meta.get("ownerReferences") or ()
        ]
        seen |= {
            "type": live.get("type"),
            "data": live.get("data") or {},
            "immutable": live.get("immutable"),
            "labels": meta.get("labels") or {},
            "annotations": meta.get("annotations") or {},
            "finalizers": meta.get("finalizers") or [],
            "ownerRef": owners,
            "field_managers": sorted(managers),
        }
    seen["conditions"] = status.get("conditions") or []
    seen["syncedResourceVersion"] = status.get("syncedResourceVersion")
    seen["refreshTime_set"] = bool(status.get("refreshTime"))
    seen["binding"] = (status.get("binding") or {}).get("name")
    seen["es_finalizers"] = [CLEANUP_FINALIZER]
    return seen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_engine_ends_as_recorded(case: Case) -> None:
    cluster = await _cluster(case)
    raw = await cluster.get(EXTERNAL_SECRETS, case.name, NAMESPACE)
    assert raw is not None
    external_secret = parse(raw)
    assert isinstance(external_secret, ExternalSecret)
    providers = ClusterProviders(cluster)
    started = datetime.now(UTC)
    outcome = await synchronize(external_secret, cluster=cluster, fetches=FetchWindow(providers))
    patch = status_patch(external_secret, outcome, started=started, now=started)
    await cluster.merge_patch(
        EXTERNAL_SECRETS, case.name, NAMESPACE, {"status": patch}, field_manager="test", subresource="status"
    )
    seen = await _observed(cluster, external_secret)
    differences = compare.state(case.raw, case.raw["expected"], seen, Rules())
    assert not differences, "\n".join(map(str, differences))
    events = [
        {"type": "Warning" if event.warning else "Normal", "reason": str(event.reason), "message": event.message}
        for event in outcome.events
    ]
    missing, _ = compare.events(case.raw, events, Rules())
    assert not missing, "\n".join(map(str, missing))
    await providers.aclose()


def test_most_recorded_cases_are_decided_by_the_engine_alone() -> None:
    assert len(CASES) > 250

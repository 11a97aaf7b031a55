"""Waiting for ExternalSecrets: until all are Ready at their generation, or with the cause of each that is not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from components.dynamic.readiness import until_ready
from secretsync.errors import StoreNotReady
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import EXTERNAL_SECRETS

pytestmark = pytest.mark.unit


def declared(name: str, *, ready: str = "", generation: int = 1, message: str = "secret synced") -> dict[str, Any]:
    obj: dict[str, Any] = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {},
    }
    if ready:
        reason = "SecretSynced" if ready == "True" else "SecretSyncedError"
        condition = {"type": "Ready", "status": ready, "reason": reason, "message": message}
        obj["status"] = {"conditions": [condition], "syncedResourceVersion": f"{generation}-abc"}
    return obj


def warning(name: str, message: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.1", "namespace": "demo"},
        "involvedObject": {"kind": "ExternalSecret", "name": name, "namespace": "demo"},
        "type": "Warning",
        "reason": "UpdateFailed",
        "message": message,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }


async def test_it_ends_when_all_are_ready() -> None:
    cluster = MemoryCluster([declared("a", ready="True"), declared("b", ready="True")])
    await until_ready(cluster, {"demo/a": 1, "demo/b": 0}, patience=0.1)


async def test_it_waits_for_the_generation_that_was_declared() -> None:
    cluster = MemoryCluster([declared("a", ready="True", generation=1)])
    with pytest.raises(StoreNotReady, match="is Ready for generation 1, not yet for 2"):
        await until_ready(cluster, {"demo/a": 2}, patience=0.05)


async def test_it_goes_on_when_the_operator_gets_there() -> None:
    cluster = MemoryCluster([declared("a")])
    waiting = asyncio.create_task(until_ready(cluster, {"demo/a": 0}, patience=5))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    status = {"status": declared("a", ready="True")["status"]}
    await cluster.merge_patch(EXTERNAL_SECRETS, "a", "demo", status, field_manager="operator", subresource="status")
    await asyncio.wait_for(waiting, 2)


async def test_an_error_that_stays_is_told_early_with_its_cause() -> None:
    failing = declared("a", ready="False", message="could not get secret data from provider")
    cluster = MemoryCluster(
        [failing, warning("a", "spec.data[0]: secret/foo has no property x"), declared("b", ready="True")]
    )
    with pytest.raises(StoreNotReady) as caught:
        await asyncio.wait_for(until_ready(cluster, {"demo/a": 1, "demo/b": 1}, patience=60, in_error=0.05), 5)
    message = str(caught.value)
    assert "1 of 2" in message
    assert "demo/a: SecretSyncedError: could not get secret data from provider" in message
    assert "secret/foo has no property x" in message
    assert "demo/b" not in message


async def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(StoreNotReady, match="ExternalSecret demo/gone: does not exist"):
        await until_ready(MemoryCluster([]), {"demo/gone": 1}, patience=0.05)

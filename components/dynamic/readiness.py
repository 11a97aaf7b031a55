"""A resource that is made when all ExternalSecrets it names are Ready."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from components.dynamic.waiting import WaitingProvider
from secretsync.errors import StoreNotReady
from secretsync.kube.resources import EVENTS, EXTERNAL_SECRETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.kube.protocol import Cluster

_PATIENCE = 120.0
_IN_ERROR = 30.0
_ERROR = "SecretSyncedError"
_POLL = 0.25


class ReadinessProvider(WaitingProvider):
    """Waits until every ExternalSecret is Ready at its generation."""

    _deadline = _PATIENCE + 30

    def _asked(self, props: Mapping[str, Any]) -> dict[str, int]:
        return {name: int(generation) for name, generation in (props.get("generations") or {}).items()}

    async def _until(self, cluster: Cluster, props: Mapping[str, Any]) -> dict[str, Any]:
        generations = self._asked(props)
        await until_ready(cluster, generations)
        return {"generations": generations, "ready": sorted(generations)}


async def until_ready(
    cluster: Cluster, generations: Mapping[str, int], *, patience: float = _PATIENCE, in_error: float = _IN_ERROR
) -> None:
    """Wait until every ExternalSecret is Ready at its generation.

    Args:
        cluster: where they are.
        generations: identity ``namespace/name`` → generation; 0 for any.
        patience: seconds to wait at most.
        in_error: seconds after which it is enough that all the operator has to say of the rest is an error.

    Raises:
        StoreNotReady: some are not; each with the cause that its last event names.
    """
    start = time.monotonic()
    waiting = dict.fromkeys(generations, "has no condition yet")
    while waiting:
        waiting = await _not_ready(cluster, waiting, generations)
        seconds = time.monotonic() - start
        failed = all(why.startswith(_ERROR) for why in waiting.values())
        if waiting and seconds > (min(in_error, patience) if failed else patience):
            causes = [f"ExternalSecret {name}: {why}{await _cause(cluster, name)}" for name, why in waiting.items()]
            raise StoreNotReady(
                f"{len(waiting)} of {len(generations)} are not Ready after {seconds:.0f} s:\n  "
                + "\n  ".join(sorted(causes))
                + "\n",
                place="ExternalSecrets of the operator lane",
                remedy="mend what is named, then run again",
            )
        if waiting:
            await asyncio.sleep(_POLL)


async def _cause(cluster: Cluster, identity: str) -> str:
    """What the last warning on an ExternalSecret says; events never hold values."""
    namespace, _, name = identity.partition("/")
    selector = f"involvedObject.kind=ExternalSecret,involvedObject.name={name}"
    events = (await cluster.list(EVENTS, namespace, field_selector=selector)).items
    warnings = [event for event in events if event.get("type") == "Warning"]
    if not warnings:
        return ""
    last = max(warnings, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return f" ({last.get('message')})"


async def _not_ready(client: Cluster, waiting: Mapping[str, str], generations: Mapping[str, int]) -> dict[str, str]:
    namespaces = {name.partition("/")[0] for name in waiting}
    live: dict[str, Mapping[str, Any]] = {}
    for namespace in sorted(namespaces):
        for item in (await client.list(EXTERNAL_SECRETS, namespace)).items:
            live[f"{namespace}/{item['metadata']['name']}"] = item
    return {name: why for name in waiting if (why := _why_not(live.get(name), generations[name]))}


def _why_not(item: Mapping[str, Any] | None, generation: int) -> str:
    if item is None:
        return "does not exist"
    status = item.get("status") or {}
    ready = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), None)
    if ready is None:
        return "has no condition yet"
    if ready.get("status") != "True":
        return f"{ready.get('reason')}: {ready.get('message')}"
    synced = str(status.get("syncedResourceVersion") or "").partition("-")[0]
    if synced.isdigit() and int(synced) < generation:
        return f"is Ready for generation {synced}, not yet for {generation}"
    return ""


class ReadyExternalSecrets(Resource, module="external-secrets", name="ReadyExternalSecrets"):
    """ExternalSecrets that were Ready, each at its generation, when this resource was made or updated."""

    ready: pulumi.Output[list[str]]
    """Identities ``namespace/name``, sorted."""

    _readiness: ClassVar[ResourceProvider] = ReadinessProvider()

    def __init__(
        self,
        name: str,
        generations: Mapping[str, pulumi.Input[int]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(self._readiness, name, {"generations": generations, "ready": None}, opts)

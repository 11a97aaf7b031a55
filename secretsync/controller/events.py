"""Events on ExternalSecrets: written in the background, repeated ones counted up, a bounded number waiting."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from secretsync.errors import ClusterError
from secretsync.kube.resources import EVENTS
from secretsync.sync.names import CONTROLLER_MANAGER
from secretsync.sync.status import format_time

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret, JsonObject
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.types import Event

log = logging.getLogger(__name__)

_WAITING = 10_000
_REMEMBERED = 4096
_MESSAGE_LIMIT = 1024
_REPEAT_AFTER = 60.0
"""Seconds between two writes of the same event on the same object."""
_SOURCE = "external-secrets"

_Identity = tuple[str, str, str]


@dataclass(slots=True)
class _Written:
    name: str
    namespace: str
    count: int
    at: float


class EventRecorder:
    """Writes events without anybody waiting for them."""

    def __init__(self, cluster: Cluster, *, writers: int = 4) -> None:
        self._cluster = cluster
        self._writers = writers
        self._queue: asyncio.Queue[tuple[_Identity, JsonObject]] = asyncio.Queue(_WAITING)
        self._written: OrderedDict[_Identity, _Written] = OrderedDict()
        self.dropped = 0

    def record(self, external_secret: ExternalSecret, event: Event) -> None:
        """Write an event soon; dropped, and counted, where thousands are waiting already."""
        meta = external_secret.metadata
        identity = (meta.uid, event.reason, event.message)
        known = self._written.get(identity)
        if known is not None and time.monotonic() - known.at < _REPEAT_AFTER:
            known.count += 1
            return
        try:
            self._queue.put_nowait((identity, _object(external_secret, event)))
        except asyncio.QueueFull:
            self.dropped += 1
            return
        if known is None:
            self._written[identity] = _Written("", meta.namespace, 1, time.monotonic())
            while len(self._written) > _REMEMBERED:
                self._written.popitem(last=False)
        else:
            known.count += 1
            known.at = time.monotonic()

    async def run(self) -> None:
        """Write for ever."""
        await asyncio.gather(*(self._write() for _ in range(self._writers)))

    async def drain(self) -> None:
        """Write what is waiting, once nothing new comes in."""
        while not self._queue.empty():
            await self._write_one(*self._queue.get_nowait())

    async def _write(self) -> None:
        while True:
            await self._write_one(*await self._queue.get())

    async def _write_one(self, identity: _Identity, event: JsonObject) -> None:
        known = self._written.get(identity)
        try:
            if known is not None and known.name:
                patch = {"count": known.count, "lastTimestamp": event["lastTimestamp"]}
                await self._cluster.merge_patch(
                    EVENTS, known.name, known.namespace, patch, field_manager=CONTROLLER_MANAGER
                )
            else:
                await self._cluster.create(EVENTS, event, field_manager=CONTROLLER_MANAGER)
                if known is not None:
                    known.name = event["metadata"]["name"]
        except ClusterError as error:
            self._written.pop(identity, None)
            log.debug("cannot write an event: %s", error)


def _object(external_secret: ExternalSecret, event: Event) -> JsonObject:
    meta = external_secret.metadata
    now = format_time(datetime.now(UTC))
    suffix = secrets.token_hex(8)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name[:235]}.{suffix}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": external_secret.api_version,
            "kind": external_secret.kind,
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
        "type": "Warning" if event.warning else "Normal",
        "reason": str(event.reason),
        "message": event.message[:_MESSAGE_LIMIT],
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": _SOURCE},
        "reportingComponent": _SOURCE,
    }

"""When targets appear and ExternalSecrets become ready, seen by watches."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self

from bench.errors import BenchError
from secretsync.kube.protocol import WatchExpired
from secretsync.kube.resources import EXTERNAL_SECRETS, SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from types import TracebackType

    from bench.load.controller import Controller
    from secretsync.api import JsonObject
    from secretsync.kube.client import KubeClient
    from secretsync.kube.resources import Resource

_LOOK_SECONDS = 1.0
"""How often it is looked whether the controller lives, when nothing happens."""


class Follower:
    """Follows the Secrets and ExternalSecrets of a namespace; ``async with`` begins with what is there.

    Attributes:
        right: monotonic time when a target was first seen with what is expected of it, by name.
        ready: monotonic time when an ExternalSecret was first seen ready, by name.

    Args:
        cluster: the API server.
        namespace: where.
    """

    def __init__(self, cluster: KubeClient, namespace: str) -> None:
        self.right: dict[str, float] = {}
        self.ready: dict[str, float] = {}
        self._cluster = cluster
        self._namespace = namespace
        self._expected: dict[str, Mapping[str, str]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        for resource, see in ((SECRETS, self._see_secret), (EXTERNAL_SECRETS, self._see_external_secret)):
            version = await self._list(resource, see)
            self._tasks.append(asyncio.create_task(self._follow(resource, see, version)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def expect(self, targets: Mapping[str, Mapping[str, str]]) -> None:
        """From now on these targets are right when their ``data`` is this; only what is seen afterwards counts."""
        for name, data in targets.items():
            self._expected[name] = data
            self.right.pop(name, None)

    def all_right(self, names: list[str]) -> bool:
        """Whether all these targets were seen to be right."""
        return all(name in self.right for name in names)

    async def until(self, condition: Callable[[], bool], patience: timedelta, controller: Controller) -> bool:
        """Waits for a condition on what was seen.

        Returns:
            Whether it came true in time.

        Raises:
            BenchError: the controller ended.
            ClusterError: a watch broke for good.
        """
        deadline = time.monotonic() + patience.total_seconds()
        while not condition():
            for task in self._tasks:
                if task.done():
                    task.result()
            if not controller.alive:
                raise BenchError("it ended too early", place="the controller", remedy="read its log")
            if time.monotonic() > deadline:
                return False
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), _LOOK_SECONDS)
            except TimeoutError:
                continue
        return True

    async def _list(self, resource: Resource, see: Callable[[JsonObject], None]) -> str:
        listing = await self._cluster.list(resource, self._namespace)
        for item in listing.items:
            see(item)
        return listing.resource_version

    async def _follow(self, resource: Resource, see: Callable[[JsonObject], None], version: str) -> None:
        while True:
            try:
                async for event in self._cluster.watch(resource, self._namespace, resource_version=version):
                    if event.type in {"ADDED", "MODIFIED"}:
                        see(event.object)
            except WatchExpired:
                version = await self._list(resource, see)

    def _see_secret(self, secret: JsonObject) -> None:
        name = secret["metadata"]["name"]
        if name in self._expected and name not in self.right and (secret.get("data") or {}) == self._expected[name]:
            self.right[name] = time.monotonic()
            self._changed.set()

    def _see_external_secret(self, external_secret: JsonObject) -> None:
        name = external_secret["metadata"]["name"]
        conditions = (external_secret.get("status") or {}).get("conditions") or ()
        if name not in self.ready and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
            self.ready[name] = time.monotonic()
            self._changed.set()

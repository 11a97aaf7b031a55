"""One pod on the node: its folder, volumes and containers, and its status as the API server has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.node import log_file, status
from local.node.addresses import pod_address
from local.node.api import Api, ApiError, JsonObject, pod_path
from local.node.container import Container, Surroundings, remembered
from local.node.environment import ContainerConfigError
from local.node.pod import Images, identity
from local.node.volumes import Sources, Token, Volumes, token_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import aiohttp

    from local.node.backoff import BackOff
    from local.node.events import Events

_REFRESH_SECONDS = 30.0
_RETRY_SECONDS = 2.0
_SETTLE_SECONDS = 0.02
_DEFAULT_GRACE_SECONDS = 30
_FORCED_GRACE_SECONDS = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """What a pod needs of its node.

    Attributes:
        api: The API server.
        name: The node's name.
        pods: The folder of pods' folders.
        logs: The folder of log files.
        images: Which images are known.
        back_off: How restarts are spaced.
        session: For probes.
        events: Where events go.
    """

    api: Api
    name: str
    pods: Path
    logs: Path
    images: Images
    back_off: BackOff
    session: aiohttp.ClientSession
    events: Events


class PodWorker:
    """Runs one pod until it is finished, deleted, or the node stops.

    Args:
        pod: The pod, bound to this node.
        node: The node.
        ended: Called once, when there is nothing left to do for it.
    """

    def __init__(self, pod: JsonObject, node: Node, ended: Callable[[str], None]) -> None:
        self._pod = pod
        self._node = node
        self._ended = ended
        self._changed = asyncio.Event()
        self._started_at = datetime.now(UTC)
        self._address = pod_address(self.uid)
        self._folder = node.pods / self.uid
        self._volumes = Volumes(
            pod,
            self._folder / "volumes",
            Sources(self._read, self._token, node.api.connection.certificate_authority, self._address),
        )
        self._written: JsonObject | None = None
        self._deleting = False
        self._gone = False
        self._stopping: asyncio.Task[None] | None = None
        self._containers = self._make_containers()
        self._running = asyncio.create_task(self._run(), name=f"pod {identity(pod)}")

    @property
    def uid(self) -> str:
        """The pod's uid."""
        return str(self._pod["metadata"]["uid"])

    def update(self, pod: JsonObject) -> None:
        """Takes notice of the pod as it is now."""
        self._pod = pod
        self._changed.set()
        if pod["metadata"].get("deletionTimestamp") and not self._deleting:
            self._deleting = True
            grace = pod["metadata"].get("deletionGracePeriodSeconds")
            if grace is None:
                grace = pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
            self._stop(float(grace))

    def gone(self) -> None:
        """Takes notice that the pod no longer exists: its processes end now."""
        self._gone = True
        self._stop(_FORCED_GRACE_SECONDS)

    async def stop(self, longest_grace: float) -> None:
        """Ends the pod's processes because the node stops; the pod stays, to be run again."""
        grace = self._pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
        self._stop(min(float(grace), longest_grace))
        await asyncio.wait([self._running])

    def _stop(self, grace: float) -> None:
        if self._stopping is None or self._gone:
            self._stopping = asyncio.create_task(self._stop_containers(grace))

    async def _stop_containers(self, grace: float) -> None:
        await asyncio.gather(*(container.stop(grace) for container in self._containers))

    def _make_containers(self) -> list[Container]:
        node = self._node
        around = Surroundings(
            pod=self._pod,
            folder=self._folder,
            logs=node.logs,
            images=node.images,
            volumes=self._volumes,
            read=self._read,
            address=self._address,
            server=(node.api.connection.host, node.api.connection.port),
            back_off=node.back_off,
            session=node.session,
            events=node.events,
        )
        now = datetime.now(UTC)
        return [
            Container(
                spec,
                around,
                remembered(spec, self._pod, f"python-module://{node.images.module(spec['image'])}", now=now),
                self._changed.set,
            )
            for spec in self._pod["spec"]["containers"]
        ]

    async def _run(self) -> None:
        self._changed.set()
        writing = asyncio.create_task(self._keep_status(), name=f"status of {identity(self._pod)}")
        refreshing: asyncio.Task[None] | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            log_file.prune(self._node.logs)
            await self._make_volumes()
            refreshing = asyncio.create_task(self._refresh_volumes(), name=f"volumes of {identity(self._pod)}")
            await asyncio.gather(*(container.run() for container in self._containers))
        except Exception:
            logger.exception("pod %s: given up", identity(self._pod))
        finally:
            for task in filter(None, (writing, refreshing)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            shutil.rmtree(self._folder, ignore_errors=True)
            await self._finish()
            self._ended(self.uid)

    async def _finish(self) -> None:
        """Leaves the pod as it is now: its last status written and, if it was being deleted, deleted."""
        if self._gone:
            return
        try:
            await self._write_status()
            if self._deleting:
                await self._node.api.delete(pod_path(self._pod), uid=self.uid, grace_seconds=0)
        except ApiError as error:
            logger.warning("pod %s: %s", identity(self._pod), error)

    async def _make_volumes(self) -> None:
        """Makes the volumes; waits for what does not exist yet."""
        while self._stopping is None:
            try:
                await self._volumes.write()
            except (ApiError, ContainerConfigError, OSError) as error:
                problem = getattr(error, "problem", type(error).__name__)
                await self._node.events.tell(self._pod, "FailedMount", f"volumes: {problem}", warning=True)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _refresh_volumes(self) -> None:
        """Renews tokens before they expire, and follows ConfigMaps and Secrets."""
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            try:
                await self._volumes.write()
            except (ApiError, ContainerConfigError, OSError) as error:
                logger.warning("pod %s: volumes not refreshed: %s", identity(self._pod), error)

    async def _keep_status(self) -> None:
        while True:
            await self._changed.wait()
            # What happens together is written together.
            await asyncio.sleep(_SETTLE_SECONDS)
            self._changed.clear()
            try:
                await self._write_status()
            except ApiError as error:
                if error.lasting:
                    logger.warning("pod %s: status refused: %s", identity(self._pod), error)
                    continue
                self._changed.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _write_status(self) -> None:
        wanted = status.compute(
            self._pod,
            [container.snapshot for container in self._containers],
            now=datetime.now(UTC),
            ip=self._address,
            started_at=self._started_at,
        )
        if wanted == self._written:
            return
        body = {"metadata": {"uid": self.uid}, "status": wanted}
        answer = await self._node.api.patch(pod_path(self._pod, "status"), body)
        self._pod = {**self._pod, "status": answer["status"]}
        self._written = wanted

    async def _read(self, kind: str, name: str) -> JsonObject | None:
        plural = {"Secret": "secrets", "ConfigMap": "configmaps"}[kind]
        obj = await self._node.api.get(f"/api/v1/namespaces/{self._pod['metadata']['namespace']}/{plural}/{name}")
        return None if obj is None else obj | {"kind": kind}

    async def _token(self, audiences: list[str], seconds: int) -> Token:
        metadata = self._pod["metadata"]
        account = self._pod["spec"].get("serviceAccountName") or "default"
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        answer = await self._node.api.create(
            f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound},
            },
        )
        return token_from(answer, now=datetime.now(UTC))

"""The node's main loop: which pods there are, which of them it runs."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp

from local.errors import NodeError
from local.node import process, status
from local.node.api import Api, ApiError, JsonObject, WatchExpired, pod_path
from local.node.backoff import BackOff
from local.node.events import Events
from local.node.pod import Images, identity, is_finished, unsupported
from local.node.registration import Registration
from local.node.worker import Node, PodWorker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.node.kubeconfig import Connection

_PODS = "/api/v1/pods"
_SCHEDULER = "default-scheduler"
_LONGEST_PAUSE_SECONDS = 10.0
_CONFLICT = 409
_NOT_FOUND = 404

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the node is told.

    Attributes:
        connection: The API server and who the node is there.
        data: Its folder: pods' folders while they run, logs (``logs/<namespace>_<pod>_<container>.log``).
        images: Which images it runs.
        name: Its name.
        back_off: How restarts are spaced.
        longest_grace: The most seconds a container gets to end when the node itself stops.
    """

    connection: Connection
    data: Path
    images: Images
    name: str = "local"
    back_off: BackOff = field(default_factory=BackOff)
    longest_grace: float = 8.0


class Agent:
    """The node.

    Args:
        settings: What it is told.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers: dict[str, PodWorker] = {}
        self._refused: dict[str, str] = {}
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Asks `run` to end: containers are ended, pods stay."""
        self._stop.set()

    async def run(self) -> None:
        """Registers, then runs pods until `stop`.

        Raises:
            NodeError: Another node uses the data folder.
            ApiError: The API server did not let the node register.
        """
        settings = self._settings
        pods, logs = settings.data / "pods", settings.data / "logs"
        for folder in (settings.data, pods, logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        with _alone(settings.data):
            for ended in process.end_left_over(pods):
                logger.info("ended what an earlier node left running: %s", ended)
            async with Api(settings.connection) as api, aiohttp.ClientSession() as session:
                node = Node(
                    api=api,
                    name=settings.name,
                    pods=pods,
                    logs=logs,
                    images=settings.images,
                    back_off=settings.back_off,
                    session=session,
                    events=Events(api, settings.name),
                )
                await self._run(node)

    async def _run(self, node: Node) -> None:
        registration = Registration(node.api, node.name, node.images.modules)
        await registration.register()
        logger.info("node %s is ready", node.name)
        tasks: list[asyncio.Task[None]] = [
            asyncio.create_task(registration.keep(), name="lease"),
            asyncio.create_task(self._follow(node, registration), name="pods"),
        ]
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            # The others never end by themselves; if one fails, so does the node.
            done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (stopped, *tasks):
                task.cancel()
            await asyncio.gather(stopped, *tasks, return_exceptions=True)
            await asyncio.gather(*(worker.stop(self._settings.longest_grace) for worker in self._workers.values()))
            with contextlib.suppress(ApiError):
                await registration.say(ready=False)
            logger.info("node %s has stopped", node.name)

    async def _follow(self, node: Node, registration: Registration) -> None:
        """Lists pods, then follows their changes; begins anew whenever that breaks off."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            pause = min(max(pause * 2, 0.5), _LONGEST_PAUSE_SECONDS)
            try:
                pods, version = await node.api.list(_PODS)
                for uid in set(self._workers) - {pod["metadata"]["uid"] for pod in pods}:
                    self._workers[uid].gone()
                for pod in pods:
                    await self._consider(pod, node, registration)
                async for kind, obj in node.api.watch(_PODS, version):
                    pause = 0.0
                    if kind == "DELETED":
                        self._forget(obj)
                    elif kind != "BOOKMARK":
                        await self._consider(obj, node, registration)
                pause = 0.0
            except WatchExpired:
                pause = 0.0
            except ApiError as error:
                logger.warning("pods cannot be followed, trying again in %.1f s: %s", pause, error)

    def _forget(self, pod: JsonObject) -> None:
        uid = pod["metadata"]["uid"]
        self._refused.pop(uid, None)
        if worker := self._workers.get(uid):
            worker.gone()

    async def _consider(self, pod: JsonObject, node: Node, registration: Registration) -> None:
        """Takes notice of a pod; what the API server refuses for this one does not keep the others waiting."""
        try:
            await self._take_notice(pod, node, registration)
        except ApiError as error:
            if not error.lasting:
                raise
            logger.warning("pod %s: %s", identity(pod), error)

    async def _take_notice(self, pod: JsonObject, node: Node, registration: Registration) -> None:
        """Does what a pod, as it is now, asks for."""
        uid = pod["metadata"]["uid"]
        if worker := self._workers.get(uid):
            worker.update(pod)
            return
        assigned = pod["spec"].get("nodeName", "")
        mine = assigned == node.name
        if mine and pod["metadata"].get("deletionTimestamp"):
            # It was being deleted when the node ended, or has run to its end: no process of it is left.
            await node.api.delete(pod_path(pod), uid=uid, grace_seconds=0)
            return
        if is_finished(pod) or (assigned and not mine) or pod["metadata"].get("deletionTimestamp"):
            return
        if not assigned and pod["spec"].get("schedulerName", _SCHEDULER) != _SCHEDULER:
            return
        reasons = unsupported(pod, node.images, registration.labels)
        if reasons:
            await self._refuse(pod, "; ".join(reasons), node)
        elif mine:
            self._workers[uid] = PodWorker(pod, node, self._ended)
        else:
            await _bind(pod, node)

    def _ended(self, uid: str) -> None:
        self._workers.pop(uid, None)

    async def _refuse(self, pod: JsonObject, message: str, node: Node) -> None:
        """Leaves a pod Pending and says why, once."""
        uid = pod["metadata"]["uid"]
        if self._refused.get(uid) == message:
            return
        wanted = status.unscheduled(pod, message, now=datetime.now(UTC))
        try:
            await node.api.patch(pod_path(pod, "status"), {"metadata": {"uid": uid}, "status": wanted})
        except ApiError as error:
            if error.status not in (_CONFLICT, _NOT_FOUND):
                raise
            return
        await node.events.tell(pod, "FailedScheduling", message, warning=True)
        self._refused[uid] = message


async def _bind(pod: JsonObject, node: Node) -> None:
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node.name},
    }
    try:
        await node.api.create(pod_path(pod, "binding"), binding)
    except ApiError as error:
        # Bound by somebody else, or gone: the watch tells.
        if error.status not in (_CONFLICT, _NOT_FOUND):
            raise
        return
    await node.events.tell(pod, "Scheduled", f"Successfully assigned {identity(pod)} to {node.name}")


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Holds the data folder's lock; it ends with the process."""
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NodeError(
                "another node uses this folder", place=str(data), remedy="stop it, or name another folder"
            ) from None
        yield
    finally:
        os.close(descriptor)

"""One container of a pod: started, watched by its probes, started again, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.layout import PROJECT
from local.node import environment, process
from local.node.addresses import taken_port
from local.node.api import ApiError, JsonObject
from local.node.environment import ContainerConfigError, Read
from local.node.pod import SERVICE_ACCOUNT_MOUNT, Images, identity
from local.node.probes import Probe, watch
from local.node.process import CannotStart, Process, Start
from local.node.status import ContainerSnapshot, Running, Terminated, Waiting, terminated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import aiohttp

    from local.node.backoff import BackOff
    from local.node.events import Events
    from local.node.volumes import Volumes

SERVICE_ACCOUNT_DIRECTORY = "KUBERNETES_SERVICE_ACCOUNT_DIRECTORY"
"""Tells the process where token, ca.crt and namespace lie: it has no file system with the usual place in it."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LOCAL_ENVIRONMENT_PART", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED")
_STARTUP_GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the containers of a pod have in common.

    Attributes:
        pod: The pod.
        folder: The pod's own folder.
        logs: The folder of log files.
        images: Which images are known.
        volumes: The pod's volumes.
        read: Reads Secrets and ConfigMaps of its namespace.
        address: The pod's address.
        server: Host and port of the API server, as the pod is told them.
        back_off: How restarts are spaced.
        session: For probes.
        events: Where events go.
    """

    pod: JsonObject
    folder: Path
    logs: Path
    images: Images
    volumes: Volumes
    read: Read
    address: str
    server: tuple[str, int]
    back_off: BackOff
    session: aiohttp.ClientSession
    events: Events


class Container:
    """Runs one container as long as its pod's restart policy says.

    Args:
        spec: The container as the pod has it.
        around: What it shares with the pod's other containers.
        before: What it was when the node last ran; a fresh one for a new pod.
        changed: Called whenever the snapshot is another.
    """

    def __init__(
        self, spec: JsonObject, around: Surroundings, before: ContainerSnapshot, changed: Callable[[], None]
    ) -> None:
        self._spec = spec
        self._around = around
        self._changed = changed
        self._ending = asyncio.Event()
        self._process: Process | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._ended_in_a_row = 0
        self.snapshot = before

    @property
    def log(self) -> Path:
        """Where its output goes."""
        metadata = self._around.pod["metadata"]
        return self._around.logs / f"{metadata['namespace']}_{metadata['name']}_{self._spec['name']}.log"

    async def run(self) -> None:
        """Runs it, again and again if need be; returns when it will not run any more."""
        policy = self._around.pod["spec"].get("restartPolicy", "Always")
        while not self._ending.is_set() and not _is_over(self.snapshot, policy):
            await self._back_off()
            if self._ending.is_set():
                return
            running = await self._start()
            if running is not None:
                await self._attend(running)

    async def stop(self, grace_seconds: float) -> None:
        """Ends it for good. `run` returns once it has ended."""
        self._ending.set()
        if self._process is not None:
            await self._tell("Killing", f"Stopping container {self._spec['name']}")
            await self._process.stop(grace_seconds)

    async def _back_off(self) -> None:
        delay = self._around.back_off.delay(self._ended_in_a_row)
        if delay:
            message = f"back-off {delay:g}s restarting failed container={self._spec['name']} pod={self._name}"
            self._become(Waiting("CrashLoopBackOff", message))
            await self._tell("BackOff", f"Back-off restarting failed container {self._spec['name']}", warning=True)
            await self._pause(delay)

    async def _start(self) -> Process | None:
        try:
            how = await self._how()
            ports = [int(port["containerPort"]) for port in self._spec.get("ports") or []]
            taken = taken_port(self._around.address, ports)
            if taken is None:
                return await process.start(how)
            waiting = Waiting(
                "PortTaken",
                f"port {taken} of {self._around.address} is in use; stop whoever listens there, or choose another port",
            )
        except ContainerConfigError as error:
            waiting = Waiting("CreateContainerConfigError", error.problem)
        except (CannotStart, ApiError) as error:
            waiting = Waiting("CreateContainerError", str(error))
        self._become(waiting)
        await self._tell("Failed", f"{waiting.reason}: {waiting.message}", warning=True)
        await self._pause(self._around.back_off.base)
        return None

    async def _how(self) -> Start:
        spec, around = self._spec, self._around
        folder = around.folder / spec["name"]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mounts = around.volumes.mounts(spec)
        declared = (await environment.resolve(spec, around.pod, read=around.read, ip=around.address)).values
        in_cluster = _in_cluster(around, mounts)
        command = environment.command_line(
            spec, around.images.module(spec["image"]) or "", sys.executable, in_cluster | dict(declared)
        )
        return Start(
            command=[command[0], *(environment.on_volumes(part, mounts) for part in command[1:])],
            environment=_machine(folder, around.pod, mounts)
            | in_cluster
            | {name: environment.on_volumes(value, mounts) for name, value in declared.items()},
            folder=folder,
            log=self.log,
        )

    async def _attend(self, running: Process) -> None:
        """Follows one run from its start to its end."""
        self._process = running
        started_at = datetime.now(UTC)
        again = self.snapshot.last is not None or isinstance(self.snapshot.state, Terminated)
        self._become(
            Running(started_at, running.container_id),
            restarts=self.snapshot.restarts + (1 if again else 0),
            started="startupProbe" not in self._spec,
            ready="startupProbe" not in self._spec and "readinessProbe" not in self._spec,
        )
        probing = asyncio.create_task(self._probe(running), name=f"probes of {self._name}")
        try:
            # A stop that came while the process was being started found none to end.
            if self._ending.is_set():
                await running.stop(0)
            await self._tell("Started", f"Started container {self._spec['name']}")
            code = await running.wait()
        finally:
            probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await probing
            self._process = None
        finished_at = datetime.now(UTC)
        ran = (finished_at - started_at).total_seconds()
        self._ended_in_a_row = self._around.back_off.ended_in_a_row(self._ended_in_a_row, ran)
        self._become(
            terminated(
                code,
                started_at=started_at,
                finished_at=finished_at,
                container_id=running.container_id,
                log=str(self.log),
            )
        )

    async def _probe(self, running: Process) -> None:
        probes = {
            kind: Probe.read(self._spec[kind], self._spec.get("ports") or [], address=self._around.address)
            for kind in ("startupProbe", "livenessProbe", "readinessProbe")
            if self._spec.get(kind)
        }
        session = self._around.session

        async def started(good: bool, reason: str) -> bool:  # noqa: FBT001  the watch's callback
            if good:
                self._become(None, started=True, ready="readinessProbe" not in probes)
                return True
            return await self._end_unhealthy(running, "startup", reason)

        async def alive(good: bool, reason: str) -> bool:  # noqa: FBT001  the watch's callback
            return not good and await self._end_unhealthy(running, "liveness", reason)

        async def ready(good: bool, _reason: str) -> bool:  # noqa: FBT001  the watch's callback
            self._become(None, ready=good)
            return False

        if probe := probes.get("startupProbe"):
            await watch(probe, session, good=False, on_verdict=started, on_failure=self._unhealthy("Startup"))
            if not self.snapshot.started:
                return
        async with asyncio.TaskGroup() as watches:
            if probe := probes.get("livenessProbe"):
                watches.create_task(
                    watch(probe, session, good=True, on_verdict=alive, on_failure=self._unhealthy("Liveness"))
                )
            if probe := probes.get("readinessProbe"):
                watches.create_task(
                    watch(probe, session, good=False, on_verdict=ready, on_failure=self._unhealthy("Readiness"))
                )

    async def _end_unhealthy(self, running: Process, kind: str, reason: str) -> bool:
        await self._tell("Killing", f"Container {self._spec['name']} failed {kind} probe ({reason}), will be restarted")
        grace = self._around.pod["spec"].get("terminationGracePeriodSeconds", _STARTUP_GRACE_SECONDS)
        await running.stop(grace)
        return True

    def _unhealthy(self, kind: str) -> Callable[[str], None]:
        def tell(reason: str) -> None:
            telling = asyncio.create_task(self._tell("Unhealthy", f"{kind} probe failed: {reason}", warning=True))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

        return tell

    async def _tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        await self._around.events.tell(self._around.pod, reason, message, warning=warning)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    def _become(
        self,
        state: Waiting | Running | Terminated | None,
        *,
        restarts: int | None = None,
        started: bool = False,
        ready: bool = False,
    ) -> None:
        """Moves to another state, or, with None, changes what a running container is found to be."""
        before = self.snapshot
        if state is None:
            after = replace(before, started=started or before.started, ready=ready)
        else:
            last = before.state if isinstance(before.state, Terminated) else before.last
            restarted = before.restarts if restarts is None else restarts
            after = replace(before, state=state, last=last, restarts=restarted, started=started, ready=ready)
        if after != before:
            self.snapshot = after
            self._changed()

    @property
    def _name(self) -> str:
        return f"{identity(self._around.pod)}/{self._spec['name']}"


def remembered(spec: JsonObject, pod: JsonObject, image_id: str, *, now: datetime) -> ContainerSnapshot:
    """What a container is when the node takes up its pod: new, or one that an earlier node left.

    How one ended that ran under an earlier node is not known; the kubelet says ``ContainerStatusUnknown`` then.
    """
    fresh = ContainerSnapshot(spec["name"], spec["image"], image_id, Waiting("ContainerCreating"))
    statuses = pod.get("status", {}).get("containerStatuses") or []
    status = next((status for status in statuses if status["name"] == spec["name"]), None)
    if status is None:
        return fresh
    restarts = int(status.get("restartCount", 0))
    state, last = status.get("state") or {}, status.get("lastState") or {}
    if ended := state.get("terminated"):
        return replace(fresh, state=_read_terminated(ended, now), restarts=restarts)
    if running := state.get("running"):
        unknown = Terminated(
            exit_code=137,
            signal=0,
            reason="ContainerStatusUnknown",
            message="the node was started again",
            started_at=datetime.fromisoformat(running["startedAt"]),
            finished_at=now,
            container_id=status.get("containerID", ""),
        )
        return replace(fresh, last=unknown, restarts=restarts)
    known = _read_terminated(last["terminated"], now) if "terminated" in last else None
    return replace(fresh, last=known, restarts=restarts)


def _read_terminated(ended: JsonObject, now: datetime) -> Terminated:
    started, finished = ended.get("startedAt"), ended.get("finishedAt")
    return Terminated(
        exit_code=int(ended["exitCode"]),
        signal=int(ended.get("signal", 0)),
        reason=ended.get("reason", ""),
        message=ended.get("message", ""),
        started_at=datetime.fromisoformat(started) if started else None,
        finished_at=datetime.fromisoformat(finished) if finished else now,
        container_id=ended.get("containerID", ""),
    )


def _is_over(snapshot: ContainerSnapshot, policy: str) -> bool:
    """Whether a container that ended stays ended."""
    state = snapshot.state
    if not isinstance(state, Terminated) or policy == "Always":
        return False
    return policy == "Never" or state.exit_code == 0


def _machine(folder: Path, pod: JsonObject, mounts: Mapping[str, str]) -> dict[str, str]:
    """What a process needs of this machine; nothing else of the node's environment reaches it."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
        "HOME": str(folder),
        "TMPDIR": mounts.get("/tmp", str(folder)),  # noqa: S108  the mount path of a volume
        "HOSTNAME": pod["metadata"]["name"],
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
    }


def _in_cluster(around: Surroundings, mounts: Mapping[str, str]) -> dict[str, str]:
    host, port = around.server
    variables = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}
    if SERVICE_ACCOUNT_MOUNT in mounts:
        variables[SERVICE_ACCOUNT_DIRECTORY] = mounts[SERVICE_ACCOUNT_MOUNT]
    return variables

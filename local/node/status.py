"""A pod's status, computed from what its containers do. Nothing here reads a clock or the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.node.addresses import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from local.node.api import JsonObject


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not running yet, or not again yet.

    Attributes:
        reason: ``ContainerCreating``, ``CrashLoopBackOff``, ``CreateContainerConfigError``, ``PortTaken``.
        message: For a person.
    """

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """Running since a moment."""

    started_at: datetime
    container_id: str


@dataclass(frozen=True, slots=True)
class Terminated:
    """Ended.

    Attributes:
        exit_code: As a shell says it: 128 and the signal's number if a signal ended it.
        signal: That number, or 0.
        reason: ``Completed``, ``Error`` or ``ContainerStatusUnknown``.
        message: For a person.
        started_at: When it was started; None if that is not known.
        finished_at: When it ended.
        container_id: Which run it was.
    """

    exit_code: int
    signal: int
    reason: str
    message: str
    started_at: datetime | None
    finished_at: datetime
    container_id: str


@dataclass(frozen=True, slots=True)
class ContainerSnapshot:
    """What one container does at a moment.

    Attributes:
        name: Its name.
        image: Its image reference.
        image_id: What runs for it.
        state: What it does.
        last: How it ended the last time it did, if it ran again or is about to.
        restarts: How often it was started again.
        started: Whether it is up, as its startup probe sees it.
        ready: Whether it serves, as its readiness probe sees it.
    """

    name: str
    image: str
    image_id: str
    state: Waiting | Running | Terminated
    last: Terminated | None = None
    restarts: int = 0
    started: bool = False
    ready: bool = False


def terminated(
    returncode: int, *, started_at: datetime, finished_at: datetime, container_id: str, log: str
) -> Terminated:
    """How a process ended, from the code `subprocess` gives (negative for a signal)."""
    signal = max(0, -returncode)
    return Terminated(
        exit_code=128 + signal if signal else returncode,
        signal=signal,
        reason="Error" if returncode else "Completed",
        message=f"log: {log}" if returncode else "",
        started_at=started_at,
        finished_at=finished_at,
        container_id=container_id,
    )


def phase(snapshots: Sequence[ContainerSnapshot], restart_policy: str) -> str:
    """The pod's phase: Pending until every container ran once, Running while one may still run, then its outcome."""
    states = [snapshot.state for snapshot in snapshots]
    if all(isinstance(state, Terminated) for state in states) and restart_policy != "Always":
        failed = any(isinstance(state, Terminated) and state.exit_code for state in states)
        if not failed:
            return "Succeeded"
        if restart_policy == "Never":
            return "Failed"
    never_ran = any(
        isinstance(snapshot.state, Waiting) and snapshot.last is None and not snapshot.restarts
        for snapshot in snapshots
    )
    return "Pending" if never_ran else "Running"


def compute(
    pod: JsonObject, snapshots: Sequence[ContainerSnapshot], *, now: datetime, ip: str, started_at: datetime
) -> JsonObject:
    """The status to write.

    Only the node's own conditions are in it: written as a strategic merge, others (such as readiness gates) stay. A
    condition's transition time moves only when its status does.

    Args:
        pod: The pod as last read.
        snapshots: Its containers.
        now: The time.
        ip: The pod's address.
        started_at: When the node took it up.
    """
    outcome = phase(snapshots, pod["spec"].get("restartPolicy", "Always"))
    finished = outcome in ("Succeeded", "Failed")
    unready = [snapshot.name for snapshot in snapshots if not snapshot.ready]
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]
    held = pod.get("status", {}).get("conditions") or []
    closed = [gate for gate in gates if _status_of(held, gate) != "True"]
    if outcome == "Succeeded":
        containers = _condition("False", "PodCompleted")
    elif outcome == "Failed":
        containers = _condition("False", "PodFailed")
    elif unready:
        containers = _condition("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    else:
        containers = _condition("True")
    ready = containers
    if containers["status"] == "True" and closed:
        ready = _condition("False", "ReadinessGatesNotReady", f"conditions not true: {', '.join(closed)}")
    conditions = _conditions(
        held,
        {
            "PodScheduled": _condition("True"),
            "Initialized": _condition("True", "PodCompleted" if finished else ""),
            "ContainersReady": containers,
            "Ready": ready,
        },
        now,
    )
    return {
        "phase": outcome,
        "conditions": conditions,
        "hostIP": HOST,
        "hostIPs": [{"ip": HOST}],
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": timestamp(started_at),
        "observedGeneration": pod["metadata"].get("generation", 0),
        "containerStatuses": [_container_status(snapshot) for snapshot in snapshots],
    }


def unscheduled(pod: JsonObject, message: str, *, now: datetime) -> JsonObject:
    """The status of a pod that this node will not run, with the reason."""
    held = pod.get("status", {}).get("conditions") or []
    return {
        "phase": "Pending",
        "conditions": _conditions(held, {"PodScheduled": _condition("False", "Unschedulable", message)}, now),
    }


def timestamp(moment: datetime) -> str:
    """A moment as Kubernetes writes it: UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"status": status, "reason": reason, "message": message}


def _status_of(conditions: Sequence[Mapping[str, Any]], kind: str) -> str:
    return next((condition["status"] for condition in conditions if condition["type"] == kind), "")


def _conditions(
    held: Sequence[Mapping[str, Any]], wanted: Mapping[str, Mapping[str, str]], now: datetime
) -> list[dict[str, Any]]:
    before = {condition["type"]: condition for condition in held}
    return [
        {
            "type": kind,
            **condition,
            "lastTransitionTime": _transition(before.get(kind), condition["status"], now),
        }
        for kind, condition in wanted.items()
    ]


def _transition(before: Mapping[str, Any] | None, status: str, now: datetime) -> str:
    if before is not None and before["status"] == status and before.get("lastTransitionTime"):
        return str(before["lastTransitionTime"])
    return timestamp(now)


def _container_status(snapshot: ContainerSnapshot) -> JsonObject:
    status: JsonObject = {
        "name": snapshot.name,
        "image": snapshot.image,
        "imageID": snapshot.image_id,
        "state": _state(snapshot.state),
        "lastState": _state(snapshot.last) if snapshot.last else {},
        "ready": snapshot.ready,
        "started": snapshot.started,
        "restartCount": snapshot.restarts,
    }
    shown = snapshot.state if not isinstance(snapshot.state, Waiting) else snapshot.last
    if shown is not None and shown.container_id:
        status["containerID"] = shown.container_id
    return status


def _state(state: Waiting | Running | Terminated) -> JsonObject:
    if isinstance(state, Waiting):
        return {"waiting": {"reason": state.reason} | ({"message": state.message} if state.message else {})}
    if isinstance(state, Running):
        return {"running": {"startedAt": timestamp(state.started_at)}}
    ended: JsonObject = {
        "exitCode": state.exit_code,
        "reason": state.reason,
        "startedAt": timestamp(state.started_at) if state.started_at else None,
        "finishedAt": timestamp(state.finished_at),
    }
    if state.signal:
        ended["signal"] = state.signal
    if state.message:
        ended["message"] = state.message
    if state.container_id:
        ended["containerID"] = state.container_id
    return {"terminated": ended}

"""Restarts workloads by an annotation of their pod template, and waits until the new Pods stand in for the old."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import RolloutError
from secretsync.kube.resources import PODS
from secretsync.workloads.kinds import WORKLOAD_KINDS, pod_template
from secretsync.workloads.marks import checksum_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster
    from secretsync.workloads.dependents import Workload

FIELD_MANAGER: Final = "external-secrets-on-pulumi/rollout"

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 2.0
_NO_NEED_TO_WAIT: Final = "OnDelete"
_TELLING: Final = frozenset({"CreateContainerConfigError"})
"""Reasons whose message names objects and keys only. Others may quote a command line or what a program printed."""


async def restart(
    cluster: Cluster, workload: Workload, secret: str, checksum: str, *, field_manager: str = FIELD_MANAGER
) -> bool:
    """Put a checksum on the pod template, which replaces the Pods; whether it was another one before.

    Raises:
        RolloutError: the workload is gone, or its kind or its settings replace no Pods.
        ClusterError: the API server refused.
    """
    live = await restartable(cluster, workload)
    name = checksum_of(secret)
    if ((pod_template(live).get("metadata") or {}).get("annotations") or {}).get(name) == checksum:
        return False
    patch = {"spec": {"template": {"metadata": {"annotations": {name: checksum}}}}}
    resource = WORKLOAD_KINDS[workload.kind].resource
    await cluster.merge_patch(resource, workload.name, workload.namespace, patch, field_manager=field_manager)
    return True


async def restartable(cluster: Cluster, workload: Workload) -> JsonObject:
    """The object of a workload whose Pods a changed template replaces.

    Raises:
        RolloutError: there is none, or its kind or its settings keep its Pods; names what would have to be otherwise.
    """
    live = await _live(cluster, workload)
    _refuse_unrestartable(live)
    return live


def _refuse_unrestartable(live: JsonObject) -> None:
    kind, metadata, spec = live["kind"], live["metadata"], live.get("spec") or {}
    place = f"{kind} {metadata.get('namespace', '')}/{metadata['name']}"
    if not WORKLOAD_KINDS[kind].rolls:
        raise RolloutError(
            "a change of its template does not replace its Pods",
            place=place,
            remedy="restart it by hand, or run it as a Deployment, StatefulSet or DaemonSet",
        )
    if (spec.get("updateStrategy") or {}).get("type") == _NO_NEED_TO_WAIT:
        raise RolloutError(
            "its updateStrategy OnDelete keeps Pods until somebody deletes them",
            place=place,
            remedy="use RollingUpdate, or take it off the list and delete its Pods by hand",
        )
    if spec.get("paused"):
        raise RolloutError(
            "it is paused, so its Pods stay as they are",
            place=place,
            remedy=f"kubectl rollout resume {kind.lower()}/{metadata['name']} -n {metadata.get('namespace', '')}",
        )


async def wait(cluster: Cluster, workload: Workload, *, patience: float) -> None:
    """Wait until all Pods are of the current template and available.

    Args:
        cluster: where it runs.
        workload: what was restarted.
        patience: seconds.

    Raises:
        RolloutError: it did not come to that, or the cluster gave it up; names the Pods that are not ready, and why.
        ClusterError: the API server refused.
    """
    started, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        live = await _live(cluster, workload)
        lacking = _lacking(live)
        if not lacking:
            return
        given_up = _given_up(live)
        if given_up or time.monotonic() - started + pause > patience:
            pods = await _unready_pods(cluster, live)
            head = given_up or f"its rollout has not ended after {time.monotonic() - started:.0f} s: {lacking}"
            raise RolloutError(
                "; ".join((head, *pods)),
                place=str(workload),
                remedy="mend what holds its Pods up, then run again; the Secret itself is written",
            )
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def _live(cluster: Cluster, workload: Workload) -> JsonObject:
    live = await cluster.get(WORKLOAD_KINDS[workload.kind].resource, workload.name, workload.namespace)
    if live is None:
        raise RolloutError(
            "it does not exist",
            place=str(workload),
            remedy="make it before its rollout, by depends_on where the same program makes it",
        )
    return live


def _lacking(live: JsonObject) -> str:
    """What is lacking for a rollout to have ended, by the counters of its status; empty where nothing is."""
    status, spec = live.get("status") or {}, live.get("spec") or {}
    if int(status.get("observedGeneration") or 0) < int(live["metadata"].get("generation") or 0):
        return "its controller has not seen the change yet"
    counts = _counts(live["kind"], spec, status)
    return ", ".join(f"{have} of {want} Pods {what}" for what, have, want in counts if have < want)


def _counts(kind: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(what, how many are, how many should be)."""

    def count(name: str) -> int:
        return int(status.get(name) or 0)

    if kind == "DaemonSet":
        want = count("desiredNumberScheduled")
        return [("updated", count("updatedNumberScheduled"), want), ("available", count("numberAvailable"), want)]
    want = int(spec.get("replicas", 1))
    if kind == "StatefulSet":
        kept = int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)
        updated = ("updated", count("updatedReplicas"), max(want - kept, 0))
        return [updated, ("available", count("availableReplicas"), want)]
    return [
        ("updated", count("updatedReplicas"), want),
        ("available", count("availableReplicas"), want),
        ("of the new template alone", count("updatedReplicas"), count("replicas")),
    ]


def _given_up(live: JsonObject) -> str:
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return "the cluster gave its rollout up (ProgressDeadlineExceeded)"
    return ""


async def _unready_pods(cluster: Cluster, live: JsonObject) -> list[str]:
    """``Pod name: why`` for each Pod of a workload that is not ready."""
    selector = _selector_text(live["spec"].get("selector") or {})
    listing = await cluster.list(PODS, live["metadata"].get("namespace"), label_selector=selector)
    whys = {item["metadata"]["name"]: _why_unready(item) for item in listing.items}
    return [f"Pod {name}: {why}" for name, why in sorted(whys.items()) if why]


def _selector_text(selector: Mapping[str, Any]) -> str:
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for requirement in selector.get("matchExpressions") or ():
        key, values = requirement["key"], ",".join(requirement.get("values") or ())
        match requirement["operator"]:
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case _:
                parts.append(f"!{key}")
    return ",".join(parts)


def _why_unready(pod: JsonObject) -> str:
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return ""
    conditions = {condition.get("type"): condition for condition in status.get("conditions") or ()}
    if (conditions.get("Ready") or {}).get("status") == "True":
        return ""
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason')}: {scheduled.get('message')}"
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    whys = [f"container {state.get('name')} {why}" for state in states if (why := _container_state(state))]
    return ", ".join(whys) or f"is {status.get('phase', 'Pending')}, not ready"


def _container_state(status: Mapping[str, Any]) -> str:
    state = status.get("state") or {}
    last = (status.get("lastState") or {}).get("terminated") or state.get("terminated")
    ended = f" (ended with {last.get('exitCode')}, {last.get('reason')})" if last and last.get("exitCode") else ""
    waiting = state.get("waiting")
    if waiting:
        reason = waiting.get("reason", "waiting")
        return f"{reason}: {waiting.get('message')}" if reason in _TELLING else f"is in {reason}{ended}"
    if ended:
        return f"has stopped{ended}"
    if "running" in state and not status.get("ready"):
        return f"runs and is not ready{ended}"
    return ""

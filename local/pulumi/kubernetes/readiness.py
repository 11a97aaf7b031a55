"""When an object is ready: the kinds the official plugin waits for, and conditions named by an annotation.

Waited for without being asked: a Deployment (its rollout is complete and it is available), a Pod (Ready, or Succeeded),
a Job (Complete) and a CustomResourceDefinition (Established, and served by discovery). Everything else is ready once it
exists: Secrets, ConfigMaps, RBAC, Namespaces (active at once) and ServiceAccounts (without a token Secret since
Kubernetes 1.24). Services and Ingresses, whose endpoints and addresses the official plugin waits for, are not.

The annotation `pulumi.com/waitFor` replaces the kind's own rule; `pulumi.com/skipAwait` turns waiting off.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from local.pulumi.kubernetes.api import JsonObject, KubernetesApi, Reference
from local.pulumi.kubernetes.objects import annotation
from local.pulumi.plugin_errors import PluginError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from local.pulumi.wire import PropertyMap

DEFAULT_TIMEOUT: Final = 600.0
"""Seconds the official plugin waits for a Deployment, a Pod or a Job."""
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a live object stands: what is missing, and whether waiting longer is of no use."""

    missing: tuple[str, ...] = ()
    failed: bool = False


_READY: Final = Waiting()


def condition(obj: JsonObject, type_: str) -> Mapping[str, Any]:
    """A status condition by its type, ignoring case; empty where it is not there."""
    for entry in (obj.get("status") or {}).get("conditions") or []:
        if str(entry.get("type", "")).lower() == type_.lower():
            return dict(entry)
    return {}


def _told(entry: Mapping[str, Any]) -> str:
    return ": ".join(str(entry[key]) for key in ("reason", "message") if entry.get(key))


def _deployment(obj: JsonObject) -> Waiting:
    """The rollout rules of `kubectl rollout status` together with the Available condition."""
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    if (status.get("observedGeneration") or 0) < (obj["metadata"].get("generation") or 0):
        return Waiting(("the deployment controller has not seen it yet",))
    progressing = condition(obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Waiting((_told(progressing),), failed=True)
    failure = condition(obj, "ReplicaFailure")
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas") or 0, status.get("replicas") or 0
    available = status.get("availableReplicas") or 0
    missing = []
    if failure.get("status") == "True":
        missing.append(_told(failure))
    if updated < wanted:
        missing.append(f"{updated} of {wanted} replicas are of the new version")
    elif total > updated:
        missing.append(f"{total - updated} replicas of the old version still run")
    elif available < updated:
        missing.append(f"{available} of {updated} replicas are available")
    elif condition(obj, "Available").get("status") != "True":
        missing.append("it is not available")
    return Waiting(tuple(missing))


def _pod(obj: JsonObject) -> Waiting:
    phase = (obj.get("status") or {}).get("phase")
    if phase == "Succeeded" or condition(obj, "Ready").get("status") == "True":
        return _READY
    problems = tuple(pod_problems(obj))
    if phase == "Failed":
        return Waiting(problems or ("the pod failed",), failed=True)
    return Waiting(problems or (f"the pod is {phase or 'not scheduled'}",))


def _job(obj: JsonObject) -> Waiting:
    if condition(obj, "Complete").get("status") == "True":
        return _READY
    failed = condition(obj, "Failed")
    if failed.get("status") == "True":
        return Waiting((_told(failed) or "the job failed",), failed=True)
    return Waiting(("the job is not complete",))


def _definition(obj: JsonObject) -> Waiting:
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False":
        return Waiting((_told(names),))
    established = condition(obj, "Established").get("status") == "True"
    return _READY if established else Waiting(("condition Established",))


_RULES: Final[Mapping[tuple[str, str], Callable[[JsonObject], Waiting]]] = {
    ("apps", "Deployment"): _deployment,
    ("", "Pod"): _pod,
    ("batch", "Job"): _job,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}


def pod_problems(pod: JsonObject) -> list[str]:
    """Why a pod is not ready: scheduling, and what its containers wait for or ended with."""
    status = pod.get("status") or {}
    found = []
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        found.append(_told(scheduled))
    if status.get("reason"):
        found.append(_told(status))
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        name = container.get("name", "")
        for state in (container.get("state") or {}, container.get("lastState") or {}):
            if waiting := state.get("waiting"):
                found.append(f"container {name} waits: {_told(waiting)}")
            if (ended := state.get("terminated")) and ended.get("exitCode"):
                found.append(f"container {name} ended with exit code {ended['exitCode']}: {_told(ended)}".rstrip(": "))
    return found


def _met(expression: str, obj: JsonObject) -> bool:
    """Whether a `pulumi.com/waitFor` expression holds: `condition=Type[=status]` or `jsonpath={.path}[=value]`."""
    kind, _, rest = expression.partition("=")
    if kind == "condition" and rest:
        type_, _, wanted = rest.partition("=")
        return str(condition(obj, type_).get("status", "")).lower() == (wanted or "true").lower()
    if kind == "jsonpath" and rest.startswith("{") and "}" in rest:
        path, _, wanted = rest[1:].partition("}")
        value: Any = obj
        for step in path.strip(".").split("."):
            value = value.get(step) if isinstance(value, dict) else None
        text = json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
        return value is not None and (not wanted or text == wanted.removeprefix("="))
    raise PluginError(
        f"the pulumi.com/waitFor expression {expression!r} is not understood; "
        "write condition=<type>[=<status>] or jsonpath={.path}[=<value>]",
        grpc.StatusCode.INVALID_ARGUMENT,
    )


def _asked_for(expressions: Sequence[str]) -> Callable[[JsonObject], Waiting]:
    def rule(obj: JsonObject) -> Waiting:
        return Waiting(tuple(expression for expression in expressions if not _met(expression, obj)))

    return rule


def _expressions(text: str) -> list[str]:
    if not text.startswith("["):
        return [text]
    try:
        return [str(entry) for entry in json.loads(text)]
    except ValueError:
        raise PluginError(
            "the annotation pulumi.com/waitFor starts like a JSON list but is none", grpc.StatusCode.INVALID_ARGUMENT
        ) from None


def timeout_of(inputs: PropertyMap, custom: float) -> float:
    """Seconds to wait: the resource's custom timeout, its annotation, or the official plugin's default."""
    text = annotation(inputs, "timeoutSeconds")
    try:
        return custom or (float(text) if text else DEFAULT_TIMEOUT)
    except ValueError:
        raise PluginError(
            "the annotation pulumi.com/timeoutSeconds is not a number", grpc.StatusCode.INVALID_ARGUMENT
        ) from None


class Readiness:
    """Waits for objects.

    Args:
        api: The API server.
        cancelled: Ends every wait when it is set.
        tell: Shows the user what is waited for.
    """

    def __init__(self, api: KubernetesApi, cancelled: threading.Event, tell: Callable[[str], None]) -> None:
        self._api = api
        self._cancelled = cancelled
        self._tell = tell

    def wait(
        self, reference: Reference, live: JsonObject, inputs: PropertyMap, timeout: float
    ) -> tuple[JsonObject, list[str]]:
        """Wait until the object is ready.

        Args:
            reference: The object.
            live: What the API server answered to the write.
            inputs: The program's inputs, for the annotations.
            timeout: The resource's custom timeout in seconds; 0 where it has none.

        Returns:
            The object as it is now, and why it is not ready; an empty list where it is.
        """
        rule = _RULES.get((reference.group, reference.kind))
        if text := annotation(inputs, "waitFor"):
            rule = _asked_for(_expressions(text))
        if rule is None or annotation(inputs, "skipAwait") == "true":
            return live, []
        limit = time.monotonic() + timeout_of(inputs, timeout)
        pause = _FIRST_PAUSE
        told = ""
        while (waiting := rule(live)).missing:
            if pause == _LONGEST_PAUSE and told != (told := "; ".join(waiting.missing)):
                self._tell(f"waiting: {told}")
            if waiting.failed:
                return live, [*waiting.missing, *self._pod_problems(live)]
            if self._cancelled.wait(pause):
                return live, ["the operation was cancelled", *waiting.missing]
            if time.monotonic() > limit:
                return live, [f"timed out: {missing}" for missing in waiting.missing] + self._pod_problems(live)
            pause = min(pause * 1.6, _LONGEST_PAUSE)
            answer = self._api.get(reference)
            if answer.status == 404:  # noqa: PLR2004 - not found
                return live, ["the object was deleted by somebody else meanwhile"]
            live = live if answer.failed else answer.body
        if reference.kind == "CustomResourceDefinition":
            return live, self._until_served(live, limit)
        return live, []

    def _until_served(self, definition: JsonObject, limit: float) -> list[str]:
        spec = definition["spec"]
        for version in spec["versions"]:
            api_version = f"{spec['group']}/{version['name']}"
            while version.get("served") and not self._api.served(api_version, spec["names"]["kind"], again=True):
                if time.monotonic() > limit or self._cancelled.wait(0.05):
                    return [f"the API server does not serve {api_version} yet"]
        return []

    def _pod_problems(self, live: JsonObject) -> list[str]:
        """What the pods of a Deployment or Job complain about, each complaint once."""
        labels = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        if not labels:
            return []
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        pods = self._api.list(Reference("v1", "Pod", live["metadata"].get("namespace", "")), selector)
        told = [
            f"pod {pod['metadata']['name']}: {problem}"
            for pod in pods
            if not pod["metadata"].get("deletionTimestamp")
            for problem in pod_problems(pod)
        ]
        return list(dict.fromkeys(told))

"""What the node reads from a pod, and what it cannot run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.node.addresses import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.node.api import JsonObject

SERVICE_ACCOUNT_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

_POD_FIELDS = ("initContainers", "ephemeralContainers", "activeDeadlineSeconds", "schedulingGates", "resourceClaims")
_PYTHON = ("python", "python3")
_VOLUMES = ("emptyDir", "projected", "configMap", "secret", "downwardAPI")
_PROJECTED = ("serviceAccountToken", "configMap", "secret", "downwardAPI")
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.podIP",
    "status.podIPs",
)


@dataclass(frozen=True, slots=True)
class Images:
    """The images the node knows: which Python module each one runs.

    Attributes:
        modules: Image name without tag and digest → module.
    """

    modules: Mapping[str, str]

    def module(self, image: str) -> str | None:
        """The module behind an image reference, whatever its tag or digest; None for an unknown image."""
        return self.modules.get(repository(image))


def repository(image: str) -> str:
    """An image reference without tag and digest: ``host:5000/a/b:tag@sha256:…`` → ``host:5000/a/b``."""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def unsupported(pod: JsonObject, images: Images, node_labels: Mapping[str, str]) -> list[str]:
    """Everything in a pod that the node cannot run or honour, one sentence each; empty if it can run it."""
    spec = pod["spec"]
    reasons = [f"{key}: not supported" for key in _POD_FIELDS if spec.get(key)]
    if spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
        reasons.append("required node affinity is not supported")
    for label, value in (spec.get("nodeSelector") or {}).items():
        if node_labels.get(label) != value:
            reasons.append(f"the node has no label {label}={value}")
    for volume in spec.get("volumes") or []:
        reasons += _volume_reasons(volume)
    for container in spec["containers"]:
        reasons += [f"container {container['name']}: {reason}" for reason in _container_reasons(container, images)]
    return reasons


def _volume_reasons(volume: JsonObject) -> list[str]:
    kinds = [key for key in volume if key != "name"]
    reasons = [f"volume {volume['name']}: {kind} is not supported" for kind in kinds if kind not in _VOLUMES]
    for source in (volume.get("projected") or {}).get("sources") or []:
        reasons += [
            f"volume {volume['name']}: projected {kind} is not supported" for kind in source if kind not in _PROJECTED
        ]
    return reasons


def _container_reasons(container: JsonObject, images: Images) -> list[str]:
    reasons: list[str] = []
    if images.module(container["image"]) is None:
        known = ", ".join(sorted(images.modules))
        reasons.append(f"image {container['image']} is not known (this node runs {known})")
    command = container.get("command") or []
    if command and command[0] not in _PYTHON:
        reasons.append(f"command {command[0]} is not in the image (it has python)")
    if container.get("lifecycle"):
        reasons.append("lifecycle hooks are not supported")
    reasons += _probe_reasons(container)
    for variable in container.get("env") or []:
        source: dict[str, Any] = variable.get("valueFrom") or {}
        field = (source.get("fieldRef") or {}).get("fieldPath", "")
        if "resourceFieldRef" in source or "fileKeyRef" in source:
            reasons.append(f"variable {variable['name']}: only fieldRef, secretKeyRef, configMapKeyRef are supported")
        elif field and field not in _FIELDS and not field.startswith(("metadata.labels[", "metadata.annotations[")):
            reasons.append(f"variable {variable['name']}: field {field} is not supported")
    mounts = container.get("volumeMounts") or []
    return reasons + [f"mount {mount['mountPath']}: subPathExpr" for mount in mounts if mount.get("subPathExpr")]


def _probe_reasons(container: JsonObject) -> list[str]:
    reasons = []
    declared = [port.get("name") for port in container.get("ports") or []]
    for kind in _PROBES:
        probe = container.get(kind)
        if not probe:
            continue
        target = probe.get("httpGet") or probe.get("tcpSocket")
        if not target:
            reasons.append(f"{kind}: only httpGet and tcpSocket are supported")
        elif isinstance(target["port"], str) and not target["port"].isdigit() and target["port"] not in declared:
            reasons.append(f'{kind}: the container declares no port "{target["port"]}"')
    return reasons


def field_value(pod: JsonObject, path: str, *, ip: str) -> str:
    """The downward API's value of a field; `ip` is the pod's address."""
    if path == "status.hostIP":
        return HOST
    if path in ("status.podIP", "status.podIPs"):
        return ip
    for section in ("labels", "annotations"):
        prefix = f"metadata.{section}"
        if path == prefix:
            return "\n".join(f'{key}="{value}"' for key, value in sorted(pod["metadata"].get(section, {}).items()))
        if path.startswith(f"{prefix}["):
            key = path[len(prefix) + 1 :].rstrip("]").strip("'\"")
            return str(pod["metadata"].get(section, {}).get(key, ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def is_finished(pod: JsonObject) -> bool:
    """Whether the pod has run to its end and will not run again."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def identity(pod: JsonObject) -> str:
    """``namespace/name`` of a pod, for messages."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"

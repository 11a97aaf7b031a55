"""Pods satisfy the Pod Security Standard "restricted"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import Severity

from policies.inputs import UNKNOWN, at, items_at, text_at
from policies.pods import WORKLOADS, Container, containers, pod_spec
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SECCOMP: Final = ("RuntimeDefault", "Localhost", UNKNOWN)


def _check(resource: Resource) -> Iterator[str]:
    spec = pod_spec(resource)
    if spec is None:
        return
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name) is True:
            yield f"{name} is true; take it out"
    for volume in items_at(spec, "volumes"):
        kinds = set(volume) - {"name"} if isinstance(volume, dict) else set()
        for kind in sorted(kinds - _VOLUMES):
            yield f"the volume {text_at(volume, 'name')} is a {kind}; use one of {', '.join(sorted(_VOLUMES))}"
    for container in containers(resource):
        yield from _container(container, spec)


def _container(container: Container, spec: dict[str, Any]) -> Iterator[str]:
    own, pods = at(container.fields, "securityContext"), at(spec, "securityContext")
    for problem in (*_identity(own, pods), *_privileges(own)):
        yield f"{container.place}.securityContext: {problem}"
    for port in items_at(container.fields, "ports"):
        if at(port, "hostPort") not in (None, 0, UNKNOWN):
            yield f"{container.place}.ports: it takes a port of the node; take hostPort out"


def _identity(own: object, pods: object) -> Iterator[str]:
    """What a container may inherit from its pod."""
    if _inherited(own, pods, "runAsNonRoot") not in (True, UNKNOWN):
        yield "it may run as root; write runAsNonRoot: true"
    if _inherited(own, pods, "runAsUser") == 0:
        yield "it runs as user 0; write another runAsUser, or leave it out"
    if _inherited(own, pods, "seccompProfile", "type") not in _SECCOMP:
        yield "it has no seccomp profile; write seccompProfile: {type: RuntimeDefault}"


def _privileges(own: object) -> Iterator[str]:
    """What a container says itself."""
    if at(own, "allowPrivilegeEscalation") not in (False, UNKNOWN):
        yield "it may gain privileges; write allowPrivilegeEscalation: false"
    if at(own, "privileged") is True:
        yield "it is privileged; take privileged out"
    if at(own, "readOnlyRootFilesystem") not in (True, UNKNOWN):
        yield "it can write to its image; write readOnlyRootFilesystem: true"
    dropped = at(own, "capabilities", "drop")
    if dropped != UNKNOWN and not {"ALL", UNKNOWN} & set(dropped or ()):
        yield 'it keeps capabilities; write capabilities: {drop: ["ALL"]}'
    for added in items_at(own, "capabilities", "add"):
        if added != "NET_BIND_SERVICE":
            yield f"it adds the capability {added}; take it out"


def _inherited(own: object, pods: object, *path: str) -> Any:  # noqa: ANN401 - JSON
    """A field of the container's security context, else of the pod's."""
    found = at(own, *path)
    return at(pods, *path) if found is None else found


POLICY = resource_rule(
    "pods-restricted",
    "Pods satisfy the Pod Security Standard restricted, and their root file system is read-only.",
    _check,
    types=WORKLOADS,
    severity=Severity.HIGH,
    fix="Set the security context as the message says; write to an emptyDir where a program must write.",
)
"""The rule."""

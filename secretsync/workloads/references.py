"""How a pod template refers to a Secret, and whether its containers notice new content by themselves; pure.

Every reference of the core ``PodSpec`` counts. What only names a Secret elsewhere does not: TLS of an Ingress, the
Secrets of a ServiceAccount, and fields of custom resources.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretsync.api import JsonObject


class How(StrEnum):
    """The ways in which a Pod can use a Secret."""

    Env = "env"
    EnvFrom = "envFrom"
    Volume = "volume"
    Projected = "projected volume"
    SubPath = "subPath mount"
    Driver = "volume driver"
    ImagePull = "imagePullSecrets"


@dataclass(frozen=True, slots=True)
class Use:
    """One way in which a Pod uses a Secret.

    Attributes:
        how: the way.
        container: the container that does; empty for the Pod as a whole.
        keys: the keys it uses, sorted; empty for all.
        follows: whether new content arrives in the running container: a mounted file does within about a minute, an
            environment variable, a file mounted by subPath and whatever an init container has read do not.
    """

    how: How
    container: str
    keys: tuple[str, ...]
    follows: bool


@dataclass(frozen=True, slots=True)
class _Container:
    spec: Mapping[str, Any]
    stays: bool
    """Whether it runs as long as the Pod does: an init container does only with ``restartPolicy: Always``."""

    @property
    def name(self) -> str:
        return str(self.spec.get("name", ""))


def uses(pod: JsonObject, secret: str) -> tuple[Use, ...]:
    """Every way in which a Pod uses a Secret of its own namespace.

    Args:
        pod: a pod template, a Pod, or a ``PodSpec``.
        secret: name of the Secret.

    Returns:
        One entry per container and way, in the order of the containers.
    """
    spec = pod if "containers" in pod else pod.get("spec") or {}
    containers = list(_containers(spec))
    found = [use for container in containers for use in _environment(container, secret)]
    found += _mounted(spec, containers, secret)
    if any(reference.get("name") == secret for reference in spec.get("imagePullSecrets") or ()):
        found.append(Use(How.ImagePull, "", (".dockerconfigjson",), follows=True))  # read anew at each pull
    return tuple(found)


def _containers(spec: Mapping[str, Any]) -> Iterator[_Container]:
    for container in spec.get("initContainers") or ():
        yield _Container(container, stays=container.get("restartPolicy") == "Always")
    for field in ("containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            yield _Container(container, stays=True)


def _environment(container: _Container, secret: str) -> Iterator[Use]:
    references = [
        reference
        for variable in container.spec.get("env") or ()
        if (reference := (variable.get("valueFrom") or {}).get("secretKeyRef"))
    ]
    keys = {str(reference.get("key", "")) for reference in references if reference.get("name") == secret}
    if keys:
        yield Use(How.Env, container.name, tuple(sorted(keys)), follows=False)
    if any((source.get("secretRef") or {}).get("name") == secret for source in container.spec.get("envFrom") or ()):
        yield Use(How.EnvFrom, container.name, (), follows=False)


def _mounted(spec: Mapping[str, Any], containers: list[_Container], secret: str) -> Iterator[Use]:
    """Uses through volumes. A volume that nobody mounts is a use of the Pod: without the Secret it does not start."""
    for volume in spec.get("volumes") or ():
        source = _source(volume, secret)
        if source is None:
            continue
        how, keys = source
        mounts = [
            (container, mount)
            for container in containers
            for mount in container.spec.get("volumeMounts") or ()
            if mount.get("name") == volume.get("name")
        ]
        if how is How.Driver or not mounts:
            yield Use(how, "", keys, follows=how is not How.Driver)
            continue
        told = set()
        for container, mount in mounts:
            by_path = bool(mount.get("subPath") or mount.get("subPathExpr"))
            use = Use(How.SubPath if by_path else how, container.name, keys, container.stays and not by_path)
            if use not in told:
                told.add(use)
                yield use


def _source(volume: Mapping[str, Any], secret: str) -> tuple[How, tuple[str, ...]] | None:
    """The way and the keys in which a volume takes a Secret; None where it does not."""
    if (volume.get("secret") or {}).get("secretName") == secret:
        return How.Volume, _keys([volume["secret"]])
    sources = ((volume.get("projected") or {}).get("sources")) or ()
    projected = [part["secret"] for part in sources if (part.get("secret") or {}).get("name") == secret]
    if projected:
        return How.Projected, _keys(projected)
    drivers = (value for name, value in volume.items() if name not in ("secret", "projected"))
    return (How.Driver, ()) if any(_is_given_to(driver, secret) for driver in drivers) else None


def _keys(sources: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """The keys that ``items`` select; empty where one source takes all."""
    if any(not source.get("items") for source in sources):
        return ()
    return tuple(sorted({str(item.get("key", "")) for source in sources for item in source["items"]}))


def _is_given_to(driver: object, secret: str) -> bool:
    """Whether a volume's driver logs in with a Secret: ``secretRef`` and its kin, or ``secretName`` of Azure files."""
    if not isinstance(driver, dict):
        return False
    references = (driver.get(name) for name in ("secretRef", "nodePublishSecretRef"))
    by_reference = any(isinstance(each, dict) and each.get("name") == secret for each in references)
    return by_reference or driver.get("secretName") == secret

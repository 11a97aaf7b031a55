"""Values that a generator makes: the object a generatorRef names, and what it gives at this refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secretsync.errors import GeneratorError
from secretsync.kube.resources import CLUSTER_GENERATORS, FAKE_GENERATORS, PASSWORDS, UUIDS, Resource
from secretsync.providers import generators
from secretsync.sync.names import GENERATORS_GROUP

if TYPE_CHECKING:
    from secretsync.api import GeneratorRef, JsonObject
    from secretsync.kube.protocol import Cluster

SSH_KEYS: Final = Resource(GENERATORS_GROUP, "v1alpha1", "sshkeys", "SSHKey", namespaced=True)

_API_VERSION: Final = f"{GENERATORS_GROUP}/v1alpha1"
_RESOURCES: Final = {resource.kind: resource for resource in (FAKE_GENERATORS, PASSWORDS, UUIDS, SSH_KEYS)}
_WRAPPED: Final = {"Fake": "fakeSpec", "Password": "passwordSpec", "UUID": "uuidSpec", "SSHKey": "sshKeySpec"}


async def generate(ref: GeneratorRef, *, namespace: str, cluster: Cluster) -> dict[str, bytes]:
    """What the generator gives now: new values at every call, for those that are random.

    Raises:
        GeneratorError: it does not exist, is of a kind that is not served, or fails.
        ClusterError: the API server refused.
    """
    kind, obj = await _resolved(ref, namespace, cluster)
    if str(ref.kind) != CLUSTER_GENERATORS.kind:
        return generators.generate(kind, obj, namespace=namespace)
    try:
        return generators.generate(kind, obj, namespace="")
    except GeneratorError as error:
        # there is no object of the inner kind that could be looked for
        raise error.at(f"{ref.kind} {ref.name}") from None


async def controller_class(ref: GeneratorRef, *, namespace: str, cluster: Cluster) -> str:
    """The controller class that the generator names; empty where it names none or cannot be had.

    Raises:
        ClusterError: the API server refused.
    """
    try:
        _, obj = await _resolved(ref, namespace, cluster)
    except GeneratorError:
        return ""
    return str((obj.get("spec") or {}).get("controller") or "")


async def _resolved(ref: GeneratorRef, namespace: str, cluster: Cluster) -> tuple[str, JsonObject]:
    """The kind and the object of a generator; of a ClusterGenerator, those of the one inside it."""
    kind, place = str(ref.kind), f"{ref.kind} {ref.name}"
    if ref.api_version != _API_VERSION:
        problem = f"there are no generators of the apiVersion {ref.api_version}"
        raise GeneratorError(problem, place=place, remedy=f"use {_API_VERSION}")
    if kind == CLUSTER_GENERATORS.kind:
        found = await cluster.get(CLUSTER_GENERATORS, ref.name)
        return _unwrapped(_existing(found, place), place)
    resource = _RESOURCES.get(kind)
    if resource is None:
        raise GeneratorError(f"generators of kind {kind} are not served", place=place, remedy=_offer())
    return kind, _existing(await cluster.get(resource, ref.name, namespace), place)


def _existing(found: JsonObject | None, place: str) -> JsonObject:
    if found is None:
        raise GeneratorError("there is no such generator", place=place, remedy="create it")
    return found


def _unwrapped(cluster_generator: JsonObject, place: str) -> tuple[str, JsonObject]:
    """The generator inside a ClusterGenerator, as an object of its own kind."""
    spec = cluster_generator.get("spec") or {}
    kind = str(spec.get("kind", ""))
    member = _WRAPPED.get(kind)
    if member is None:
        raise GeneratorError(f"generators of kind {kind} are not served", place=place, remedy=_offer())
    inner = (spec.get("generator") or {}).get(member)
    if inner is None:
        problem = f"its kind is {kind}, but it has no {member}"
        raise GeneratorError(problem, place=place, remedy=f"add spec.generator.{member}")
    name = cluster_generator["metadata"]["name"]
    return kind, {"apiVersion": _API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": inner}


def _offer() -> str:
    return f"use one of {', '.join(sorted(_RESOURCES))}"

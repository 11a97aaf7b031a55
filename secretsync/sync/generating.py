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

_RESOURCES: Final = {resource.kind: resource for resource in (FAKE_GENERATORS, PASSWORDS, UUIDS, SSH_KEYS)}
_WRAPPED: Final = {"Fake": "fakeSpec", "Password": "passwordSpec", "UUID": "uuidSpec", "SSHKey": "sshKeySpec"}


async def generate(ref: GeneratorRef, *, namespace: str, cluster: Cluster) -> dict[str, bytes]:
    """What the generator gives now: new values at every call, for those that are random.

    Raises:
        GeneratorError: it does not exist, is of a kind that is not served, or fails.
        ClusterError: the API server refused.
    """
    kind, place = str(ref.kind), f"{ref.kind} {ref.name}"
    if kind == CLUSTER_GENERATORS.kind:
        found = await cluster.get(CLUSTER_GENERATORS, ref.name)
        kind, obj = _unwrapped(_existing(found, place), place)
        try:
            return generators.generate(kind, obj, namespace="")
        except GeneratorError as error:
            raise error.at(place) from None  # there is no object of the inner kind that could be looked for
    resource = _RESOURCES.get(kind)
    if resource is None:
        raise GeneratorError(f"generators of kind {kind} are not served", place=place, remedy=_offer())
    obj = _existing(await cluster.get(resource, ref.name, namespace), place)
    return generators.generate(kind, obj, namespace=namespace)


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
    inner = (spec.get("generator") or {}).get(member) or {}
    name = cluster_generator["metadata"]["name"]
    api_version = f"{GENERATORS_GROUP}/v1alpha1"
    return kind, {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": inner}


def _offer() -> str:
    return f"use one of {', '.join(sorted(_RESOURCES))}"

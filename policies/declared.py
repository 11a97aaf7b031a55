"""Declarations of external-secrets.io as they appear among a stack's resources."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from policies.inputs import UNKNOWN, at, has_unknown
from secretsync.api import (
    ClusterExternalSecret,
    ClusterSecretStore,
    ExternalSecret,
    PushSecret,
    SecretStore,
    parse,
)
from secretsync.errors import ManifestError, ManifestErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policies.rule import Resource
    from secretsync.api import ExternalSecretSpec, JsonObject, Store

Declaration = ExternalSecret | ClusterExternalSecret | PushSecret | SecretStore | ClusterSecretStore

SYNCED: Final = "pulumi-python:dynamic/external-secrets:SyncedSecret"
"""Beginning of the type tokens of the program's own syncs: SyncedSecret and SyncedSecretSet."""
OBJECTS: Final = "kubernetes:external-secrets.io/"
"""Beginning of the type tokens of objects in the cluster."""
DECLARATIONS: Final = (OBJECTS, SYNCED)
"""Where a declaration may stand."""
_KEPT: Final = ("apiVersion", "kind", "metadata", "spec")
_SYNCS: Final = ("declaration", "declarations")
_MOST_PRUNED: Final = 20
_STORES: Final = ("secretStoreRef", "storeRef")
_STEPS: Final = re.compile(r"[^.\[\]]+")


def declarations(resource: Resource) -> Iterator[Declaration]:
    """What a resource declares: an object in the cluster, or the ExternalSecrets of a sync of the program's own.

    What does not parse is left out: the API server or the provider refuses it with a better message. A field that is
    not known yet has `UNKNOWN` for a text, else its default; `is_unknown` tells the latter.
    """
    if resource.type.startswith(OBJECTS):
        yield from _declared(wires(resource))
        return
    for name in _SYNCS:
        given = at(resource.inputs, name)
        for text in given.values() if isinstance(given, dict) else [given]:
            if isinstance(text, str):
                yield from _read(text)


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[Declaration, ...]:
    """What a JSON text declares; a dozen rules ask for the same one in a row."""
    return tuple(_declared(_from_json(text)))


def _declared(objects: Iterable[JsonObject]) -> Iterator[Declaration]:
    return (declared for each in objects if isinstance(declared := _parse(each), Declaration))


def stores(resource: Resource) -> Iterator[Store]:
    """The stores among `declarations`."""
    return (each for each in declarations(resource) if isinstance(each, SecretStore | ClusterSecretStore))


def specs(resource: Resource) -> Iterator[tuple[str, str, ExternalSecretSpec]]:
    """The specs of ExternalSecrets, stamped ones included, as ``(namespace, path of the spec, spec)``.

    The namespace is `UNKNOWN` where it is not known yet, and empty for a ClusterExternalSecret, which has many.
    """
    for declared in declarations(resource):
        if isinstance(declared, ExternalSecret):
            unknown = is_unknown(resource, "metadata.namespace")
            yield UNKNOWN if unknown else declared.metadata.namespace, "spec", declared.spec
        elif isinstance(declared, ClusterExternalSecret):
            yield "", "spec.externalSecretSpec", declared.spec.external_secret_spec


def is_unknown(resource: Resource, path: str) -> bool:
    """Whether a field of an object in the cluster, or what holds it, is not known yet.

    Args:
        resource: any resource.
        path: dotted, from the root of the object: ``spec.refreshPolicy``.
    """
    return bool(at(resource.inputs, *path.split(".")) == UNKNOWN)


def has_unknown_beside(resource: Resource, field: str) -> bool:
    """Whether anything is unknown in the object that holds a field, so that a finding about the field may be wrong.

    Args:
        resource: any resource.
        field: dotted, with indices: ``spec.data[0].remoteRef.key``; empty for the object as a whole.
    """
    value: object = {key: resource.inputs[key] for key in _KEPT if key in resource.inputs}
    for step in _STEPS.findall(field)[:-1]:
        found = _member(value, step)
        if found is None:
            break
        value = found
    return has_unknown(value)


def wires(resource: Resource) -> Iterator[JsonObject]:
    """The declarations of a resource as raw objects; what is not known yet at their root is left out."""
    if resource.type.startswith(OBJECTS):
        yield {key: resource.inputs[key] for key in _KEPT if resource.inputs.get(key, UNKNOWN) != UNKNOWN}
        return
    for name in _SYNCS:
        yield from _from_json(at(resource.inputs, name))


def _parse(wire: JsonObject) -> object:
    """The model of a raw object; None where it is none. Unknown values that do not fit their field are left out."""
    removed: set[tuple[str, ...]] = set()
    for _ in range(_MOST_PRUNED):
        try:
            return parse(wire)
        except ManifestErrors as errors:
            places = [tuple(_STEPS.findall(error.place.rpartition(", ")[2])) for error in errors.errors]
        except ManifestError:
            return None
        pruned = wire
        for steps in places:
            found = _without_unknown(pruned, steps)
            if found == pruned and steps in removed:
                # What was taken out has to be there, so what holds it is as good as unknown.
                steps = steps[:-1]  # noqa: PLW2901 - one step up
                found = _without(pruned, steps)
            removed.add(steps)
            pruned = found
        if pruned == wire:
            return None
        wire = pruned
    return None


def _without(value: Any, steps: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    """A value without what stands at a path."""
    return _without_unknown(_replaced(value, steps), steps) if steps else value


def _replaced(value: Any, steps: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    if not steps:
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _replaced(each, steps[1:]) if key == steps[0] else each for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, steps[1:]) if str(index) == steps[0] else each for index, each in enumerate(value)]
    return value


def _without_unknown(value: Any, steps: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    """A value without the unknown field at a path, or the nearest unknown value above it."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        if value.get(step) == UNKNOWN:
            kept = {key: each for key, each in value.items() if key != step}
            return {**kept, step: {"name": UNKNOWN}} if step in _STORES else kept  # some store is named
        return {key: _without_unknown(each, rest) if key == step else each for key, each in value.items()}
    if isinstance(value, list):
        return [
            _without_unknown(each, rest) if str(index) == step else each
            for index, each in enumerate(value)
            if each != UNKNOWN
        ]
    return value


def _member(value: object, step: str) -> object:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None


def _from_json(document: Any) -> Iterator[JsonObject]:  # noqa: ANN401 - JSON
    """Objects in a JSON text: one, a list, or a map of them; texts inside are read the same way."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            return
    if isinstance(document, dict) and "kind" in document:
        yield document
    elif isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from _from_json(each)

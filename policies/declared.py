"""Declarations of external-secrets.io as they appear among a stack's resources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from policies.inputs import UNKNOWN, items_at, text_at
from secretsync.api import (
    ClusterExternalSecret,
    ClusterSecretStore,
    ExternalSecret,
    PushSecret,
    SecretStore,
    parse,
)
from secretsync.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def declarations(resource: Resource) -> Iterator[Declaration]:
    """What a resource declares: an object in the cluster, or the ExternalSecrets of a sync of the program's own.

    What does not parse is left out: the API server or the provider refuses it with a better message, and while its
    fields are not known yet it cannot be judged.
    """
    for wire in _wires(resource):
        try:
            declared = parse(wire)
        except ManifestError:
            continue
        if isinstance(declared, Declaration):
            yield declared


def stores(resource: Resource) -> Iterator[Store]:
    """The stores among `declarations`."""
    return (each for each in declarations(resource) if isinstance(each, SecretStore | ClusterSecretStore))


def specs(resource: Resource) -> Iterator[tuple[str, str, ExternalSecretSpec]]:
    """The specs of ExternalSecrets, stamped ones included, as ``(namespace, path of the spec, spec)``.

    The namespace is empty for a ClusterExternalSecret, which has many.
    """
    for declared in declarations(resource):
        if isinstance(declared, ExternalSecret):
            yield declared.metadata.namespace, "spec", declared.spec
        elif isinstance(declared, ClusterExternalSecret):
            yield "", "spec.externalSecretSpec", declared.spec.external_secret_spec


def _wires(resource: Resource) -> Iterator[JsonObject]:
    if resource.type.startswith(OBJECTS):
        yield {key: resource.inputs[key] for key in _KEPT if resource.inputs.get(key, UNKNOWN) != UNKNOWN}
        return
    for name in ("declaration", "declarations"):
        given = [text_at(resource.inputs, name), *(each for each in items_at(resource.inputs, name))]
        for each in given:
            yield from _from_json(each)


def _from_json(document: Any) -> Iterator[JsonObject]:  # noqa: ANN401 - JSON
    """Objects in a JSON text: one, a list, or a map of them; texts inside are read the same way."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return
    if isinstance(document, dict) and "kind" in document:
        yield document
    elif isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from _from_json(each)

"""Declarations of external-secrets.io as they appear among a stack's resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from secretsync.api import ClusterSecretStore, ExternalSecret, SecretStore, parse
from secretsync.errors import ManifestError

if TYPE_CHECKING:
    from pulumi_policy import ResourceValidationArgs

    from secretsync.api import Store

SYNCED_SECRET = "pulumi-python:dynamic/external-secrets:SyncedSecret"  # noqa: S105 - a type token
_KINDS = {"ExternalSecret", "SecretStore", "ClusterSecretStore"}


def external_secret(args: ResourceValidationArgs) -> ExternalSecret | None:
    """The ExternalSecret that a resource is: an object in the cluster, or a sync of the program's own; else None."""
    declared = _declared(args)
    return declared if isinstance(declared, ExternalSecret) else None


def store(args: ResourceValidationArgs) -> Store | None:
    """The SecretStore or ClusterSecretStore that a resource is; else None."""
    declared = _declared(args)
    return declared if isinstance(declared, SecretStore | ClusterSecretStore) else None


def _declared(args: ResourceValidationArgs) -> object:
    props: Mapping[str, Any] = args.props
    if args.resource_type == SYNCED_SECRET:
        wire = json.loads(props["declaration"])
    elif args.resource_type.startswith("kubernetes:external-secrets.io/") and props.get("kind") in _KINDS:
        wire = {key: props[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in props}
    else:
        return None
    try:
        return parse(_plain(wire))
    except ManifestError:
        return None  # the provider or the API server refuses it with a better message


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A resource's properties as dicts and lists: the SDK hands out views that raise where a value is not known yet."""
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value

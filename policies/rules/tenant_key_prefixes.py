"""Tenants of a shared store read their own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.declared import DECLARATIONS, specs
from policies.inputs import UNKNOWN
from policies.rule import Resource, resource_rule
from secretsync.api import StoreKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretsync.api import ExternalSecretSpec, SourceRef

_PREFIXES = parameters.names_by_key(
    "prefixes",
    "Namespace to the beginnings of the keys it may read through a ClusterSecretStore. Empty: no tenancy by key.",
)


def _check(resource: Resource) -> Iterator[str]:
    prefixes = _PREFIXES.of(resource.config)
    if not prefixes:
        return
    for namespace, path, spec in specs(resource):
        if namespace == UNKNOWN:
            continue
        own = prefixes.get(namespace, [])
        for place, key in _shared_keys(spec, path):
            if key != UNKNOWN and not _within(key, own):
                allowed = " or ".join(f"{prefix}…" for prefix in own) or f'nothing; add "{namespace}" to prefixes'
                yield f"{place} leaves the keys of namespace {namespace or '(many)'}: it may read {allowed}"


def _shared_keys(spec: ExternalSecretSpec, path: str) -> Iterator[tuple[str, str]]:
    """Places and keys of what is read through ClusterSecretStores; a find without a path has the key ``""``."""
    for index, entry in enumerate(spec.data):
        if _is_shared(spec, entry.source_ref):
            yield f"{path}.data[{index}].remoteRef.key", entry.remote_ref.key
    for index, source in enumerate(spec.data_from):
        if not _is_shared(spec, source.source_ref):
            continue
        if source.extract is not None:
            yield f"{path}.dataFrom[{index}].extract.key", source.extract.key
        if source.find is not None:
            folder = (source.find.path or "").strip("/")
            yield f"{path}.dataFrom[{index}].find.path", f"{folder}/" if folder not in ("", UNKNOWN) else folder


def _is_shared(spec: ExternalSecretSpec, source: SourceRef | None) -> bool:
    if source is not None and source.generator_ref is not None:
        return False
    store = source.store_ref if source is not None and source.store_ref is not None else spec.secret_store_ref
    return store is not None and store.kind is StoreKind.ClusterSecretStore


def _within(key: str, prefixes: Sequence[str]) -> bool:
    """Whether a key begins as it may. Keys with `..` or empty segments may lead anywhere."""
    plain = key.lstrip("/")
    segments = plain.removesuffix("/").split("/")
    return ".." not in segments and "" not in segments and any(plain.startswith(each.lstrip("/")) for each in prefixes)


POLICY = resource_rule(
    "tenant-key-prefixes",
    "Through a ClusterSecretStore a namespace reads only keys under its own prefixes.",
    _check,
    types=DECLARATIONS,
    severity=Severity.HIGH,
    fix="Use a key under the namespace's prefix, or a SecretStore with access of its own; list prefixes by namespace.",
    parameters=(_PREFIXES,),
)
"""The rule."""

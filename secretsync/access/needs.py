"""Which remote references the ExternalSecrets of a store declare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretsync.api import ExternalSecret, Find, RemoteRef, SourceRef, Store

EVERYWHERE: Final = "*"
"""The namespace of what is declared for namespaces that are not known yet, as by a ClusterExternalSecret."""


@dataclass(frozen=True, slots=True)
class RemoteNeed:
    """One entry of one ExternalSecret that reads from a store.

    Attributes:
        reason: the ExternalSecret and the field, e.g. ``ExternalSecret demo/db, spec.dataFrom[0].extract``.
        ref: the reference of a ``data`` or ``extract`` entry, else None.
        find: the query of a ``find`` entry, else None.
    """

    reason: str
    ref: RemoteRef | None = None
    find: Find | None = None


def needs_of(store: Store, external_secrets: Sequence[ExternalSecret]) -> tuple[RemoteNeed, ...]:
    """Every entry of `external_secrets` that reads from `store`, in declaration order.

    A SecretStore serves its own namespace only, and a ClusterSecretStore those that its conditions admit; where that
    depends on labels, which declarations do not tell, the namespace is taken for admitted. An entry's
    ``sourceRef.storeRef`` goes before ``spec.secretStoreRef``.
    """
    return tuple(need for external_secret in external_secrets for need in _needs(store, external_secret))


def _needs(store: Store, external_secret: ExternalSecret) -> Iterator[RemoteNeed]:
    metadata, spec = external_secret.metadata, external_secret.spec
    if not serves(store, metadata.namespace):
        return
    name = f"ExternalSecret {metadata.namespace}/{metadata.name}"

    def reads_it(source: SourceRef | None) -> bool:
        if source is not None and source.generator_ref is not None:
            return False
        ref = source.store_ref if source is not None and source.store_ref is not None else spec.secret_store_ref
        return ref is not None and (ref.name, ref.kind) == (store.metadata.name, store.kind)

    for index, entry in enumerate(spec.data):
        if reads_it(entry.source_ref):
            yield RemoteNeed(f"{name}, spec.data[{index}]", ref=entry.remote_ref)
    for index, source in enumerate(spec.data_from):
        if not reads_it(source.source_ref):
            continue
        if source.extract is not None:
            yield RemoteNeed(f"{name}, spec.dataFrom[{index}].extract", ref=source.extract)
        elif source.find is not None:
            yield RemoteNeed(f"{name}, spec.dataFrom[{index}].find", find=source.find)


def serves(store: Store, namespace: str) -> bool:
    """Whether the store may be used from a namespace, as far as its name tells."""
    if store.kind == "SecretStore":
        return namespace in {store.metadata.namespace, EVERYWHERE}
    conditions = store.spec.conditions
    if not conditions or namespace == EVERYWHERE or any(each.namespace_selector is not None for each in conditions):
        return True
    return any(
        namespace in each.namespaces or any(map(partial(_matches, namespace), each.namespace_regexes))
        for each in conditions
    )


def _matches(text: str, pattern: str) -> bool:
    """Whether a regular expression (RE2) matches somewhere; one that is none does not."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).search(text) is not None
    except re2.error:
        return False


def store_name(store: Store) -> str:
    """The store as people name it, e.g. ``SecretStore demo/vault-backend``."""
    namespace = f"{store.metadata.namespace}/" if store.metadata.namespace else ""
    return f"{store.kind} {namespace}{store.metadata.name}"

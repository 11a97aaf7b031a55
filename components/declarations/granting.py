"""The access of a stack's stores, compiled; what cannot be granted is told of all stores at once, with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.declarations import aws, vault
from components.declarations.declared import identity
from secretsync.access import AccessRefused, needs_of
from secretsync.access.needs import EVERYWHERE
from secretsync.api import ExternalSecret, ObjectMeta
from secretsync.errors import ManifestError, ManifestErrors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from components.declarations.refusals import Read
    from components.settings import Settings
    from secretsync.api import ClusterExternalSecret, Store
    from secretsync.api.base import Kind


def compile_access(
    read: Read, stores: Sequence[Store], settings: Settings, in_pulumi: Sequence[ExternalSecret]
) -> tuple[tuple[vault.VaultAccess, ...], tuple[aws.AWSStoreAccess, ...]]:
    """The access of each store that the stack serves.

    Args:
        read: the manifests.
        stores: the stores, completed.
        settings: the stack's settings.
        in_pulumi: the ExternalSecrets of the pulumi lane.

    Raises:
        ManifestErrors: everything that cannot be granted narrowly, of all stores.
        SettingsError: a ClusterSecretStore names no namespace for its ServiceAccount.
    """
    errors: list[ManifestError] = []
    for_vault: list[vault.VaultAccess] = []
    for_aws: list[aws.AWSStoreAccess] = []
    listed = {identity(each) for each in in_pulumi}
    for store in stores:
        readers = (*read.external_secrets, *(made for made, _ in _spread(read, store)))
        name = identity(store)
        try:
            if settings.vault is not None and name in settings.vault.stores:
                for_vault.append(vault.access(store, readers))
            elif settings.aws is not None and name in settings.aws.stores:
                versions = bool(needs_of(store, in_pulumi))
                by_operator = [each for each in readers if identity(each) not in listed]
                upstream = settings.operator.kind != "builtin" and bool(needs_of(store, by_operator))
                for_aws.append(aws.access(store, readers, settings.aws, versions=versions, upstream=upstream))
        except AccessRefused as error:
            places = _Places(read, store)
            errors += [
                ManifestError(refusal.problem, place=places.of(refusal.place), remedy=refusal.remedy)
                for refusal in error.refusals
            ]
    if errors:
        raise ManifestErrors(errors)
    return tuple(for_vault), tuple(for_aws)


def _spread(read: Read, store: Store) -> Iterator[tuple[ExternalSecret, ClusterExternalSecret]]:
    """ClusterExternalSecrets as the ExternalSecrets that the operator makes of them, as far as a store may serve them.

    Which namespaces a selector picks is known in the cluster only, so a SecretStore counts with its own.
    """
    for clustered in read.manifests.cluster_external_secrets:
        spec = clustered.spec
        selects = spec.namespace_selector is not None or bool(spec.namespace_selectors)
        namespaces = dict.fromkeys([*spec.namespaces, *([store.metadata.namespace or EVERYWHERE] if selects else [])])
        name = spec.external_secret_name or clustered.metadata.name
        for namespace in namespaces:
            metadata = ObjectMeta(name=name, namespace=namespace)
            yield ExternalSecret(metadata=metadata, spec=spec.external_secret_spec), clustered


class _Places:
    """Where the declarations stand that the refusals of a store name."""

    def __init__(self, read: Read, store: Store) -> None:
        self._read = read
        self._written: dict[str, tuple[Kind, str]] = {
            f"{each.kind} {identity(each)}": (each, "") for each in (*read.external_secrets, *read.stores)
        }
        for made, clustered in _spread(read, store):
            self._written.setdefault(f"{made.kind} {identity(made)}", (clustered, "spec.externalSecretSpec."))

    def of(self, place: str) -> str:
        """A place such as ``ExternalSecret demo/db, spec.data[0]`` with file and line before it, if it is known."""
        who, _, field = place.partition(", ")
        if who not in self._written:
            return place
        declared, prefix = self._written[who]
        return f"{self._read.place(declared, prefix + field.removeprefix('spec.') if prefix else field)}, {place}"

"""Reads and completes the manifests of a stack, and refuses what cannot come to be; everything wrong at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from components.declarations import aws, refusals, vault
from components.declarations.declared import Declarations, Lane, identity
from components.declarations.granting import compile_access
from components.declarations.refusals import Read
from secretsync.api import (
    ClusterGenerator,
    ExternalSecret,
    load_manifests,
)
from secretsync.errors import ManifestErrors, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from components.settings import Settings
    from secretsync.api import Generator, Manifests, PushSecret, SecretStore, Store
    from secretsync.api.base import Kind

_Namespaced = TypeVar("_Namespaced", bound="ExternalSecret | SecretStore | PushSecret | Generator")


def declare(settings: Settings, *, root: Path, vault_address: str | None) -> Declarations:
    """Read and complete the manifests of a stack.

    Args:
        settings: the stack's settings.
        root: the project's folder; manifest paths are relative to it.
        vault_address: base URL that stores of the stack's Vault get; None where the stack has none.

    Raises:
        ManifestErrors: everything that is wrong in the files, at once: what they say, kinds that the stack's operator
            does not serve, intervals below the floor, and declarations that undo each other; then what cannot be
            granted narrowly.
        SettingsError: the stack file names a store or ExternalSecret that no manifest declares, or that the stack
            cannot serve.
    """
    manifests = load_manifests([root / path for path in settings.manifests], root=root)
    read = _read(manifests, settings)
    errors = [*refusals.unserved(read, settings), *refusals.below_floor(read, settings), *refusals.conflicts(read)]
    if errors:
        raise ManifestErrors(errors)
    in_vault = settings.vault.stores if settings.vault else ()
    in_aws = settings.aws.stores if settings.aws else ()
    refusals.check_names(settings, read, {"vault.stores": in_vault, "aws.stores": in_aws})
    stores = tuple(_completed(store, read, settings, vault_address) for store in read.stores)
    lanes: dict[str, Lane] = {
        identity(es): settings.sync.lane(es.metadata.namespace, es.metadata.name) for es in read.external_secrets
    }
    in_pulumi = [es for es in read.external_secrets if lanes[identity(es)] == "pulumi"]
    vault_access, aws_access = compile_access(read, stores, settings, in_pulumi)
    refusals.check_accounts((*vault_access, *aws_access))
    refusals.check_pulumi_lane(settings, aws_access, in_pulumi)
    return Declarations(
        stores,
        read.external_secrets,
        lanes,
        vault_access,
        aws_access,
        read.generators,
        manifests.cluster_external_secrets,
        read.push_secrets,
        {identity(es): read.places(es) for es in in_pulumi},
    )


def _read(manifests: Manifests, settings: Settings) -> Read:
    originals: dict[int, Kind] = {}

    def namespaced(declared: _Namespaced) -> _Namespaced:
        if declared.metadata.namespace or isinstance(declared, ClusterGenerator):
            return declared
        metadata = declared.metadata.model_copy(update={"namespace": settings.namespace})
        completed = declared.model_copy(update={"metadata": metadata})
        originals[id(completed)] = declared
        return cast("_Namespaced", completed)

    return Read(
        manifests,
        (*(namespaced(store) for store in manifests.secret_stores), *manifests.cluster_secret_stores),
        tuple(namespaced(es) for es in manifests.external_secrets),
        tuple(namespaced(each) for each in manifests.generators),
        tuple(namespaced(each) for each in manifests.push_secrets),
        originals,
    )


def _completed(store: Store, read: Read, settings: Settings, vault_address: str | None) -> Store:
    name = identity(store)
    try:
        if settings.vault is not None and vault_address is not None and name in settings.vault.stores:
            return vault.complete(store, settings.vault, vault_address)
        if settings.aws is not None and name in settings.aws.stores:
            return aws.complete(store, settings.aws)
    except SettingsError as error:
        raise error.at(read.place(store)) from None
    return store

"""Stores that the stack's Vault serves: completed, and their access compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.declarations.declared import identity
from secretsync.access import compile_vault, policy_document
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.settings import VaultSettings
    from secretsync.api import ExternalSecret, Store


@dataclass(frozen=True, slots=True)
class VaultAccess:
    """What one Vault store needs to be able to read what is declared.

    Attributes:
        store: the store, completed.
        namespace: namespace of the ServiceAccount that logs in.
        service_account: its name.
        role: name of the role, and of the policy.
        policy: the compiled policy in HCL.
    """

    store: Store
    namespace: str
    service_account: str
    role: str
    policy: str


def complete(store: Store, settings: VaultSettings, address: str) -> Store:
    """The store with server, mount, auth path and role of the stack's Vault.

    Raises:
        SettingsError: it does not log in with a ServiceAccount.
    """
    config = store.spec.provider.vault
    kubernetes = config.auth.kubernetes if config is not None and config.auth is not None else None
    if config is None or config.auth is None or kubernetes is None or kubernetes.service_account_ref is None:
        raise SettingsError(
            f"{store.kind} {identity(store)} does not log in to Vault with a ServiceAccount",
            place="stack configuration, vault.stores",
            remedy="give it provider.vault.auth.kubernetes.serviceAccountRef, or take it off the list",
        )
    login = kubernetes.model_copy(update={"mount_path": settings.auth_path, "role": role_name(store)})
    auth = config.auth.model_copy(update={"kubernetes": login})
    vault = config.model_copy(update={"server": address, "path": settings.mount, "auth": auth})
    provider = store.spec.provider.model_copy(update={"vault": vault})
    return store.model_copy(update={"spec": store.spec.model_copy(update={"provider": provider})})


def role_name(store: Store) -> str:
    """Name of a store's role: unique per cluster, and legible in the backend's audit log."""
    return f"{store.metadata.namespace or 'cluster'}-{store.metadata.name}"


def access(store: Store, external_secrets: Sequence[ExternalSecret]) -> VaultAccess:
    """The access of a completed store.

    Raises:
        SettingsError: a ClusterSecretStore names no namespace for its ServiceAccount.
        StoreInvalid: a declared key cannot be granted narrowly.
    """
    config = store.spec.provider.vault
    kubernetes = config.auth.kubernetes if config is not None and config.auth is not None else None
    account = kubernetes.service_account_ref if kubernetes is not None else None
    namespace = store.metadata.namespace or (account.namespace if account is not None else "")
    if account is None or not namespace:  # `complete` refused a store without an account
        raise SettingsError(
            "names no namespace for its ServiceAccount",
            place=f"{store.kind} {identity(store)}",
            remedy="set provider.vault.auth.kubernetes.serviceAccountRef.namespace",
        )
    policy = policy_document(compile_vault(store, external_secrets))
    return VaultAccess(store, namespace, account.name, role_name(store), policy)

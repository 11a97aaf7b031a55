"""The declarations of a stack: native YAML, completed by what the stack file says; pure, no Pulumi in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, assert_never

from secretsync.access import compile_vault, policy_document
from secretsync.api import ClusterSecretStore, ExternalSecret, SecretStore, Store, load_manifests
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from components.settings import Settings, VaultSettings
    from secretsync.api import Manifests

Lane = Literal["operator", "pulumi"]
_Namespaced = TypeVar("_Namespaced", ExternalSecret, SecretStore)


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


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything a stack declares, with namespaces and backend addresses filled in.

    Attributes:
        stores: SecretStores and ClusterSecretStores.
        external_secrets: ExternalSecrets of both lanes, in file order.
        lanes: identity ``namespace/name`` → lane.
        vault_access: one entry per store that the stack's Vault serves.
    """

    stores: tuple[Store, ...]
    external_secrets: tuple[ExternalSecret, ...]
    lanes: dict[str, Lane]
    vault_access: tuple[VaultAccess, ...]

    def in_lane(self, lane: Lane) -> tuple[ExternalSecret, ...]:
        """The ExternalSecrets of one lane."""
        return tuple(es for es in self.external_secrets if self.lanes[identity(es)] == lane)

    @property
    def token_accounts(self) -> tuple[tuple[str, str], ...]:
        """(namespace, ServiceAccount) pairs as which stores log in, sorted; whoever syncs requests their tokens.

        A ClusterSecretStore that names no namespace logs in from the namespace of each ExternalSecret.
        """
        pairs = {
            (namespace, account.name)
            for store in self.stores
            for account in _service_accounts(store.spec.provider.config)
            for namespace in (
                [store.metadata.namespace or account.namespace] if _is_bound(store, account) else self.namespaces
            )
        }
        return tuple(sorted((namespace, name) for namespace, name in pairs if namespace))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace that a declaration, or an account made for a store, lives in; sorted."""
        objects = (*self.external_secrets, *self.stores)
        accounts = {access.namespace for access in self.vault_access}
        return tuple(sorted({o.metadata.namespace for o in objects if o.metadata.namespace} | accounts))


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    namespace: str


def _service_accounts(config: Mapping[str, object]) -> Iterator[_Account]:
    """Every ServiceAccount that a provider's configuration refers to, whatever the provider."""
    for key, value in config.items():
        if not isinstance(value, Mapping):
            continue
        if key in ("serviceAccountRef", "serviceAccount"):
            yield _Account(str(value.get("name", "")), str(value.get("namespace") or ""))
        else:
            yield from _service_accounts(value)


def _is_bound(store: Store, account: _Account) -> bool:
    return bool(store.metadata.namespace or account.namespace)


def identity(declared: ExternalSecret | Store) -> str:
    """``namespace/name``, or ``name`` for what is cluster-wide."""
    metadata = declared.metadata
    return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name


def declare(settings: Settings, *, root: Path, vault_address: str | None) -> Declarations:
    """Read and complete the manifests of a stack.

    Args:
        settings: the stack's settings.
        root: the project's folder; manifest paths are relative to it.
        vault_address: base URL that stores of the stack's Vault get; None where the stack has none.

    Raises:
        ManifestErrors: everything that is wrong in the files, at once.
        SettingsError: the stack file names a store or ExternalSecret that no manifest declares, or a manifest declares
            a kind that a stack does not make.
        StoreInvalid: a declared key cannot be granted narrowly.
    """
    manifests = load_manifests([root / path for path in settings.manifests], root=root)
    _refuse_unserved(manifests)
    external_secrets = tuple(_namespaced(es, settings.namespace) for es in manifests.external_secrets)
    stores: tuple[Store, ...] = (
        *(_namespaced(store, settings.namespace) for store in manifests.secret_stores),
        *manifests.cluster_secret_stores,
    )
    served = settings.vault.stores if settings.vault else ()
    _check_names(settings, stores, external_secrets, served)
    if settings.vault is not None and vault_address is not None:
        stores = tuple(
            _with_backend(store, settings.vault, vault_address) if identity(store) in served else store
            for store in stores
        )
    access = tuple(_vault_access(store, external_secrets) for store in stores if identity(store) in served)
    lanes: dict[str, Lane] = {
        identity(es): settings.sync.lane(es.metadata.namespace, es.metadata.name) for es in external_secrets
    }
    return Declarations(stores, external_secrets, lanes, access)


def _refuse_unserved(manifests: Manifests) -> None:
    """What would be read and then left out is told instead."""
    others = (*manifests.generators, *manifests.cluster_external_secrets, *manifests.push_secrets)
    if others:
        raise SettingsError(
            "a stack makes stores and ExternalSecrets only, not "
            + "; ".join(f"{manifests.place(other)}, {other.kind} {other.metadata.name}" for other in others),
            place="stack configuration, manifests",
            remedy="keep these objects in a folder of their own, and apply them beside the stack",
        )


def _namespaced(declared: _Namespaced, namespace: str) -> _Namespaced:
    if declared.metadata.namespace:
        return declared
    metadata = declared.metadata.model_copy(update={"namespace": namespace})
    return declared.model_copy(update={"metadata": metadata})


def _check_names(
    settings: Settings,
    stores: tuple[Store, ...],
    external_secrets: tuple[ExternalSecret, ...],
    served: tuple[str, ...],
) -> None:
    known_stores = {identity(store) for store in stores}
    known = {identity(es) for es in external_secrets}
    problems = [f"vault.stores: no manifest declares the store {name}" for name in served if name not in known_stores]
    for lane in ("operator", "pulumi"):
        listed: tuple[str, ...] = getattr(settings.sync, lane)
        unknown = [name for name in listed if name not in known]
        problems += [f"sync.{lane}: no manifest declares the ExternalSecret {name}" for name in unknown]
    if problems:
        raise SettingsError(
            "; ".join(problems),
            place="stack configuration",
            remedy=f"declared are the stores {_listed(known_stores)} and the ExternalSecrets {_listed(known)}",
        )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "(none)"


def _with_backend(store: Store, settings: VaultSettings, address: str) -> Store:
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


def _vault_access(store: Store, external_secrets: tuple[ExternalSecret, ...]) -> VaultAccess:
    config = store.spec.provider.vault
    kubernetes = config.auth.kubernetes if config is not None and config.auth is not None else None
    account = kubernetes.service_account_ref if kubernetes is not None else None
    if account is None:  # `_with_backend` refused such a store
        raise SettingsError("does not log in with a ServiceAccount", place=f"{store.kind} {identity(store)}")
    if isinstance(store, SecretStore):
        namespace = store.metadata.namespace
    elif isinstance(store, ClusterSecretStore):
        namespace = account.namespace or ""
    else:
        assert_never(store)
    if not namespace:
        raise SettingsError(
            "names no namespace for its ServiceAccount",
            place=f"{store.kind} {identity(store)}",
            remedy="set provider.vault.auth.kubernetes.serviceAccountRef.namespace",
        )
    policy = policy_document(compile_vault(store, external_secrets))
    return VaultAccess(store, namespace, account.name, role_name(store), policy)

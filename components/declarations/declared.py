"""What a stack declares, once it is read and completed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.declarations.aws import AWSStoreAccess
    from components.declarations.vault import VaultAccess
    from secretsync.api import ClusterExternalSecret, ExternalSecret, Generator, PushSecret, Store

    Declared = ExternalSecret | Store | Generator | ClusterExternalSecret | PushSecret

Lane = Literal["operator", "pulumi"]


def identity(declared: Declared) -> str:
    """``namespace/name``, or ``name`` for what is cluster-wide."""
    metadata = declared.metadata
    return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything a stack declares, with namespaces, backend addresses and logins filled in.

    Attributes:
        stores: SecretStores and ClusterSecretStores.
        external_secrets: ExternalSecrets of both lanes, in file order.
        lanes: identity ``namespace/name`` → lane.
        vault_access: one entry per store that the stack's Vault serves.
        aws_access: one entry per store that the stack's AWS account serves.
        generators: generators of all kinds.
        cluster_external_secrets: ClusterExternalSecrets; for the operator `upstream` only.
        push_secrets: PushSecrets; for the operator `upstream` only.
        places: identity of an ExternalSecret of the pulumi lane → path of a field → ``file:line``, as `Read.places`
            tells them.
    """

    stores: tuple[Store, ...]
    external_secrets: tuple[ExternalSecret, ...]
    lanes: Mapping[str, Lane]
    vault_access: tuple[VaultAccess, ...] = ()
    aws_access: tuple[AWSStoreAccess, ...] = ()
    generators: tuple[Generator, ...] = ()
    cluster_external_secrets: tuple[ClusterExternalSecret, ...] = ()
    push_secrets: tuple[PushSecret, ...] = ()
    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

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
        objects = (*self.external_secrets, *self.stores, *self.generators, *self.push_secrets)
        accounts = {access.namespace for access in self.vault_access} | {access.namespace for access in self.aws_access}
        return tuple(sorted(({o.metadata.namespace for o in objects} | accounts) - {""}))


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

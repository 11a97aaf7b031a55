"""What an operator of the whole cluster is asked to do by one stack: the narrowest scope that serves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from components.declarations import identity
from secretsync.api import ClusterGenerator, ClusterSecretStore, crds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from components.declarations import Declarations

_HTTPS: Final = 443
_HTTP: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamScope:
    """What a stack's declarations ask of the operator."""

    namespaces: tuple[str, ...]
    """Namespaces that something is declared in."""
    token_accounts: tuple[tuple[str, str], ...]
    """(namespace, ServiceAccount) pairs as which stores log in."""
    definitions: tuple[str, ...]
    """Names of the CustomResourceDefinitions of the declared kinds."""
    cluster_stores: bool
    """Whether there is a ClusterSecretStore."""
    cluster_external_secrets: bool
    """Whether there is a ClusterExternalSecret."""
    cluster_generators: bool
    """Whether there is a ClusterGenerator."""
    push_secrets: bool
    """Whether there is a PushSecret."""
    backend_ports: tuple[int, ...]
    """TCP ports of the backends."""
    own_identity: tuple[str, ...]
    """AWS stores that log in as the operator itself."""

    @classmethod
    def of(cls, declared: Declarations) -> UpstreamScope:
        """The scope of a stack."""
        objects = (
            *declared.external_secrets,
            *declared.stores,
            *declared.generators,
            *declared.cluster_external_secrets,
            *declared.push_secrets,
        )
        kinds = {"ExternalSecret", "SecretStore", *(each.kind for each in objects)}
        return cls(
            namespaces=declared.namespaces,
            token_accounts=declared.token_accounts,
            definitions=tuple(
                sorted(crd["metadata"]["name"] for crd in crds() if crd["spec"]["names"]["kind"] in kinds)
            ),
            cluster_stores=any(isinstance(store, ClusterSecretStore) for store in declared.stores),
            cluster_external_secrets=bool(declared.cluster_external_secrets),
            cluster_generators=any(isinstance(each, ClusterGenerator) for each in declared.generators),
            push_secrets=bool(declared.push_secrets),
            backend_ports=tuple(
                sorted({port for store in declared.stores for port in _ports(store.spec.provider.config)})
            ),
            own_identity=tuple(
                sorted(
                    identity(store)
                    for store in declared.stores
                    if (config := store.spec.provider.aws) is not None
                    and config.auth.jwt is None
                    and config.auth.secret_ref is None
                )
            ),
        )

    @property
    def cluster_kinds(self) -> tuple[str, ...]:
        """The cluster-wide kinds that are declared."""
        declared = {
            "ClusterSecretStore": self.cluster_stores,
            "ClusterExternalSecret": self.cluster_external_secrets,
            "ClusterGenerator": self.cluster_generators,
        }
        return tuple(kind for kind, is_declared in declared.items() if is_declared)


def _ports(config: Mapping[str, object]) -> Iterator[int]:
    """The port of a backend: that of the address its store names, else the one of HTTPS."""
    for name in ("server", "url", "vaultUrl"):
        address = config.get(name)
        if isinstance(address, str) and "://" in address and "{" not in address.split("/")[2]:
            parts = urlsplit(address)
            yield parts.port or (_HTTP if parts.scheme == "http" else _HTTPS)
            return
    yield _HTTPS

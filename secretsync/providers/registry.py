"""Which backend serves which store: built-in ones by name, others through the entry-point group."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, cast

from secretsync.errors import StoreInvalid
from secretsync.providers.references import store_place

if TYPE_CHECKING:
    from secretsync.api import Store
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider

ENTRY_POINT_GROUP: Final = "secretsync.providers"
"""Other packages offer a backend under the JSON key of the store's provider: a callable like `open_provider`."""

_BUILT_IN: Final = {
    "aws": "secretsync.providers.aws",
    "fake": "secretsync.providers.fake",
    "kubernetes": "secretsync.providers.kubernetes",
    "vault": "secretsync.providers.vault",
    "webhook": "secretsync.providers.webhook",
}
"""JSON key of the provider → module with a function `open_store`; imported when first used."""

_REMEDIES: Final = {
    "openBao": "use the provider vault, which serves OpenBao: same server, path and auth",
}

Opener = Callable[..., "Provider"]


def served() -> tuple[str, ...]:
    """The JSON keys of all providers that can be opened here, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))}))


def open_provider(store: Store, *, namespace: str, cluster: Cluster) -> Provider:
    """The backend of a store; nothing is read or connected before its first use.

    Args:
        store: the store.
        namespace: the namespace of the ExternalSecret, for referent authentication; the store's own for a SecretStore;
            empty when a ClusterSecretStore is validated by itself.
        cluster: where the store's references are read.

    Raises:
        StoreInvalid: no backend of this name is served, or its specification cannot work.
    """
    return _opener(store)(store, namespace=namespace, cluster=cluster)


def _opener(store: Store) -> Opener:
    name = store.spec.provider.name
    if name in _BUILT_IN:
        return cast("Opener", importlib.import_module(_BUILT_IN[name]).open_store)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return cast("Opener", point.load())
    raise StoreInvalid(
        f"the provider {name} is not served here",
        place=store_place(store),
        remedy=_REMEDIES.get(name, f"use one of: {', '.join(served())}, or let the upstream operator serve this store"),
    )

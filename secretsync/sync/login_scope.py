"""Whose login a store needs: one for all namespaces, or one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsync.api import ClusterSecretStore, SessionTagsPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api import Store


def referenced_objects(store: Store, namespace: str) -> frozenset[tuple[str, str]]:
    """Namespace and name of every object that the store's provider configuration names.

    Args:
        store: the store.
        namespace: where references without a namespace point to: that of the ExternalSecret for a ClusterSecretStore.
    """
    home = namespace if isinstance(store, ClusterSecretStore) else store.metadata.namespace
    config = store.spec.provider.config
    return frozenset((str(ref.get("namespace") or home), str(ref["name"])) for ref in _references(config))


def login_scope(store: Store, namespace: str) -> str:
    """The namespace that a login at the store is made for; empty where one login serves all namespaces.

    A ClusterSecretStore logs in for each namespace where it reads its credentials there, and where AWS session tags
    name the namespace (ESO v2.9.0, ``sessionTagsPolicy``).
    """
    if not isinstance(store, ClusterSecretStore):
        return store.metadata.namespace
    provider = store.spec.provider
    if any(not ref.get("namespace") for ref in _references(provider.config)):
        return namespace
    aws = provider.aws
    tagged = aws is not None and bool(aws.role) and aws.session_tags_policy is not SessionTagsPolicy.None_
    return namespace if tagged else ""


def _references(value: object, name: str = "") -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and (name.endswith("Ref") or name in _REFERENCES):
            yield value
        for key, inner in value.items():
            yield from _references(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner, name)


_REFERENCES = frozenset(
    {"caProvider", "bearerToken", "clientCert", "clientKey", "serviceAccount", "secretRef", "usernameSecret"}
)

"""What store specifications refer to in Kubernetes: keys of Secrets, CA bundles, tokens of service accounts.

The namespace rules are ESO's (v2.9.0): whatever a SecretStore refers to is read in its own namespace, and a namespace
in the reference has no effect; a ClusterSecretStore may name a namespace, and where it does not, that of the
ExternalSecret is meant (referent authentication).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from secretsync.api import CAProviderType, ClusterSecretStore
from secretsync.errors import StoreInvalid
from secretsync.kube.resources import CONFIG_MAPS, SECRETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.api import CAProvider, JsonObject, SecretKeySelector, ServiceAccountSelector, Store
    from secretsync.kube.protocol import Cluster, Token

_PEM = b"-----BEGIN"


def store_place(store: Store) -> str:
    """``SecretStore namespace/name`` or ``ClusterSecretStore name``."""
    if isinstance(store, ClusterSecretStore):
        return f"{store.kind} {store.metadata.name}"
    return f"{store.kind} {store.metadata.namespace}/{store.metadata.name}"


def resolve_namespace(named: str | None, *, store: Store, namespace: str) -> str:
    """The namespace a reference of a store is read in.

    Args:
        named: the namespace the reference names, if any.
        store: whose reference it is.
        namespace: the namespace of the ExternalSecret.

    Raises:
        StoreInvalid: a ClusterSecretStore names none and there is no ExternalSecret that would give one.
    """
    if isinstance(store, ClusterSecretStore) and named:
        return named
    if not namespace:
        raise StoreInvalid(
            "a reference names no namespace, and there is no ExternalSecret to take it from",
            place=store_place(store),
            remedy="add namespace to the reference",
        )
    return namespace


async def secret(name: str | None, named: str | None, *, store: Store, namespace: str, cluster: Cluster) -> JsonObject:
    """The Secret a reference of a store means.

    Raises:
        StoreInvalid: it is not there.
        ClusterError: it cannot be read.
    """
    where = resolve_namespace(named, store=store, namespace=namespace)
    found = await cluster.get(SECRETS, name, where) if name else None
    if found is None:
        raise StoreInvalid(
            f"refers to the Secret {where}/{name or ''}, which does not exist",
            place=store_place(store),
            remedy="create the Secret or correct the reference",
        )
    return found


async def secret_value(
    selector: SecretKeySelector, *, store: Store, namespace: str, cluster: Cluster, default_key: str = ""
) -> bytes:
    """The value of one key of a Secret.

    Args:
        selector: names the Secret and the key.
        store: whose reference it is.
        namespace: the namespace of the ExternalSecret.
        cluster: where it is read.
        default_key: the key where the selector names none.

    Raises:
        StoreInvalid: the Secret or the key is not there.
        ClusterError: the Secret cannot be read.
    """
    found = await secret(selector.name, selector.namespace, store=store, namespace=namespace, cluster=cluster)
    key = selector.key or default_key
    try:
        return base64.b64decode(found["data"][key])
    except (KeyError, TypeError):
        raise StoreInvalid(
            f"refers to the key {key!r} of the Secret {found['metadata'].get('namespace')}/{selector.name}, "
            "which does not exist",
            place=store_place(store),
            remedy="add the key to the Secret or correct the reference",
        ) from None


async def ca_bundle(
    bundle: bytes, ca_provider: CAProvider | None, *, store: Store, namespace: str, cluster: Cluster
) -> bytes:
    """The PEM certificates a backend is checked against; empty for the system's.

    Args:
        bundle: the inline bundle, which comes first; PEM, or base64 of PEM once more.
        ca_provider: the Secret or ConfigMap that holds it.
        store: whose setting it is.
        namespace: the namespace of the ExternalSecret.
        cluster: where it is read.

    Raises:
        StoreInvalid: object or key is not there, the content is no PEM, or a ClusterSecretStore names no namespace.
        ClusterError: the object cannot be read.
    """
    if bundle:
        return _pem(bundle, store, "caBundle")
    if ca_provider is None:
        return b""
    if isinstance(store, ClusterSecretStore) and not ca_provider.namespace:
        raise StoreInvalid(
            "caProvider names no namespace",
            place=store_place(store),
            remedy="add caProvider.namespace: a ClusterSecretStore needs it",
        )
    where = resolve_namespace(ca_provider.namespace, store=store, namespace=namespace)
    key = ca_provider.key or ""
    resource = SECRETS if ca_provider.type is CAProviderType.Secret else CONFIG_MAPS
    found = await cluster.get(resource, ca_provider.name, where)
    value = (found or {}).get("data", {}).get(key)
    if value is None:
        raise StoreInvalid(
            f"caProvider refers to the key {key!r} of the {resource.kind} {where}/{ca_provider.name}, "
            "which does not exist",
            place=store_place(store),
            remedy="create it or correct the reference",
        )
    content = base64.b64decode(value) if resource is SECRETS else str(value).encode()
    return _pem(content, store, "caProvider")


async def service_account_token(
    selector: ServiceAccountSelector,
    *,
    store: Store,
    namespace: str,
    cluster: Cluster,
    audiences: Sequence[str] = (),
    expiration_seconds: int = 600,
) -> Token:
    """A fresh token of a service account.

    Args:
        selector: names the ServiceAccount and audiences of its own.
        store: whose reference it is.
        namespace: the namespace of the ExternalSecret.
        cluster: where it is requested.
        audiences: further audiences.
        expiration_seconds: life time.

    Raises:
        ClusterError: it cannot be had, e.g. for want of the RBAC verb ``create`` on ``serviceaccounts/token``.
    """
    where = resolve_namespace(selector.namespace, store=store, namespace=namespace)
    wanted = (*selector.audiences, *audiences)
    return await cluster.service_account_token(where, selector.name, wanted, expiration_seconds)


def _pem(content: bytes, store: Store, field: str) -> bytes:
    if _PEM in content:
        return content
    try:
        decoded = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if _PEM not in decoded:
        raise StoreInvalid(
            f"{field} holds no PEM certificate", place=store_place(store), remedy="give PEM certificates"
        )
    return decoded

"""References to Kubernetes objects inside store specifications."""

from __future__ import annotations

from enum import StrEnum

from secretsync.api.base import DataKey, Items, Model, NamespaceName, ObjectName


class SecretKeySelector(Model):
    """One key of a Kubernetes Secret (ESO: ``meta/v1.SecretKeySelector``)."""

    name: ObjectName | None = None
    """Name of the Secret."""
    namespace: NamespaceName | None = None
    """Its namespace. Only a ClusterSecretStore may say one; absent there means that of the ExternalSecret."""
    key: DataKey | None = None
    """Key in the Secret's data. Some uses have a default, others require it."""


class ServiceAccountSelector(Model):
    """A ServiceAccount whose token is asked for (ESO: ``meta/v1.ServiceAccountSelector``)."""

    name: ObjectName
    """Name of the ServiceAccount."""
    namespace: NamespaceName | None = None
    """Its namespace. Only a ClusterSecretStore may say one; absent there means that of the ExternalSecret."""
    audiences: Items[str] = ()
    """Audiences of the token, besides those the provider adds."""


class CAProviderType(StrEnum):
    """Where a CA bundle is kept."""

    Secret = "Secret"  # noqa: S105 - the name of a kind
    ConfigMap = "ConfigMap"


class CAProvider(Model):
    """A CA bundle in a Secret or ConfigMap."""

    type: CAProviderType
    """Kind of the object that holds the bundle."""
    name: ObjectName
    """Name of that object."""
    key: DataKey | None = None
    """Key in its data."""
    namespace: NamespaceName | None = None
    """Its namespace; only in a ClusterSecretStore."""

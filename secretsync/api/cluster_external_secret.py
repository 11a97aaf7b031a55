"""ClusterExternalSecret: one ExternalSecret in many namespaces (external-secrets.io/v1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from secretsync.api.base import Items, Kind, Model, NamespaceName, ObjectName
from secretsync.api.external_secret import API_VERSION, ExternalSecretSpec
from secretsync.api.go_duration import Duration
from secretsync.api.metadata import Condition, LabelSelector, ObjectMeta


class ExternalSecretMetadata(Model):
    """Metadata of the ExternalSecrets that are made."""

    annotations: dict[str, str] = Field(default={})
    """Their annotations."""
    labels: dict[str, str] = Field(default={})
    """Their labels."""


class ClusterExternalSecretSpec(Model):
    """An ExternalSecret and the namespaces it is made in."""

    external_secret_spec: ExternalSecretSpec
    """The spec of each."""
    external_secret_name: ObjectName | None = None
    """Their name; absent means that of the ClusterExternalSecret."""
    external_secret_metadata: ExternalSecretMetadata = Field(default_factory=ExternalSecretMetadata)
    """Their metadata."""
    namespace_selector: LabelSelector | None = None
    """Namespaces by labels. Deprecated in favour of namespaceSelectors."""
    namespace_selectors: Items[LabelSelector] = ()
    """Namespaces by labels, joined by or."""
    namespaces: Items[NamespaceName] = ()
    """Namespaces by name, joined to the selectors by or."""
    refresh_time: Duration | None = None
    """How often the namespaces are looked through; absent means 1h."""


class NamespaceFailure(Model):
    """A namespace where it did not work."""

    namespace: str
    """The namespace."""
    reason: str = ""
    """What happened."""


class ClusterExternalSecretStatus(Model):
    """What the controller last did."""

    external_secret_name: str = ""
    """Name of the ExternalSecrets that were made."""
    failed_namespaces: Items[NamespaceFailure] = ()
    """Where it did not work."""
    provisioned_namespaces: Items[str] = ()
    """Where it did."""
    conditions: Items[Condition] = ()
    """Ready."""


class ClusterExternalSecret(Kind):
    """Makes the same ExternalSecret in all chosen namespaces."""

    api_version: str = API_VERSION
    kind: Literal["ClusterExternalSecret"] = "ClusterExternalSecret"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ClusterExternalSecretSpec
    status: ClusterExternalSecretStatus = Field(default_factory=ClusterExternalSecretStatus)

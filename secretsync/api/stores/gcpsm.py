"""Google Cloud Secret Manager."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from secretsync.api.base import Model
from secretsync.api.references import SecretKeySelector, ServiceAccountSelector


class GCPSMAuthSecretRef(Model):
    """A service account key in a Secret."""

    secret_access_key: SecretKeySelector = Field(default_factory=SecretKeySelector, alias="secretAccessKeySecretRef")
    """The key file."""


class GCPWorkloadIdentity(Model):
    """The Google identity of a Kubernetes ServiceAccount."""

    service_account_ref: ServiceAccountSelector
    """The ServiceAccount."""
    cluster_location: str = ""
    """Location of the cluster; absent means what the metadata server says."""
    cluster_name: str = ""
    """Name of the cluster; absent means what the metadata server says."""
    cluster_project_id: str = Field(default="", alias="clusterProjectID")
    """Project of the cluster; absent means what the metadata server says."""


class ConfigMapReference(Model):
    """One key of a ConfigMap."""

    name: str
    """Name of the ConfigMap."""
    namespace: str = ""
    """Its namespace."""
    key: str
    """Key in its data."""


class SecretReference(Model):
    """A Secret by name."""

    name: str
    """Name of the Secret."""
    namespace: str = ""
    """Its namespace."""


class AwsCredentialsConfig(Model):
    """AWS credentials that are exchanged for a Google identity."""

    region: str
    """AWS region."""
    aws_credentials_secret_ref: SecretReference
    """Secret with aws_access_key_id, aws_secret_access_key and aws_session_token."""


class GCPWorkloadIdentityFederation(Model):
    """A foreign identity that Google trusts."""

    cred_config: ConfigMapReference | None = None
    """The credential configuration."""
    service_account_ref: ServiceAccountSelector | None = None
    """The ServiceAccount whose token is exchanged."""
    aws_security_credentials: AwsCredentialsConfig | None = None
    """The AWS credentials that are exchanged."""
    audience: str = ""
    """The workload identity provider."""
    external_token_endpoint: str = ""
    """Where tokens are exchanged."""
    gcp_service_account_email: (
        Annotated[str, Field(min_length=1, pattern=r"^.*@.*\.iam\.gserviceaccount\.com$")] | None
    ) = None
    """The Google service account that is impersonated."""


class GCPSMAuth(Model):
    """How to log in; none means what the environment of the process offers."""

    secret_ref: GCPSMAuthSecretRef | None = None
    """By a service account key."""
    workload_identity: GCPWorkloadIdentity | None = None
    """By workload identity of GKE."""
    workload_identity_federation: GCPWorkloadIdentityFederation | None = None
    """By workload identity federation."""


class SecretVersionSelectionPolicy(StrEnum):
    """Which version stands in for a latest one that cannot be read."""

    LatestOrFail = "LatestOrFail"
    LatestOrFetch = "LatestOrFetch"


class GCPSMProvider(Model):
    """Reads Google Cloud Secret Manager."""

    auth: GCPSMAuth = Field(default_factory=GCPSMAuth)
    """How to log in."""
    project_id: str = Field(default="", alias="projectID")
    """The project."""
    location: str = ""
    """Region of regional secrets."""
    secret_version_selection_policy: SecretVersionSelectionPolicy = SecretVersionSelectionPolicy.LatestOrFail
    """Whether an older version stands in for a disabled or destroyed latest one."""

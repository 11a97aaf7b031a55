"""Azure Key Vault."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from secretsync.api.base import Bool, Model
from secretsync.api.references import SecretKeySelector, ServiceAccountSelector


class AzureAuthType(StrEnum):
    """How to log in to Azure."""

    ServicePrincipal = "ServicePrincipal"
    ManagedIdentity = "ManagedIdentity"
    WorkloadIdentity = "WorkloadIdentity"


class AzureEnvironmentType(StrEnum):
    """The Azure cloud."""

    PublicCloud = "PublicCloud"
    USGovernmentCloud = "USGovernmentCloud"
    ChinaCloud = "ChinaCloud"
    GermanCloud = "GermanCloud"
    AzureStackCloud = "AzureStackCloud"


class AzureKVAuth(Model):
    """The credentials of a service principal, in Secrets."""

    client_id: SecretKeySelector | None = None
    """The client id."""
    tenant_id: SecretKeySelector | None = None
    """The tenant id."""
    client_secret: SecretKeySelector | None = None
    """The client secret."""
    client_certificate: SecretKeySelector | None = None
    """The client certificate, in place of a client secret."""


class AzureCustomCloudConfig(Model):
    """The addresses of a private Azure cloud."""

    active_directory_endpoint: str
    """Where to log in."""
    key_vault_endpoint: str = ""
    """Address of Key Vault."""
    key_vault_dns_suffix: str = Field(default="", alias="keyVaultDNSSuffix")
    """End of the vaults' host names."""
    resource_manager_endpoint: str = ""
    """Address of the Resource Manager."""
    audience: str = ""
    """Audience for workload identity."""


class AzureKVProvider(Model):
    """Reads Azure Key Vault."""

    auth_type: AzureAuthType = AzureAuthType.ServicePrincipal
    """How to log in."""
    vault_url: str
    """Address of the vault."""
    tenant_id: str = ""
    """The tenant."""
    environment_type: AzureEnvironmentType = AzureEnvironmentType.PublicCloud
    """The Azure cloud."""
    auth_secret_ref: AzureKVAuth | None = None
    """The credentials of a service principal."""
    service_account_ref: ServiceAccountSelector | None = None
    """The ServiceAccount for workload identity."""
    identity_id: str = ""
    """The managed identity, where there are several."""
    use_azure_sdk: Bool = Field(default=False, alias="useAzureSDK")
    """Chooses between ESO's two client libraries; has no effect here."""
    custom_cloud_config: AzureCustomCloudConfig | None = None
    """The addresses of a private Azure cloud."""

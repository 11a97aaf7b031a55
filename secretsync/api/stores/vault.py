"""HashiCorp Vault and OpenBao, KV engine."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from secretsync.api.base import Base64Bytes, Bool, Int, Items, Model
from secretsync.api.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from secretsync.api.stores.gcpsm import GCPSMAuthSecretRef, GCPWorkloadIdentity


class VaultKVStoreVersion(StrEnum):
    """Version of the KV engine."""

    v1 = "v1"
    v2 = "v2"


class VaultClientTLS(Model):
    """A client certificate for the connection."""

    cert_secret_ref: SecretKeySelector | None = None
    """The certificate; the key defaults to tls.crt."""
    key_secret_ref: SecretKeySelector | None = None
    """Its private key; the key defaults to tls.key."""


class VaultCheckAndSet(Model):
    """Check-and-set for writes."""

    required: Bool = False
    """Every write says which version it replaces."""


class VaultAppRole(Model):
    """AppRole."""

    path: str = "approle"
    """Mount path of the auth method."""
    role_id: str = ""
    """The role id."""
    role_ref: SecretKeySelector | None = None
    """The role id, kept in a Secret."""
    secret_ref: SecretKeySelector
    """The secret id."""


class VaultKubernetesAuth(Model):
    """The token of a ServiceAccount."""

    mount_path: str = "kubernetes"
    """Mount path of the auth method."""
    service_account_ref: ServiceAccountSelector | None = None
    """The ServiceAccount a token is requested for."""
    secret_ref: SecretKeySelector | None = None
    """A token kept in a Secret; the key defaults to token."""
    role: str
    """The Vault role."""


class VaultLdapAuth(Model):
    """LDAP."""

    path: str = "ldap"
    """Mount path of the auth method."""
    username: str
    """The user."""
    secret_ref: SecretKeySelector = Field(default_factory=SecretKeySelector)
    """The password."""


class VaultUserPassAuth(Model):
    """User and password."""

    path: str = "userpass"
    """Mount path of the auth method."""
    username: str
    """The user."""
    secret_ref: SecretKeySelector = Field(default_factory=SecretKeySelector)
    """The password."""


class VaultKubernetesServiceAccountTokenAuth(Model):
    """A ServiceAccount token that is requested for the JWT method."""

    service_account_ref: ServiceAccountSelector
    """The ServiceAccount."""
    audiences: Items[str] | None = None
    """Audiences of the token; absent means vault."""
    expiration_seconds: Int | None = None
    """Life time of the token; absent means 600."""


class VaultJwtAuth(Model):
    """JWT or OIDC."""

    path: str = "jwt"
    """Mount path of the auth method."""
    role: str = ""
    """The Vault role."""
    secret_ref: SecretKeySelector | None = None
    """The token."""
    kubernetes_service_account_token: VaultKubernetesServiceAccountTokenAuth | None = None
    """A ServiceAccount token in place of a kept one."""


class VaultCertAuth(Model):
    """TLS certificate."""

    path: str = "cert"
    """Mount path of the auth method."""
    vault_role: str = ""
    """The Vault role; absent means whichever matches."""
    client_cert: SecretKeySelector = Field(default_factory=SecretKeySelector)
    """The certificate."""
    secret_ref: SecretKeySelector = Field(default_factory=SecretKeySelector)
    """Its private key."""


class VaultAwsAuthSecretRef(Model):
    """Static AWS credentials in Secrets."""

    access_key_id: SecretKeySelector = Field(default_factory=SecretKeySelector, alias="accessKeyIDSecretRef")
    """The access key id."""
    secret_access_key: SecretKeySelector = Field(default_factory=SecretKeySelector, alias="secretAccessKeySecretRef")
    """The secret access key."""
    session_token: SecretKeySelector | None = Field(default=None, alias="sessionTokenSecretRef")
    """The session token; needed with temporary credentials."""


class VaultAwsJWTAuth(Model):
    """The AWS role of a ServiceAccount (IRSA)."""

    service_account_ref: ServiceAccountSelector | None = None
    """The ServiceAccount, annotated with its role."""


class VaultIamAuth(Model):
    """A signed AWS request."""

    path: str = ""
    """Mount path of the auth method; absent means aws."""
    region: str = ""
    """AWS region."""
    role: str = ""
    """ARN of the AWS role that is assumed before."""
    vault_role: str
    """The Vault role."""
    external_id: str = Field(default="", alias="externalID")
    """External id for the assumed AWS role."""
    vault_aws_iam_server_id: str = Field(default="", alias="vaultAwsIamServerID")
    """The header X-Vault-AWS-IAM-Server-ID."""
    secret_ref: VaultAwsAuthSecretRef | None = None
    """Static AWS credentials."""
    jwt: VaultAwsJWTAuth | None = None
    """The AWS role of a ServiceAccount."""


class VaultGCPAuth(Model):
    """A Google identity."""

    path: str = "gcp"
    """Mount path of the auth method."""
    role: str
    """The Vault role."""
    project_id: str = Field(default="", alias="projectID")
    """The Google project."""
    location: str = ""
    """The Google region."""
    secret_ref: GCPSMAuthSecretRef | None = None
    """A service account key."""
    workload_identity: GCPWorkloadIdentity | None = None
    """Workload identity of GKE."""
    service_account_ref: ServiceAccountSelector | None = None
    """The service account that is impersonated."""


class VaultAuth(Model):
    """How to log in; the first one that is set is used, in the order of the attributes."""

    namespace: str | None = None
    """Vault namespace to log in to; absent means that of the provider."""
    token_secret_ref: SecretKeySelector | None = None
    """By token."""
    app_role: VaultAppRole | None = None
    """By AppRole."""
    kubernetes: VaultKubernetesAuth | None = None
    """By the token of a ServiceAccount."""
    ldap: VaultLdapAuth | None = None
    """By LDAP."""
    user_pass: VaultUserPassAuth | None = None
    """By user and password."""
    jwt: VaultJwtAuth | None = None
    """By JWT or OIDC."""
    cert: VaultCertAuth | None = None
    """By TLS certificate."""
    iam: VaultIamAuth | None = None
    """By a signed AWS request."""
    gcp: VaultGCPAuth | None = None
    """By a Google identity."""


class VaultProvider(Model):
    """Reads the KV engine of Vault or OpenBao."""

    auth: VaultAuth | None = None
    """How to log in."""
    server: str
    """Address of the server."""
    path: str | None = None
    """Mount path of the KV engine; absent means that the first segment of a key is the mount."""
    version: VaultKVStoreVersion = VaultKVStoreVersion.v2
    """Version of the KV engine."""
    namespace: str | None = None
    """Vault namespace."""
    ca_bundle: Base64Bytes = b""
    """PEM certificates the server is checked against, base64 on the wire."""
    tls: VaultClientTLS = Field(default_factory=VaultClientTLS)
    """A client certificate for the connection."""
    ca_provider: CAProvider | None = None
    """The CA certificates, kept in a Secret or ConfigMap."""
    read_your_writes: Bool = False
    """Sends replication states along, for consistent reads."""
    forward_inconsistent: Bool = False
    """Lets the server forward inconsistent reads; only together with readYourWrites."""
    headers: dict[str, str] = Field(default={}, repr=False)
    """Further request headers."""
    check_and_set: VaultCheckAndSet | None = None
    """Check-and-set for writes of a PushSecret."""

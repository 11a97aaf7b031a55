"""AWS Secrets Manager and Systems Manager Parameter Store."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from secretsync.api.base import Bool, Int, Items, Model
from secretsync.api.references import SecretKeySelector, ServiceAccountSelector


class AWSServiceType(StrEnum):
    """The AWS service that is read."""

    SecretsManager = "SecretsManager"
    ParameterStore = "ParameterStore"
    CertificateManager = "CertificateManager"


class AWSAuthSecretRef(Model):
    """Static credentials in Secrets."""

    access_key_id: SecretKeySelector = Field(default_factory=SecretKeySelector, alias="accessKeyIDSecretRef")
    """The access key id."""
    secret_access_key: SecretKeySelector = Field(default_factory=SecretKeySelector, alias="secretAccessKeySecretRef")
    """The secret access key."""
    session_token: SecretKeySelector | None = Field(default=None, alias="sessionTokenSecretRef")
    """The session token; needed with temporary credentials."""


class AWSJWTAuth(Model):
    """The role of a ServiceAccount (IRSA)."""

    service_account_ref: ServiceAccountSelector | None = None
    """The ServiceAccount, annotated with its role."""


class AWSAuth(Model):
    """How to log in; none means what the environment of the process offers."""

    secret_ref: AWSAuthSecretRef | None = None
    """By static credentials."""
    jwt: AWSJWTAuth | None = None
    """By the token of a ServiceAccount."""


class SecretsManager(Model):
    """How secrets are deleted; only for PushSecret."""

    force_delete_without_recovery: Bool = False
    """Deletes at once."""
    recovery_window_in_days: Int = 0
    """Days until a deleted secret is gone, 7 to 30."""


class Tag(Model):
    """A tag."""

    key: str
    """Its key."""
    value: str
    """Its value."""


class SessionTagsPolicy(StrEnum):
    """Which session tags an assumed role gets."""

    None_ = "None"
    Simple = "Simple"
    Custom = "Custom"


class AWSProvider(Model):
    """Reads AWS Secrets Manager or Parameter Store."""

    service: AWSServiceType
    """The service that is read."""
    auth: AWSAuth = Field(default_factory=AWSAuth)
    """How to log in."""
    role: str = ""
    """ARN of the role to assume."""
    region: str
    """AWS region."""
    additional_roles: Items[str] = ()
    """ARNs of roles assumed one after the other before role."""
    external_id: str = Field(default="", alias="externalID")
    """External id for assumed roles."""
    session_tags: Items[Tag] = ()
    """Session tags for assumed roles."""
    secrets_manager: SecretsManager | None = None
    """How secrets are deleted."""
    transitive_tag_keys: Items[str] = ()
    """Session tags that go along a chain of roles."""
    session_tags_policy: SessionTagsPolicy = SessionTagsPolicy.None_
    """Simple adds esoNamespace, esoStoreName, esoStoreKind; Custom adds customSessionTags too."""
    custom_session_tags: dict[str, str] = Field(default={})
    """Further session tags with policy Custom."""
    prefix: str = ""
    """Put before every key."""

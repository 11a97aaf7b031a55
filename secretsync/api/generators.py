"""The generators with models: Fake, Password, SSHKey, UUID, and ClusterGenerator around any one."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from secretsync.api.base import Bool, Int, Items, JsonObject, Kind, Model
from secretsync.api.metadata import ObjectMeta
from secretsync.api.remote_ref import GENERATORS_API_VERSION, GeneratorKind


class FakeGeneratorSpec(Model):
    """Fixed values, for tests."""

    controller: str = ""
    """The controller class that serves it; empty means any."""
    data: dict[str, str] = Field(default={}, repr=False)
    """Key to value."""


class FakeGenerator(Kind):
    """Gives the same values each time."""

    api_version: str = GENERATORS_API_VERSION
    kind: Literal["Fake"] = "Fake"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: FakeGeneratorSpec = Field(default_factory=FakeGeneratorSpec)


class PasswordEncoding(StrEnum):
    """How a password is written."""

    base64 = "base64"
    base64url = "base64url"
    base32 = "base32"
    hex = "hex"
    raw = "raw"


class PasswordSpec(Model):
    """What a password looks like."""

    length: Int = 24
    """Number of characters."""
    digits: Int | None = None
    """Number of digits; absent means a quarter of the length."""
    symbols: Int | None = None
    """Number of symbols; absent means a quarter of the length."""
    symbol_characters: str | None = None
    """The symbols to choose from."""
    no_upper: Bool = False
    """Leaves upper-case letters out."""
    allow_repeat: Bool = False
    """Allows a character to come twice."""
    secret_keys: Items[str] = ()
    """Keys to fill, each with a password of its own; absent means the one key password."""
    encoding: PasswordEncoding = PasswordEncoding.raw
    """How the password is written."""


class PasswordGenerator(Kind):
    """Makes random passwords, new ones at each refresh."""

    api_version: str = GENERATORS_API_VERSION
    kind: Literal["Password"] = "Password"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PasswordSpec = Field(default_factory=PasswordSpec)


class UUIDSpec(Model):
    """Has no fields."""


class UUIDGenerator(Kind):
    """Makes a random UUID, a new one at each refresh."""

    api_version: str = GENERATORS_API_VERSION
    kind: Literal["UUID"] = "UUID"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: UUIDSpec = Field(default_factory=UUIDSpec)


class SSHKeyType(StrEnum):
    """The algorithm of a key."""

    rsa = "rsa"
    ecdsa = "ecdsa"
    ed25519 = "ed25519"


class SSHKeySpec(Model):
    """What a key pair looks like."""

    key_type: SSHKeyType = SSHKeyType.rsa
    """The algorithm."""
    key_size: Int | None = Field(default=None, ge=256, le=8192)
    """Bits of an rsa or ecdsa key; absent means 2048 or 256."""
    comment: str = ""
    """Comment of the public key."""


class SSHKeyGenerator(Kind):
    """Makes SSH key pairs, new ones at each refresh."""

    api_version: str = GENERATORS_API_VERSION
    kind: Literal["SSHKey"] = "SSHKey"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: SSHKeySpec = Field(default_factory=SSHKeySpec)


class GeneratorSpec(Model):
    """The specification of exactly one generator."""

    fake_spec: FakeGeneratorSpec | None = None
    """Of a Fake."""
    password_spec: PasswordSpec | None = None
    """Of a Password."""
    ssh_key_spec: SSHKeySpec | None = Field(default=None, alias="sshKeySpec")
    """Of an SSHKey."""
    uuid_spec: UUIDSpec | None = None
    """Of a UUID."""
    acr_access_token_spec: JsonObject | None = None
    beyondtrust_workload_credentials_dynamic_secret_spec: JsonObject | None = None
    cloudsmith_access_token_spec: JsonObject | None = None
    ecr_authorization_token_spec: JsonObject | None = None
    gcr_access_token_spec: JsonObject | None = None
    github_access_token_spec: JsonObject | None = None
    gitlab_deploy_token_spec: JsonObject | None = None
    grafana_spec: JsonObject | None = None
    mfa_spec: JsonObject | None = None
    quay_access_token_spec: JsonObject | None = None
    sts_session_token_spec: JsonObject | None = None
    vault_dynamic_secret_spec: JsonObject | None = None
    webhook_spec: JsonObject | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(getattr(self, field) is not None for field in self.model_fields_set) != 1:
            raise PydanticCustomError("exactly_one", "needs exactly one generator specification")
        return self


class ClusterGeneratorSpec(Model):
    """A generator for all namespaces."""

    kind: GeneratorKind
    """Kind of the generator."""
    generator: GeneratorSpec
    """Its specification."""


class ClusterGenerator(Kind):
    """Offers one generator to all namespaces."""

    api_version: str = GENERATORS_API_VERSION
    kind: Literal["ClusterGenerator"] = "ClusterGenerator"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ClusterGeneratorSpec


Generator = FakeGenerator | PasswordGenerator | SSHKeyGenerator | UUIDGenerator | ClusterGenerator

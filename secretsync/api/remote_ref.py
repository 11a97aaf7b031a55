"""Where a value comes from: stores, generators, keys in a backend, and searches."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from secretsync.api.base import Model, ObjectName
from secretsync.api.enums import ConversionStrategy, DecodingStrategy, MetadataPolicy, NullBytePolicy, StoreKind

GENERATORS_API_VERSION = "generators.external-secrets.io/v1alpha1"


class GeneratorKind(StrEnum):
    """The generators that ESO v2.9.0 knows; a reference may name no other."""

    ACRAccessToken = "ACRAccessToken"
    BeyondtrustWorkloadCredentialsDynamicSecret = "BeyondtrustWorkloadCredentialsDynamicSecret"
    ClusterGenerator = "ClusterGenerator"
    CloudsmithAccessToken = "CloudsmithAccessToken"
    ECRAuthorizationToken = "ECRAuthorizationToken"
    Fake = "Fake"
    GCRAccessToken = "GCRAccessToken"
    GithubAccessToken = "GithubAccessToken"
    GitlabDeployToken = "GitlabDeployToken"
    QuayAccessToken = "QuayAccessToken"
    Password = "Password"  # noqa: S105 - the name of a kind
    SSHKey = "SSHKey"
    STSSessionToken = "STSSessionToken"
    UUID = "UUID"
    VaultDynamicSecret = "VaultDynamicSecret"
    Webhook = "Webhook"
    Grafana = "Grafana"
    MFA = "MFA"


class StoreRef(Model):
    """The store that is read."""

    name: ObjectName | None = None
    """Name of the store."""
    kind: StoreKind = StoreKind.SecretStore
    """SecretStore in the same namespace, or ClusterSecretStore."""


class GeneratorRef(Model):
    """The generator that makes the values."""

    api_version: str = GENERATORS_API_VERSION
    """apiVersion of the generator."""
    kind: GeneratorKind
    """Kind of the generator."""
    name: ObjectName
    """Name of the generator."""


class SourceRef(Model):
    """Another source than spec.secretStoreRef, for one entry."""

    store_ref: StoreRef | None = None
    """The store this entry is read from."""
    generator_ref: GeneratorRef | None = None
    """The generator this entry comes from; only in dataFrom."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.store_ref is not None) + (self.generator_ref is not None) != 1:
            raise PydanticCustomError("exactly_one", "needs exactly one of storeRef, generatorRef")
        return self


class RemoteRef(Model):
    """One secret in the backend, or a part of it."""

    key: str
    """Path or name of the secret, as the backend calls it."""
    property: str = ""
    """A member of the secret's JSON value; a gjson path in most backends."""
    version: str = ""
    """Version of the secret in the backend's own grammar; empty means the latest."""
    metadata_policy: MetadataPolicy = MetadataPolicy.None_
    """Fetch reads tags, labels or other metadata in place of the value."""
    conversion_strategy: ConversionStrategy = ConversionStrategy.Default
    """How characters are replaced that a Secret's keys cannot have; only for extract and find."""
    decoding_strategy: DecodingStrategy = DecodingStrategy.None_
    """How the value is decoded."""
    null_byte_policy: NullBytePolicy = NullBytePolicy.Ignore
    """Whether a NUL byte in a value is an error."""


class FindName(Model):
    """Chooses secrets by their name."""

    regexp: str = ""
    """Regular expression (RE2) that the name must match somewhere."""


class Find(Model):
    """Searches secrets in the backend; how the criteria combine is up to the backend."""

    path: str | None = None
    """Where the search starts."""
    name: FindName | None = None
    """By name."""
    tags: dict[str, str] = Field(default={})
    """By tags."""
    conversion_strategy: ConversionStrategy = ConversionStrategy.Default
    """How characters are replaced that a Secret's keys cannot have."""
    decoding_strategy: DecodingStrategy = DecodingStrategy.None_
    """How the values are decoded."""
    null_byte_policy: NullBytePolicy = NullBytePolicy.Ignore
    """Whether a NUL byte in a value is an error."""

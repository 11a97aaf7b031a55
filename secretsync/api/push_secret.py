"""PushSecret: a Kubernetes Secret written to backends (external-secrets.io/v1alpha1)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from secretsync.api.base import Items, Kind, Model, ObjectName, Time
from secretsync.api.enums import StoreKind
from secretsync.api.go_duration import Duration
from secretsync.api.metadata import Condition, LabelSelector, ObjectMeta
from secretsync.api.remote_ref import GeneratorRef
from secretsync.api.rewrite import RewriteRegexp, RewriteTransform
from secretsync.api.target import ExternalSecretTemplate

API_VERSION = "external-secrets.io/v1alpha1"


class PushSecretUpdatePolicy(StrEnum):
    """What happens to a secret that exists in the backend."""

    Replace = "Replace"
    IfNotExists = "IfNotExists"


class PushSecretDeletionPolicy(StrEnum):
    """What happens to the backend's secrets when the PushSecret goes."""

    Delete = "Delete"
    None_ = "None"


class PushSecretConversionStrategy(StrEnum):
    """How keys are converted on the way out."""

    None_ = "None"
    ReverseUnicode = "ReverseUnicode"


class PushSecretStoreRef(Model):
    """Stores that are written to."""

    name: ObjectName | None = None
    """By name."""
    label_selector: LabelSelector | None = None
    """By labels."""
    kind: StoreKind = StoreKind.SecretStore
    """SecretStore or ClusterSecretStore."""


class PushSecretSecret(Model):
    """The Secrets that are pushed."""

    name: ObjectName | None = None
    """By name."""
    selector: LabelSelector | None = None
    """By labels."""


class PushSecretSelector(Model):
    """What is pushed; exactly one is set."""

    secret: PushSecretSecret | None = None
    """Secrets."""
    generator_ref: GeneratorRef | None = None
    """What a generator makes."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.secret is not None) + (self.generator_ref is not None) != 1:
            raise PydanticCustomError("exactly_one", "needs exactly one of secret, generatorRef")
        return self


class PushSecretRemoteRef(Model):
    """Where a value goes in the backend."""

    remote_key: str
    """Name of the secret."""
    property: str = ""
    """Member of its JSON value."""


class PushSecretMatch(Model):
    """Which key goes where."""

    secret_key: str = ""
    """Key of the Secret; absent means the whole Secret as JSON."""
    remote_ref: PushSecretRemoteRef
    """Where it goes."""


class PushSecretData(Model):
    """One value that is pushed."""

    match: PushSecretMatch
    """Which key goes where."""
    metadata: Any = None
    """Metadata in the backend's own form."""
    conversion_strategy: PushSecretConversionStrategy = PushSecretConversionStrategy.None_
    """How keys are converted."""


class PushSecretDataToMatch(Model):
    """Chooses keys of the Secret."""

    regexp: str = ""
    """Regular expression (RE2); empty means all."""


class PushSecretRewrite(Model):
    """One operation on the keys; exactly one is set."""

    regexp: RewriteRegexp | None = None
    """Replace by regular expression."""
    transform: RewriteTransform | None = None
    """Replace by template."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.regexp is not None) + (self.transform is not None) != 1:
            raise PydanticCustomError("exactly_one", "needs exactly one of regexp, transform")
        return self


class PushSecretDataTo(Model):
    """Many values that are pushed under their own names."""

    store_ref: PushSecretStoreRef | None = None
    """One of secretStoreRefs."""
    match: PushSecretDataToMatch | None = None
    """Which keys; absent means all."""
    rewrite: Items[PushSecretRewrite] = ()
    """What is done to the keys, in order."""
    remote_key: str = ""
    """Bundles all keys as one JSON value under this name."""
    metadata: Any = None
    """Metadata in the backend's own form."""
    conversion_strategy: PushSecretConversionStrategy = PushSecretConversionStrategy.None_
    """How keys are converted."""


class PushSecretSpec(Model):
    """What is pushed, and where."""

    refresh_interval: Duration = timedelta(hours=1)
    """How often; 0 pushes once and after each edit."""
    secret_store_refs: Items[PushSecretStoreRef]
    """The stores."""
    update_policy: PushSecretUpdatePolicy = PushSecretUpdatePolicy.Replace
    """What happens to a secret that exists in the backend."""
    deletion_policy: PushSecretDeletionPolicy = PushSecretDeletionPolicy.None_
    """What happens to the backend's secrets when the PushSecret goes."""
    selector: PushSecretSelector
    """What is pushed."""
    data: Items[PushSecretData] = ()
    """Single values."""
    data_to: Items[PushSecretDataTo] = ()
    """Many values."""
    template: ExternalSecretTemplate | None = None
    """Makes the values from templates first."""


class PushSecretStatus(Model):
    """What the controller last did."""

    refresh_time: Time | None = None
    """When it last pushed."""
    synced_resource_version: str = ""
    """Generation and hash of labels and annotations at that time."""
    synced_push_secrets: dict[str, dict[str, PushSecretData]] = Field(default={})
    """Store to remote key to what was pushed."""
    conditions: Items[Condition] = ()
    """Ready."""


class PushSecret(Kind):
    """Writes a Kubernetes Secret to backends and keeps it there."""

    api_version: str = API_VERSION
    kind: Literal["PushSecret"] = "PushSecret"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PushSecretSpec
    status: PushSecretStatus = Field(default_factory=PushSecretStatus)

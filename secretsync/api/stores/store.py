"""SecretStore and ClusterSecretStore: a backend, how to log in to it, and who may use it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from secretsync.api import go_duration
from secretsync.api.base import Int, Items, Kind, Model, NamespaceName
from secretsync.api.metadata import Condition, LabelSelector, ObjectMeta
from secretsync.api.stores.provider import SecretStoreProvider

API_VERSION = "external-secrets.io/v1"


def _seconds_or_duration(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("interval_type", "is neither a number of seconds nor a duration such as 5m")
    if isinstance(value, str) and not value.isdecimal():
        try:
            go_duration.parse(value)
        except ValueError as error:
            raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None
    return value


SecondsOrDuration = Annotated[
    int | str,
    BeforeValidator(_seconds_or_duration),
    WithJsonSchema({"x-kubernetes-int-or-string": True}),
]
"""Seconds as a number, or a Go duration as text."""


class RetrySettings(Model):
    """How often a failed request to the backend is repeated, where the provider honours it."""

    max_retries: Int | None = None
    """Number of repetitions."""
    retry_interval: str | None = None
    """Pause between them, a duration such as 1s."""


class ClusterSecretStoreCondition(Model):
    """Namespaces that may use a ClusterSecretStore; what it says is joined by or."""

    namespace_selector: LabelSelector | None = None
    """By labels."""
    namespaces: Items[NamespaceName] = ()
    """By name."""
    namespace_regexes: Items[str] = ()
    """By regular expressions (RE2)."""


class SecretStoreSpec(Model):
    """A backend and how to use it."""

    controller: str = ""
    """The controller class that serves it; empty means any."""
    provider: SecretStoreProvider
    """The backend."""
    retry_settings: RetrySettings | None = None
    """How failed requests are repeated."""
    refresh_interval: SecondsOrDuration = 0
    """How often the store is validated; 0 means the controller's own interval."""
    conditions: Items[ClusterSecretStoreCondition] = ()
    """Namespaces that may use a ClusterSecretStore, joined by or; none means all."""


class Capabilities(StrEnum):
    """What a store can do."""

    ReadOnly = "ReadOnly"
    WriteOnly = "WriteOnly"
    ReadWrite = "ReadWrite"


class SecretStoreStatus(Model):
    """What the controller found."""

    conditions: Items[Condition] = ()
    """Ready."""
    capabilities: Capabilities | None = None
    """What the store can do."""


class SecretStore(Kind):
    """A backend for the ExternalSecrets of its own namespace."""

    api_version: str = API_VERSION
    kind: Literal["SecretStore"] = "SecretStore"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: SecretStoreSpec
    status: SecretStoreStatus = Field(default_factory=SecretStoreStatus)


class ClusterSecretStore(Kind):
    """A backend for the ExternalSecrets of all namespaces that its conditions admit."""

    api_version: str = API_VERSION
    kind: Literal["ClusterSecretStore"] = "ClusterSecretStore"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: SecretStoreSpec
    status: SecretStoreStatus = Field(default_factory=SecretStoreStatus)


Store = SecretStore | ClusterSecretStore

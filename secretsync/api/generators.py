"""The generators that are served: Fake, Password, UUID (generators.external-secrets.io/v1alpha1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from secretsync.api.base import Bool, Int, Items, Kind, Model
from secretsync.api.metadata import ObjectMeta
from secretsync.api.remote_ref import GENERATORS_API_VERSION


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

"""The fake backend: values inside the store itself, for tests."""

from __future__ import annotations

from pydantic import Field

from secretsync.api.base import Int, Items, Model


class FakeProviderData(Model):
    """One value."""

    key: str
    """Name of the secret."""
    value: str = Field(repr=False)
    """Its value."""
    version: str = ""
    """Its version; the greatest as text is the latest."""


class FakeProvider(Model):
    """Gives the values it holds."""

    data: Items[FakeProviderData]
    """The values."""
    validation_result: Int | None = None
    """What validating the store gives: 0 valid, 1 unknown, 2 error."""

"""The base of every model: how JSON becomes a frozen Python object and how it goes back.

Attributes carry the JSON field's name in snake_case. Parsing ignores fields that a model does not know, as the API
server's pruning does; `secretsync.api.unknown_fields` reports them. Numbers, booleans and strings are taken as they
are: a quoted number is not a number (Kubernetes refuses it too).
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

JsonObject = dict[str, Any]
"""A raw JSON object, most often a Kubernetes object as the API server sends it."""

Item = TypeVar("Item")

Items = tuple[Item, ...]
"""A JSON array."""

Bool = Annotated[bool, Strict()]
Int = Annotated[int, Strict()]

DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DATA_KEY = r"^[-._a-zA-Z0-9]+$"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
"""The name of an object: a DNS subdomain (RFC 1123), at most 253 characters."""
NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""The name of a namespace: a DNS label (RFC 1123), at most 63 characters."""
DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=DATA_KEY)]
"""A key in the data of a Secret or ConfigMap."""


def _decode_base64(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64", "is not base64") from None


def _encode_base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


Base64Bytes = Annotated[
    bytes,
    BeforeValidator(_decode_base64),
    PlainSerializer(_encode_base64, return_type=str),
    WithJsonSchema({"type": "string", "format": "byte"}),
]
"""Bytes that travel as base64 in JSON (Go's ``[]byte``)."""


def _only_text(value: object) -> object:
    if isinstance(value, str | datetime):
        return value
    raise PydanticCustomError("time", "is not an RFC 3339 time")


def _format_time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    datetime,
    BeforeValidator(_only_text),
    PlainSerializer(_format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A point in time, RFC 3339 with seconds on the wire (Kubernetes' ``metav1.Time``)."""


class Model(BaseModel):
    """Common base: camelCase on the wire, snake_case in Python, frozen, values never shown in errors."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        defer_build=True,
    )

    @classmethod
    def from_json(cls, value: JsonObject) -> Self:
        """The model for a JSON object; only the wire names count.

        Raises:
            pydantic.ValidationError: the object does not fit. `secretsync.api.parse` turns this into `ManifestErrors`.
        """
        return cls.model_validate(value, by_alias=True, by_name=False)

    def to_json(self) -> JsonObject:
        """The wire form: camelCase, fields that were never set left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


class Kind(Model):
    """Base of the top-level kinds: objects with apiVersion, kind and metadata."""

    api_version: str
    kind: str

    def to_json(self) -> JsonObject:
        """The wire form; apiVersion and kind are always there."""
        return {"apiVersion": self.api_version, "kind": self.kind, **super().to_json()}

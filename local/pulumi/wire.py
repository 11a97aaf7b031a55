"""Property values as they travel between the engine and a plugin.

Secrets, unknown values and resource references are objects with a signature key (sdk/go/common/resource/sig); here
a secret is a `Secret`, an unknown value is `UNKNOWN`, and everything else is plain Python data. Numbers are doubles on
the wire and come back as `int` where they are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from google.protobuf import struct_pb2

PropertyValue: TypeAlias = Any
"""None, bool, int, float, str, `Secret`, `UNKNOWN`, or a list or dictionary of these."""
PropertyMap: TypeAlias = dict[str, PropertyValue]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker of the protocol, not a secret
REFERENCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_EXACT_INTEGERS: Final = 2**53


class Unknown:
    """The type of `UNKNOWN`: a value that is computed later in the same run."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unknown>"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value has no truth value")


UNKNOWN: Final = Unknown()


class Secret:
    """A value that must not be shown; its text form never contains it."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]  # two secrets are compared by value, which may be mutable

    def __init__(self, value: PropertyValue) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(other.value == self.value)


def decode(value: struct_pb2.Value) -> PropertyValue:
    """Read one wire value; a secret inside a secret is one secret."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGERS else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET_SIGNATURE:
            inner = decode(fields["value"])
            return inner if isinstance(inner, Secret) else Secret(inner)
        return {key: decode(item) for key, item in fields.items()}
    if kind == "list_value":
        return [decode(item) for item in value.list_value.values]
    return None


def decode_map(struct: struct_pb2.Struct) -> PropertyMap:
    """Read a property map."""
    return {key: decode(item) for key, item in struct.fields.items()}


def encode(value: object) -> struct_pb2.Value:
    """Write one value; raises TypeError for what has no form on the wire (the message names the type only)."""
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value=UNKNOWN_TEXT)
    if isinstance(value, Secret):
        marked = {SIGNATURE: struct_pb2.Value(string_value=SECRET_SIGNATURE), "value": encode(value.value)}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=marked))
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode_map(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[encode(item) for item in value]))
    raise TypeError(f"a {type(value).__name__} has no form on the wire")


def encode_map(values: Mapping[str, PropertyValue]) -> struct_pb2.Struct:
    """Write a property map."""
    return struct_pb2.Struct(fields={key: encode(item) for key, item in values.items()})


def plain(value: PropertyValue) -> PropertyValue:
    """The same value without secret marks, at every depth; unknown values stay."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _contains(value: PropertyValue, found: Callable[[object], bool]) -> bool:
    if found(value):
        return True
    if isinstance(value, Secret):
        return _contains(value.value, found)
    if isinstance(value, dict):
        return any(_contains(item, found) for item in value.values())
    if isinstance(value, list):
        return any(_contains(item, found) for item in value)
    return False


def has_unknown(value: PropertyValue) -> bool:
    """Whether anything inside is computed later."""
    return _contains(value, lambda item: item is UNKNOWN)


def has_secret(value: PropertyValue) -> bool:
    """Whether anything inside is marked secret."""
    return _contains(value, lambda item: isinstance(item, Secret))


def secret(value: PropertyValue) -> PropertyValue:
    """Mark a whole value; one that is absent or unknown has nothing to hide."""
    return value if value is None or value is UNKNOWN else Secret(plain(value))


def mark_like(output: PropertyValue, source: PropertyValue) -> PropertyValue:
    """Mark in `output` what is marked in `source`; a list with a secret anywhere in it is marked as a whole."""
    if isinstance(output, Secret):
        return output
    if isinstance(source, Secret):
        return secret(output)
    if isinstance(output, dict) and isinstance(source, dict):
        return {key: mark_like(item, source.get(key)) for key, item in output.items()}
    if isinstance(source, list) and has_secret(source):
        return secret(output)
    return output

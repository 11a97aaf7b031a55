"""A JSON object taken apart into the keys of a Secret (``dataFrom.extract``; ESO v2.9.0).

Strings are unquoted and ``null`` becomes an empty value, whatever the style. The rest differs by provider: kept as
written (`NumberStyle.Raw`: fake, aws), or decoded and written again (`NumberStyle.Float64`: vault, webhook).
"""

from __future__ import annotations

from typing import Any, Final

from secretsync.errors import ValueRuleError
from secretsync.values import go_float, go_json
from secretsync.values.go_json import NumberStyle

_QUOTE: Final = ord('"')


def from_json_object(document: bytes, *, numbers: NumberStyle) -> dict[str, bytes]:
    """The members of the object as values.

    Raises:
        ValueRuleError: the document is not a JSON object (``null`` is one without members, as in Go).
    """
    if numbers is NumberStyle.Raw:
        return {key: raw_text(raw) for key, raw in go_json.loads_raw(document).items()}
    return {key: value_bytes(value) for key, value in go_json.loads_object(document).items()}


def raw_text(raw: bytes) -> bytes:
    """A JSON value as written, but strings unquoted and ``null`` empty."""
    if raw[0] == _QUOTE:
        return go_json.unquote(raw).encode()
    return b"" if raw == b"null" else raw


def value_bytes(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """A decoded JSON value as a Secret's value (ESO's ``GetByteValue``).

    Strings as they are, a `float` in plain decimal notation, a `go_json.Number` as written, ``null`` empty, arrays and
    objects as ``json.Marshal`` writes them.

    Raises:
        ValueRuleError: a number is infinite.
    """
    match value:
        case str():
            return value.encode()
        case None:
            return b""
        case bool():
            return b"true" if value else b"false"
        case float():
            return go_float.format_plain(value).encode()
        case dict() | list():
            return go_json.dumps(value)
        case _:
            raise ValueRuleError(f"a {type(value).__name__} cannot be the value of a key")

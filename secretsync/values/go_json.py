"""JSON as Go's ``encoding/json`` reads and writes it (Go 1.26, as ESO v2.9.0 is built).

Reading is strict about the grammar and generous about text: bytes that are not UTF-8 and surrogates without a partner
become U+FFFD, of two equal members the last one counts. Writing sorts members by key and escapes as Go does.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NoReturn

from secretsync.errors import ValueRuleError
from secretsync.values import go_float, go_json_deep, json_scan

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = go_json_deep.MAX_DEPTH
"""How many arrays and objects may be nested (Go's limit)."""


class NumberStyle(StrEnum):
    """What becomes of a number between reading and writing.

    ``Raw`` keeps its text (``json.Number`` or ``json.RawMessage`` in Go); ``Float64`` sends it through a double, so
    that large integers lose digits and ``1.50`` becomes ``1.5``.
    """

    Raw = "Raw"
    Float64 = "Float64"


class Number(str):
    """A number kept as its JSON text (Go's ``json.Number``)."""

    __slots__ = ()


class _OutOfRange(ValueError):
    """A number does not fit into a double."""


def loads(document: bytes, *, numbers: NumberStyle = NumberStyle.Float64) -> Any:  # noqa: ANN401 - any JSON value
    """The document as Python values: `dict`, `list`, `str`, `bool`, `None`, and `float` or `Number`.

    Raises:
        ValueRuleError: the document is not JSON, is nested deeper than 10,000 levels, or, with ``Float64``, holds a
            number beyond the range of a double. The message quotes nothing of it.
    """
    text = decode_text(document)
    if "\\u" in text:
        text = _ESCAPE.sub(_paired, text)
    decoder, number = (_RAW_DECODER, Number) if numbers is NumberStyle.Raw else (_FLOAT_DECODER, _float)
    try:
        return decoder.decode(text)
    except RecursionError:
        pass
    except _OutOfRange:
        raise ValueRuleError("the value holds a number beyond the range of a double") from None
    except ValueError as error:
        raise _not_json(document, error) from None
    try:
        return go_json_deep.decode(text, number)
    except _OutOfRange:
        raise ValueRuleError("the value holds a number beyond the range of a double") from None
    except ValueError as error:
        raise _not_json(document, error) from None


def loads_raw(document: bytes) -> dict[str, bytes]:
    """The members of a JSON object with their values as they are written (Go's ``map[string]json.RawMessage``).

    ``null`` gives no members, as in Go.

    Raises:
        ValueRuleError: the document is not JSON, or not an object.
    """
    if not valid(document):
        raise _not_json(document, None)
    start = _skip(document, 0)
    if document[start] == _N:
        return {}
    if document[start] != _BRACE:
        raise _not_object(document)
    members: dict[str, bytes] = {}
    position = _skip(document, start + 1)
    while document[position] == _QUOTE:
        key_end = json_scan.string_end(document, position + 1)
        value_start = _skip(document, document.index(b":", key_end) + 1)
        value_end = json_scan.value_end(document, value_start)
        members[unquote(document[position:key_end])] = document[value_start:value_end]
        position = _skip(document, value_end)
        if document[position] == _COMMA:
            position = _skip(document, position + 1)
    return members


def loads_object(document: bytes, *, numbers: NumberStyle = NumberStyle.Float64) -> dict[str, Any]:
    """The document as a JSON object; ``null`` gives an empty one, as Go's ``map[string]any`` does.

    Raises:
        ValueRuleError: the document is not JSON, or not an object.
    """
    loaded = loads(document, numbers=numbers)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise _not_object(document)
    return loaded


def valid(document: bytes) -> bool:
    """Whether the document is JSON of at most 10,000 levels; bytes beyond ASCII are not looked at."""
    text = document.decode("latin-1")
    try:
        _CHECKING_DECODER.decode(text)
    except RecursionError:
        return go_json_deep.valid(text)
    except ValueError:
        return False
    return True


def unquote(literal: bytes) -> str:
    """The text of a valid JSON string literal, quotes included in `literal`."""
    text = decode_text(literal)
    if "\\" not in text:
        return text[1:-1]
    unquoted: str = json.loads(_ESCAPE.sub(_paired, text))
    return unquoted


def dumps(value: object, *, escape_html: bool = True) -> bytes:
    r"""The value as compact JSON.

    `str` and `bytes` become strings (bytes that are not UTF-8 are written ``\ufffd``), `Number` is written as it is,
    `float` and `int` as numbers, mappings with their keys sorted.

    Args:
        value: nested at will; depth is bounded by memory only.
        escape_html: whether ``<``, ``>`` and ``&`` are escaped: ``json.Marshal`` does, an encoder may be told not to.

    Raises:
        ValueRuleError: a number is infinite or undefined.
        TypeError: something else than the above is in the value.
    """
    parts: list[str] = []
    append = parts.append
    special = _SPECIAL_HTML if escape_html else _SPECIAL
    current: Iterator[tuple[str, Any]] = iter((("", value),))
    outer: list[tuple[Iterator[tuple[str, Any]], str]] = []
    while True:
        for prefix, child in current:
            if prefix:
                append(prefix)
            if isinstance(child, dict):
                outer.append((current, "}"))
                append("{")
                current = _members(child, special)
                break
            if isinstance(child, list | tuple):
                outer.append((current, "]"))
                append("[")
                current = _items(child)
                break
            append(_scalar(child, special))
        else:
            if not outer:
                return "".join(parts).encode()
            current, closing = outer.pop()
            append(closing)


def remarshal(document: bytes, *, numbers: NumberStyle, escape_html: bool = True) -> bytes:
    """The document read and written again: sorted, compact, escaped.

    Raises:
        ValueRuleError: see `loads`.
    """
    return dumps(loads(document, numbers=numbers), escape_html=escape_html)


def decode_text(data: bytes) -> str:
    """UTF-8 as Go reads it: each byte that belongs to no character becomes U+FFFD."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _STRAY.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def _scalar(value: object, special: re.Pattern[str]) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return _quote(value, special)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        try:
            return go_float.format_json(value)
        except ValueError as error:
            raise ValueRuleError(str(error)) from None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return _quote(value.decode("utf-8", "surrogateescape"), special)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _members(value: dict[str, Any], special: re.Pattern[str]) -> Iterator[tuple[str, Any]]:
    comma = ""
    for key in sorted(value):
        yield f"{comma}{_quote(key, special)}:", value[key]
        comma = ","


def _items(value: list[Any] | tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    comma = ""
    for item in value:
        yield comma, item
        comma = ","


def _quote(text: str, special: re.Pattern[str]) -> str:
    return f'"{special.sub(_escaped, text)}"' if special.search(text) else f'"{text}"'


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    short = _SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    return "\\ufffd" if "\ud800" <= character <= "\udfff" else f"\\u{ord(character):04x}"


def _paired(match: re.Match[str]) -> str:
    """An escape sequence as it is, but for a surrogate without its partner."""
    return "\\ufffd" if match["alone"] else match[0]


def _float(text: str) -> float:
    number = float(text)
    if number in _INFINITE:
        raise _OutOfRange
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _skip(document: bytes, position: int) -> int:
    match = json_scan.WHITE_SPACE.match(document, position)
    return match.end() if match else position


def _not_json(document: bytes, error: ValueError | None) -> ValueRuleError:
    if not document.strip():
        return ValueRuleError("the value is empty where JSON is needed")
    where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
    return ValueRuleError(f"the value is not JSON{where}", remedy="correct the value upstream, or read it whole")


def _not_object(document: bytes) -> ValueRuleError:
    kind = _KINDS.get(document.strip(b" \t\r\n")[:1], "a number")
    return ValueRuleError(
        f"the value is {kind} where a JSON object is needed",
        remedy="name a property that is an object, or read the value with data instead of dataFrom",
    )


_KINDS: Final = {b"[": "an array", b'"': "a string", b"t": "a boolean", b"f": "a boolean"}
_N: Final = ord("n")
_BRACE: Final = ord("{")
_QUOTE: Final = ord('"')
_COMMA: Final = ord(",")
_INFINITE: Final = (float("inf"), float("-inf"))
_STRAY: Final = re.compile("[\ud800-\udfff]")
_HIGH: Final = "[dD][89abAB][0-9a-fA-F]{2}"
_LOW: Final = "[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE: Final = re.compile(rf"\\(?:u{_HIGH}\\u{_LOW}|(?P<alone>u[dD][89a-fA-F][0-9a-fA-F]{{2}})|.)", re.DOTALL)
_SPECIAL: Final = re.compile('[\\x00-\\x1f"\\\\\u2028\u2029\ud800-\udfff]')
_SPECIAL_HTML: Final = re.compile('[\\x00-\\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_FLOAT_DECODER: Final = json.JSONDecoder(parse_float=_float, parse_int=_float, parse_constant=_no_constant)
_RAW_DECODER: Final = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_constant)
_CHECKING_DECODER: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_no_constant)

"""What a path selects, and reading one value from JSON text."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from secretsync.values import go_float, json_scan
from secretsync.values.go_json import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator


class Type(StrEnum):
    """The kind of a result; ``JSON`` is an array or object."""

    Null = "Null"
    False_ = "False"
    Number = "Number"
    String = "String"
    True_ = "True"
    JSON = "JSON"


class Result:
    """What a path selects: a piece of JSON text, or nothing.

    Attributes:
        type: the kind of the value; ``Null`` also where nothing was found.
        raw: its JSON text as it stands in the document or as the path made it.
    """

    __slots__ = ("_string", "raw", "type")

    def __init__(self, kind: Type = Type.Null, raw: bytes = b"", string: bytes = b"") -> None:
        self.type = kind
        self.raw = raw
        self._string = string

    def __repr__(self) -> str:
        return f"Result(type={self.type.value}, exists={self.exists}, raw=***)"

    @property
    def exists(self) -> bool:
        """Whether something was found; a JSON ``null`` was."""
        return self.type is not Type.Null or bool(self.raw)

    @property
    def string(self) -> bytes:
        """The value as bytes (gjson's ``String()``).

        Strings without quotes and escapes, arrays and objects as they are written, integers as they are written, other
        numbers in plain decimal notation of their double, ``null`` and nothing as empty.
        """
        match self.type:
            case Type.String:
                return self._string
            case Type.JSON:
                return self.raw
            case Type.Number:
                return self.raw if _INTEGER.fullmatch(self.raw) else go_float.format_plain(self.number).encode()
            case Type.True_:
                return b"true"
            case Type.False_:
                return b"false"
            case _:
                return b""

    @property
    def text(self) -> str:
        """`string` as text; bytes that are not UTF-8 become U+FFFD."""
        return decode_text(self.string)

    @property
    def number(self) -> float:
        """The number of a ``Number``; 0 for any other kind."""
        return go_float.parse(self.raw.decode("latin-1")) if self.type is Type.Number else 0.0

    @property
    def boolean(self) -> bool:
        """The value as a switch: true, a number other than 0, or a string that says so."""
        if self.type is Type.String:
            return parse_boolean(self._string) is True
        return self.type is Type.True_ or (self.type is Type.Number and self.number != 0)

    @property
    def is_array(self) -> bool:
        """Whether it is an array."""
        return self.type is Type.JSON and self.raw[:1] == b"["

    @property
    def is_object(self) -> bool:
        """Whether it is an object."""
        return self.type is Type.JSON and self.raw[:1] == b"{"

    def each(self) -> Iterator[tuple[Result, Result]]:
        """The members (key and value) or elements (a key without meaning); any other value is its own only element."""
        if self.type is not Type.JSON:
            if self.exists:
                yield Result(), self
            return
        text = self.raw
        opening = _SPACE.match(text)
        position = opening.end() if opening else 0
        if text[position : position + 1] not in (b"{", b"["):
            return
        is_object = text[position : position + 1] == b"{"
        position += 1
        size = len(text)
        key = Result()
        while position < size:
            if is_object:
                start = text.find(b'"', position)
                end = json_scan.string_end(text, start + 1) if start >= 0 else -1
                if end < 0:
                    return
                key = string_result(text[start:end])
                position = end
            separator = _SEPARATOR.match(text, position)
            position, value = any_value(text, separator.end() if separator else position)
            if value is None:
                return
            yield key, value
            position += 1


def string_result(literal: bytes) -> Result:
    """The result of a string literal with both its quotes."""
    content = literal[1:-1]
    return Result(Type.String, literal, unescape(content) if b"\\" in content else content)


def any_value(text: bytes, position: int) -> tuple[int, Result | None]:
    """The next value at or after `position`, and the index behind it; None if there is none.

    Whatever cannot begin a value is passed over.
    """
    match = VALUE_START.match(text, position)
    position = match.end() if match else position
    if position >= len(text):
        return position, None
    return value_at(text, position)


def value_at(text: bytes, position: int) -> tuple[int, Result | None]:
    """The value that begins at `position` (a character that can begin one) and the index behind it.

    None for a string that never ends.
    """
    first = text[position]
    if first == _QUOTE:
        end = json_scan.string_end(text, position + 1)
        if end < 0:
            return len(text), None
        return end, string_result(text[position:end])
    if first in _BRACKETS:
        end = json_scan.group_end(text, position + 1)
        return end, Result(Type.JSON, text[position:end])
    if first in _WORDS and not (first == _N and is_number_word(text, position)):
        literal = json_scan.LITERAL_REST.match(text, position + 1)
        end = literal.end() if literal else position + 1
        return end, Result(_WORDS[first], text[position:end])
    rest = json_scan.NUMBER_REST.match(text, position + 1)
    end = rest.end() if rest else position + 1
    return end, Result(Type.Number, text[position:end])


def is_number_word(text: bytes, position: int) -> bool:
    """Whether the ``n`` at `position` begins ``nan`` rather than ``null``."""
    return position + 1 < len(text) and text[position + 1] != _U


def parse(text: bytes) -> Result:
    """The value that the text begins with; an array or object is taken to reach to the end of the text."""
    match = _SPACE.match(text)
    position = match.end() if match else 0
    first = text[position : position + 1]
    if not first:
        return Result()
    if first in b"{[":
        return Result(Type.JSON, text[position:])
    if first == b'"':
        end = json_scan.string_end(text, position + 1)
        if end >= 0:
            return string_result(text[position:end])
        content = text[position + 1 :]
        return Result(Type.String, text[position:], unescape(content) if b"\\" in content else content)
    if first in _STARTS:
        return value_at(text, position)[1] or Result()
    return Result()


def unescape(content: bytes) -> bytes:
    """The text of a string literal's content; cut off at a control character or an escape sequence that is none."""
    end = _ESCAPED.match(content)
    good = content[: end.end()] if end else b""
    return _ESCAPE.sub(_unescaped, good)


def parse_boolean(text: bytes) -> bool | None:
    """``ParseBool`` of the text in lower case; None where it says nothing."""
    return _BOOLEANS.get(text.lower())


def _unescaped(match: re.Match[bytes]) -> bytes:
    sequence = match[0]
    if sequence[1] != _U:
        return _SHORT.get(sequence[1:], sequence[1:])
    code = _hexadecimal(sequence[2:6])
    if _SURROGATES[0] <= code <= _SURROGATES[1]:
        low = _hexadecimal(sequence[8:12]) if len(sequence) > _SINGLE else 0
        if code < _LOW_SURROGATE <= low <= _SURROGATES[1]:
            code = 0x10000 + ((code - _SURROGATES[0]) << 10) + (low - _LOW_SURROGATE)
        else:
            code = 0xFFFD
    return chr(code).encode()


def _hexadecimal(digits: bytes) -> int:
    return int(digits, 16) if _HEXADECIMAL.fullmatch(digits) else 0


_QUOTE: Final = ord('"')
_N: Final = ord("n")
_U: Final = ord("u")
_SINGLE: Final = 6
_SURROGATES: Final = (0xD800, 0xDFFF)
_LOW_SURROGATE: Final = 0xDC00
_BRACKETS: Final = frozenset(b"{[")
_WORDS: Final = {ord("t"): Type.True_, ord("f"): Type.False_, _N: Type.Null}
_STARTS: Final = b"+-0123456789iINntf"
_BOOLEANS: Final = {b"1": True, b"t": True, b"true": True, b"0": False, b"f": False, b"false": False}
_SHORT: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_INTEGER: Final = re.compile(rb"-?[0-9]*")
_SPACE: Final = re.compile(rb"[\x00-\x20]*+")
_SEPARATOR: Final = re.compile(rb"[\x00-\x20,:]*+")
_HEXADECIMAL: Final = re.compile(rb"[0-9a-fA-F]{4}")
VALUE_START: Final = re.compile(rb'[^"{\[ntf+\-0-9iIN]*+')
"""Everything before the next character that can begin a value."""
_ESCAPED: Final = re.compile(rb'(?:[^\\\x00-\x1f]++|\\(?:[\\/bfnrt"]|u.{4}))*+', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}\\u.{4}|u.{4}|.)", re.DOTALL)

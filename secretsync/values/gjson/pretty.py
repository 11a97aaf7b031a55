"""The layouts of ``@pretty`` and ``@ugly`` (tidwall/pretty 1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secretsync.values import go_float, go_json, json_scan
from secretsync.values.gjson.result import VALUE_START, Result, Type, is_number_word

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Style:
    """How JSON is laid out.

    Attributes:
        width: arrays of scalars that fit into so many columns stay on one line; 0 or less: none do.
        prefix: put before every line.
        indent: put before every line once per level.
        sort_keys: whether members are sorted.
    """

    width: int = 80
    prefix: bytes = b""
    indent: bytes = b"  "
    sort_keys: bool = False


def pretty(text: bytes, style: Style, charge: Callable[[int], None]) -> bytes:
    """The text's first value, one member or element to a line.

    Args:
        text: JSON, valid or not.
        style: the layout.
        charge: called with the size of each piece of output, may raise.
    """
    return _Layout(text, style, charge).lay_out()


def ugly(text: bytes) -> bytes:
    """The text without white space outside of strings."""
    return _STRING_OR_SPACE.sub(_string_only, text)


def width_of(value: Result) -> int:
    """An option's value as a number of columns; what no integer can hold becomes negative, as in Go."""
    match value.type:
        case Type.Number:
            return int(value.number) if abs(value.number) < _WIDEST else -1
        case Type.String:
            return int(value.string) if _INTEGER.fullmatch(value.string) else 0
        case _:
            return int(value.type is Type.True_)


class _Open:
    """An array or object whose content is being laid out.

    Attributes:
        is_array: whether it is an array.
        tabs: its level.
        count: how many elements it has so far.
        key: the name of the member being laid out, as written.
        start: where that member begins in the output.
        pairs: for sorting, the members so far: name, beginning and end in the output.
    """

    __slots__ = ("count", "is_array", "key", "pairs", "start", "tabs")

    def __init__(self, *, is_array: bool, tabs: int) -> None:
        self.is_array = is_array
        self.tabs = tabs
        self.count = 0
        self.key = b""
        self.start = 0
        self.pairs: list[tuple[bytes, int, int]] = []


class _Layout:
    """The text, the place in it, and the output with the index that its last line is measured from."""

    def __init__(self, text: bytes, style: Style, charge: Callable[[int], None]) -> None:
        self.text = text
        self.style = style
        self.charge = charge
        self.out = bytearray(style.prefix)
        self.line = 0
        self.position = 0

    def lay_out(self) -> bytes:
        """The first value of the text."""
        opened = self._value(0)
        waiting = [opened] if opened else []
        while waiting:
            current = waiting[-1]
            character = self._skip()
            if not character or character == (b"]" if current.is_array else b"}"):
                if character:
                    self._close(current)
                waiting.pop()
                if waiting:
                    self._end_element(waiting[-1])
            elif current.is_array or character == b'"':
                self._begin_element(current)
                opened = self._value(current.tabs + 1)
                if opened:
                    waiting.append(opened)
                else:
                    self._end_element(current)
            else:
                self.position += 1
        if self.out:
            self.out += b"\n"
        return bytes(self.out)

    def _value(self, tabs: int) -> _Open | None:
        """Copy the next value; an array or object that takes several lines is only opened, and returned."""
        start = _next_value(self.text, self.position)
        first = self.text[start : start + 1]
        if not first:
            self.position = start
            return None
        if first in b"{[":
            if first == b"[" and self._one_line(start):
                return None
            self.out += first
            self.position = start + 1
            return _Open(is_array=first == b"[", tabs=tabs)
        piece, self.position = _scalar(self.text, start)
        self._write(piece)
        return None

    def _begin_element(self, current: _Open) -> None:
        if current.count:
            self.out += b", " if current.is_array and self.style.width != -1 else b","
        self._break_line()
        current.start = len(self.out)
        self._indent(current.tabs + 1)
        if not current.is_array:
            current.key, self.position = _scalar(self.text, self.position)
            self._write(current.key + b": ")

    def _end_element(self, current: _Open) -> None:
        current.count += 1
        if not current.is_array and self.style.sort_keys:
            current.pairs.append((current.key, current.start, len(self.out)))

    def _close(self, current: _Open) -> None:
        if current.pairs:
            self._sort(current.pairs)
        if current.count:
            self._break_line()
            self._indent(current.tabs)
        self.out += b"]" if current.is_array else b"}"
        self.position += 1

    def _sort(self, pairs: list[tuple[bytes, int, int]]) -> None:
        members = [(key, bytes(self.out[start:end])) for key, start, end in pairs]
        self.out[pairs[0][1] :] = b",\n".join(line for _, line in sorted(members, key=_sorting_key))

    def _break_line(self) -> None:
        self.line = len(self.out)
        if self.out.endswith(b" "):
            self.out[-1:] = b"\n"
        else:
            self.out += b"\n"

    def _indent(self, tabs: int) -> None:
        self.charge(len(self.style.prefix) + tabs * len(self.style.indent))
        self.out += self.style.prefix
        self.out += self.style.indent * tabs

    def _write(self, piece: bytes) -> None:
        self.charge(len(piece))
        self.out += piece

    def _skip(self) -> bytes:
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return self.text[self.position : self.position + 1]

    def _one_line(self, start: int) -> bool:
        """Copy the array at `start` if it fits into the rest of the line and holds no object."""
        limit = self.style.width - (len(self.out) - self.line)
        if self.style.width <= 0 or limit < _SHORTEST:
            return False
        text = self.text
        piece = bytearray(b"[")
        counts = [0]
        position = start + 1
        while counts and len(piece) <= limit:
            match = _SPACE.match(text, position)
            position = match.end() if match else position
            if position >= len(text):
                break
            if text[position] == _CLOSING:
                piece += b"]"
                position += 1
                counts.pop()
                if counts:
                    counts[-1] += 1
                continue
            if counts[-1]:
                piece += b", "
            position = _next_value(text, position)
            first = text[position : position + 1]
            if first == b"{":
                return False
            scalar, position = (first, position + 1) if first == b"[" else _scalar(text, position)
            piece += scalar
            if first == b"[":
                counts.append(0)
            else:
                counts[-1] += 1
        if len(piece) > limit:
            return False
        self._write(bytes(piece))
        self.position = position
        return True


def _next_value(text: bytes, position: int) -> int:
    match = VALUE_START.match(text, position)
    return match.end() if match else len(text)


def _scalar(text: bytes, position: int) -> tuple[bytes, int]:
    """The string, number or word that begins at `position`, and the index behind it."""
    first = text[position : position + 1]
    if first == b'"':
        end = json_scan.value_end(text, position)
        return text[position:end], end
    if first in _WORDS and not (first == b"n" and is_number_word(text, position)):
        word = _WORDS[first]
        return word, position + len(word)
    match = _NUMBER_REST.match(text, position + 1)
    end = match.end() if match else len(text)
    return text[position:end], end


def _sorting_key(member: tuple[bytes, bytes]) -> tuple[bytes, int, bytes | float]:
    """Members go by name; those of one name by the kind of their value, and then by the value."""
    key, line = member
    value = line.strip()[len(key) + 1 :].strip()
    kind = _KINDS.get(value[:1], _NUMBER_KIND)
    if kind == _NUMBER_KIND:
        return _content(key), kind, go_float.parse(value.decode("latin-1"))
    return _content(key), kind, _content(value) if kind == _STRING_KIND else value


def _content(literal: bytes) -> bytes:
    """The text of a string literal, empty for one that is wrong."""
    return go_json.unquote(literal).encode() if go_json.valid(literal) else b""


def _string_only(match: re.Match[bytes]) -> bytes:
    return match[1] or b""


_CLOSING: Final = ord("]")
_SHORTEST: Final = 4
_WIDEST: Final = 2.0**63
_WORDS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}
_NUMBER_KIND: Final = 2
_STRING_KIND: Final = 3
_KINDS: Final = {b"": 0, b"n": 0, b"f": 1, b'"': _STRING_KIND, b"t": 4, b"[": 5, b"{": 5}
_INTEGER: Final = re.compile(rb"-?[0-9]{1,9}")
_SPACE: Final = re.compile(rb"[\x00-\x20]*+")
_NUMBER_REST: Final = re.compile(rb"[^\x00-\x20,:\]}]*+")
_STRING_OR_SPACE: Final = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))|[\x00-\x20]++', re.DOTALL)

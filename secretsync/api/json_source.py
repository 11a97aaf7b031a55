"""JSON files, read with lines: duplicate keys refused, nesting bounded."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined] # not in the type stubs
from typing import Any, Final

from secretsync.api.source_tree import DEEPEST, MOST_NODES, Node, SourceError

_SPACE: Final = re.compile(r"[ \t\r\n]*", re.ASCII)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "null": None}
_LONGEST_NUMBER: Final = 400
_REMEDY: Final = "mend the syntax; check commas, quotes and brackets"


def read(text: str) -> list[Node]:
    """The documents of a JSON text; more than one may follow each other.

    Raises:
        SourceError: the text is not JSON or exceeds a bound.
    """
    return _Reader(text).documents()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._nodes = 0

    def documents(self) -> list[Node]:
        found = []
        position = self._skip(0)
        while position < len(self._text):
            node, position = self._value(position, 0)
            found.append(node)
            position = self._skip(position)
        return found

    def _line(self, position: int) -> int:
        return bisect_right(self._newlines, position - 1) + 1

    def _skip(self, position: int) -> int:
        match = _SPACE.match(self._text, position)
        return match.end() if match is not None else position

    def _fail(self, position: int, problem: str, remedy: str = _REMEDY) -> SourceError:
        return SourceError(self._line(position), problem, remedy)

    def _value(self, position: int, depth: int) -> tuple[Node, int]:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._fail(position, f"has more than {MOST_NODES} values", "split the file")
        if depth > DEEPEST:
            raise self._fail(position, f"is nested deeper than {DEEPEST} levels", "flatten it")
        start = self._text[position : position + 1]
        if start == "{":
            return self._object(position, depth)
        if start == "[":
            return self._array(position, depth)
        if start == '"':
            value, end = self._string(position)
            return Node(self._line(position), value), end
        for word, meaning in _WORDS.items():
            if self._text.startswith(word, position):
                return Node(self._line(position), meaning), position + len(word)
        return self._number(position)

    def _number(self, position: int) -> tuple[Node, int]:
        match = _NUMBER.match(self._text, position)
        if match is None:
            raise self._fail(position, "is not JSON: a value is expected here")
        if len(match[0]) > _LONGEST_NUMBER:
            raise self._fail(position, "has a number with too many digits", "put it in quotes")
        value: Any = float(match[0]) if match[1] or match[2] else int(match[0])
        if value in {math.inf, -math.inf}:
            raise self._fail(position, "has a number that is too large", "put it in quotes, if it is text")
        return Node(self._line(position), value), match.end()

    def _string(self, position: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self._text, position + 1, True)  # noqa: FBT003 - json's own function
        except JSONDecodeError:
            raise self._fail(position, "is not JSON: a string does not end or has a forbidden character") from None
        return value, end

    def _object(self, position: int, depth: int) -> tuple[Node, int]:
        node = Node(self._line(position), members={})
        members = node.members if node.members is not None else {}
        position = self._skip(position + 1)
        if self._text.startswith("}", position):
            return node, position + 1
        while True:
            if not self._text.startswith('"', position):
                raise self._fail(position, "is not JSON: a key in double quotes is expected here")
            line = self._line(position)
            key, position = self._string(position)
            if key in members:
                raise SourceError(line, f"a key is already set in line {node.key_lines[key]}", "keep one of the two")
            position = self._skip(position)
            if not self._text.startswith(":", position):
                raise self._fail(position, "is not JSON: a colon is expected here")
            members[key], position = self._value(self._skip(position + 1), depth + 1)
            node.key_lines[key] = line
            position, ended = self._next(position, "}")
            if ended:
                return node, position

    def _array(self, position: int, depth: int) -> tuple[Node, int]:
        elements: list[Node] = []
        node = Node(self._line(position), elements=elements)
        position = self._skip(position + 1)
        if self._text.startswith("]", position):
            return node, position + 1
        while True:
            element, position = self._value(position, depth + 1)
            elements.append(element)
            position, ended = self._next(position, "]")
            if ended:
                return node, position

    def _next(self, position: int, closing: str) -> tuple[int, bool]:
        position = self._skip(position)
        if self._text.startswith(closing, position):
            return position + 1, True
        if not self._text.startswith(",", position):
            raise self._fail(position, f"is not JSON: a comma or {closing} is expected here")
        return self._skip(position + 1), False

"""A JSON reader without recursion, for documents nested deeper than the interpreter's own reader goes.

It accepts the same language as Go's ``encoding/json``; depth is counted, as there, in open arrays and objects.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH: Final = 10_000

_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_STRING: Final = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"')
_WORDS: Final = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


def valid(text: str) -> bool:
    """Whether the text is JSON and not deeper than `MAX_DEPTH`."""
    try:
        decode(text, str)
    except ValueError:
        return False
    return True


def decode(text: str, number: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any JSON value
    """The text as Python values, each number made by `number` from its text.

    Raises:
        ValueError: the text is not JSON or too deep.
    """
    reader = _Reader(text, number)
    root: list[Any] = []
    reader.read(root)
    if reader.position != len(text):
        raise ValueError("something follows the value")
    return root[0]


class _Reader:
    """The place in the text, and how numbers are made."""

    __slots__ = ("number", "position", "text")

    def __init__(self, text: str, number: Callable[[str], Any]) -> None:
        self.text = text
        self.number = number
        self.position = 0

    def read(self, root: list[Any]) -> None:
        """Append the one value of the text to `root`; opened containers wait on a stack."""
        open_containers: list[list[Any] | dict[str, Any]] = []
        container: list[Any] | dict[str, Any] = root
        key = ""
        while True:
            value, opened = self._value()
            if isinstance(container, dict):
                container[key] = value
            else:
                container.append(value)
            if opened:
                open_containers.append(container)
                if len(open_containers) > MAX_DEPTH:
                    raise ValueError("nested too deeply")
                container = value
            while True:
                if not open_containers:
                    self._skip()
                    return
                state = self._next(container, first=opened)
                if state is not None:
                    key = state
                    break
                container = open_containers.pop()
                opened = False

    def _next(self, container: list[Any] | dict[str, Any], *, first: bool) -> str | None:
        """Step to the next element: its key, an empty text in an array, None where the container closes."""
        is_object = isinstance(container, dict)
        character = self._skip()
        if character == ("}" if is_object else "]"):
            self.position += 1
            return None
        if not first:
            if character != ",":
                raise ValueError("a comma or a closing bracket is missing")
            self.position += 1
            character = self._skip()
        if not is_object:
            return ""
        if character != '"':
            raise ValueError("a key is missing")
        key = self._string()
        if self._skip() != ":":
            raise ValueError("a colon is missing")
        self.position += 1
        return key

    def _value(self) -> tuple[Any, bool]:
        """The value that begins here, and whether it is a container that was only opened."""
        character = self._skip()
        if character == '"':
            return self._string(), False
        if character in ("{", "["):
            self.position += 1
            return ({} if character == "{" else []), True
        if character in _WORDS:
            word, value = _WORDS[character]
            if not self.text.startswith(word, self.position):
                raise ValueError("an unknown word")
            self.position += len(word)
            return value, False
        match = _NUMBER.match(self.text, self.position)
        if match is None:
            raise ValueError("a value is missing")
        self.position = match.end()
        return self.number(match[0]), False

    def _string(self) -> str:
        match = _STRING.match(self.text, self.position)
        if match is None:
            raise ValueError("a string is wrong or never ends")
        self.position = match.end()
        literal = match[0]
        if "\\" not in literal:
            return literal[1:-1]
        text: str = json.loads(literal)
        return text

    def _skip(self) -> str:
        """The next character that is not white space, empty at the end."""
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return self.text[self.position : self.position + 1]

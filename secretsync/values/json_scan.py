"""Finding where JSON tokens end, at the speed of compiled expressions and without recursion.

The scanners are as lenient as tidwall/gjson 1.18: they pair brackets of any kind, pass over what they do not know, and
take the end of the text as the end of whatever is open. On valid JSON they are exact.
"""

from __future__ import annotations

import re
from typing import Final

STRING_REST: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
"""From behind an opening quote to behind the closing one."""

NUMBER_REST: Final = re.compile(rb"[^\x00-\x20,\]}]*+")
"""The rest of a number, or of what is taken for one: up to white space, a comma or a closing bracket."""

LITERAL_REST: Final = re.compile(rb"[a-z]*+")
"""The rest of ``true``, ``false`` or ``null``, or of what is taken for one of them."""

WHITE_SPACE: Final = re.compile(rb"[ \t\r\n]*+")

STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""A string literal."""

NUMBER: Final = rb"-?[0-9][-+.0-9eE]*+"
"""A number, and a few things like one."""

_FLAT = rb'[^"{}\[\]()]*+(?:' + STRING + rb'[^"{}\[\]()]*+)*+'
_STEP: Final = re.compile(
    _FLAT + rb"(?:[{\[(]" + _FLAT + rb"(?:[{\[(]" + _FLAT + rb"[}\])]" + _FLAT + rb")*+[}\])]" + _FLAT + rb")*+",
    re.DOTALL,
)
_GROUP = rb"[{\[]" + _FLAT + rb"[}\]]"
for _ in range(3):
    _GROUP = rb"[{\[]" + _FLAT + rb"(?:" + _GROUP + _FLAT + rb")*+[}\]]"
MEMBERS: Final = re.compile(
    rb'[ \t\r\n]*+(?:"[^"\\]*+"[ \t\r\n]*+:[ \t\r\n]*+(?:'
    + STRING
    + rb"|"
    + NUMBER
    + rb"|true|false|null|"
    + _GROUP
    + rb")[ \t\r\n]*+,[ \t\r\n]*+)*+",
    re.DOTALL,
)
"""Whole members of an object, each with its comma, with names free of escapes and values at most four levels deep."""
_OPENING: Final = frozenset(b"{[(")
_QUOTE: Final = ord('"')


def string_end(text: bytes, start: int) -> int:
    """The index behind the string whose content begins at `start`; -1 when it never ends."""
    match = STRING_REST.match(text, start)
    return match.end() if match else -1


def group_end(text: bytes, start: int) -> int:
    """The index behind the bracket that closes the group whose content begins at `start`.

    The length where no bracket does, and one more where a string in it never ends: the walk then stops at once.
    """
    depth = 1
    size = len(text)
    while True:
        match = _STEP.match(text, start)
        start = match.end() if match else start
        if start >= size:
            return size
        if text[start] == _QUOTE:
            return size + 1
        if text[start] in _OPENING:
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return start + 1
        start += 1


def value_end(text: bytes, start: int) -> int:
    """The index behind the value that begins at `start`: a string, an array, an object, or a number or word."""
    first = text[start]
    if first == _QUOTE:
        end = string_end(text, start + 1)
        return end if end >= 0 else len(text)
    if first in _OPENING:
        return group_end(text, start + 1)
    match = NUMBER_REST.match(text, start + 1)
    return match.end() if match else len(text)

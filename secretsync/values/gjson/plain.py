"""The entry to a path's evaluation, and a short cut for paths that only name members of objects.

The short cut looks for the member's name as text and proves with one compiled expression that everything before it is
whole members at the same level. Where it cannot prove that, the general walk decides.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from secretsync.values import json_scan
from secretsync.values.gjson.limits import Budget, check_length
from secretsync.values.gjson.result import Result, Type, string_result
from secretsync.values.gjson.search import evaluate


def get(document: bytes | str, path: str) -> Result:
    """What the path selects in the document.

    Args:
        document: JSON text; other text is searched too, and mostly holds nothing.
        path: the property path.

    Returns:
        The first match; a result that does not exist where there is none.

    Raises:
        RemoteRefError: the path is longer, takes more work, or nests more selectors than is allowed.
    """
    check_length(path)
    text = document.encode("utf-8", "surrogateescape") if isinstance(document, str) else document
    names = _plain_names(path)
    if names is not None:
        result = _member(text, names)
        if result is not None:
            return result
    return evaluate(text, path.encode("utf-8", "surrogateescape"), Budget(len(text)))


@lru_cache(maxsize=1024)
def _plain_names(path: str) -> tuple[bytes, ...] | None:
    """The quoted names of a path that has nothing but names; None for any other path."""
    if not _PLAIN_PATH.fullmatch(path):
        return None
    return tuple(f'"{name}"'.encode("utf-8", "surrogateescape") for name in path.split("."))


def _member(text: bytes, names: tuple[bytes, ...]) -> Result | None:
    """The member, or a result that does not exist, if that can be told the short way.

    Without escapes in the text a name that does not stand in it names nothing, unless it is an index.
    """
    opening = _OBJECT.match(text)
    if opening is None:
        return None
    position = opening.end()
    last = len(names) - 1
    for depth, name in enumerate(names):
        found = text.find(name, position)
        if found < 0 and b"\\" not in text and not name[1:-1].isdigit():
            return Result()
        if found < 0 or not json_scan.MEMBERS.fullmatch(text, position, found):
            return None
        colon = _COLON.match(text, found + len(name))
        if colon is None:
            return None
        position = colon.end()
        if depth < last:
            if text[position : position + 1] != b"{":
                return None
            position += 1
    return _value(text, position)


def _value(text: bytes, position: int) -> Result | None:
    match = _VALUE.match(text, position)
    if match is None:
        return None
    raw = match[0]
    match match.lastgroup:
        case "string":
            return string_result(raw)
        case "group":
            return Result(Type.JSON, text[position : json_scan.group_end(text, position + 1)])
        case "number":
            return Result(Type.Number, raw)
        case _:
            return Result(_WORDS[raw], raw)


_WORDS: Final = {b"true": Type.True_, b"false": Type.False_, b"null": Type.Null}
_PLAIN_PATH: Final = re.compile(r'[^\x00-\x1f.|*?\\#@!\[\]{}()":,]++(?:\.[^\x00-\x1f.|*?\\#@!\[\]{}()":,]++)*+')
_OBJECT: Final = re.compile(rb"[ \t\r\n]*+\{")
_COLON: Final = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_VALUE: Final = re.compile(
    rb"(?P<string>"
    + json_scan.STRING
    + rb")|(?P<group>[{\[])|(?P<number>"
    + json_scan.NUMBER
    + rb")(?=[\x00-\x20,\]}])|(?P<word>true|false|null)(?=[\x00-\x20,\]}])",
    re.DOTALL,
)

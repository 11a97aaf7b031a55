"""Taking a path apart, one component at a time, because what follows decides what a component means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from secretsync.values import json_scan
from secretsync.values.gjson.result import unescape

MODIFIERS: Final = frozenset(
    (
        b"pretty",
        b"ugly",
        b"reverse",
        b"this",
        b"flatten",
        b"join",
        b"valid",
        b"keys",
        b"values",
        b"tostr",
        b"fromstr",
        b"group",
        b"dig",
    )
)
"""The modifiers gjson has built in."""


@dataclass(frozen=True, slots=True)
class MemberPart:
    """One component, read as the name of a member.

    Attributes:
        name: the name without its escapes.
        wild: whether ``*`` and ``?`` in it are wildcards.
        rest: the components after it, where `more`.
        more: whether a dot follows.
        pipe: what is applied to the result, None without a pipe.
    """

    name: bytes
    wild: bool = False
    rest: bytes = b""
    more: bool = False
    pipe: bytes | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """The condition in ``#(…)``: a path, an operator (empty: it exists) and the operand."""

    path: bytes = b""
    operator: bytes = b""
    operand: bytes = b""


@dataclass(frozen=True, slots=True)
class ElementPart:
    """One component, read as the choice of elements of an array.

    Attributes:
        index: the element's index, -1 for none.
        hash: whether a ``#`` stands in it, so that it is no index.
        count: whether it is ``#`` alone: the number of elements.
        each: for ``#.``, the path applied to every element.
        query: the condition of ``#(…)``.
        all: whether all matches are wanted, ``#(…)#``.
        rest: the components after it, where `more`.
        more: whether a dot follows.
        pipe: what is applied to the result, None without a pipe.
    """

    index: int = -1
    hash: bool = False
    count: bool = False
    each: bytes | None = None
    query: Query | None = None
    all: bool = False
    rest: bytes = b""
    more: bool = False
    pipe: bytes | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """One entry of a multipath ``{name:path}`` or ``[path]``."""

    path: bytes
    name: bytes = b""


@lru_cache(maxsize=256)
def member_part(path: bytes) -> MemberPart:
    """The first component as a member's name, and what follows."""
    name = bytearray()
    wild = escaped = False
    position = 0
    size = len(path)
    while position < size:
        character = path[position]
        if character == _PIPE:
            return MemberPart(bytes(name), wild=wild, pipe=path[position + 1 :])
        if character == _DOT:
            rest = path[position + 1 :]
            if rest and starts_piped(rest):
                return MemberPart(bytes(name), wild=wild, pipe=rest)
            return MemberPart(bytes(name), wild=wild, rest=rest, more=True)
        if character == _BACKSLASH:
            escaped = True
            name += path[position + 1 : position + 2]
            position += 2
            continue
        if character in _WILD:
            wild = True
        name.append(character)
        position += 1
    return MemberPart(bytes(name) if escaped else path, wild=wild)


@lru_cache(maxsize=256)
def element_part(path: bytes) -> ElementPart:
    """The first component as a choice of elements, and what follows."""
    position = 0
    size = len(path)
    has_hash = all_matches = False
    each: bytes | None = None
    query: Query | None = None
    while position < size and path[position] not in _ENDS:
        if path[position] == _HASH:
            has_hash = True
            follower = path[1:2] if position == 0 else b""
            if follower == b".":
                each = path[2:]
            elif follower and follower in b"[(":
                parsed = parse_query(path)
                if parsed is None:
                    query = Query()
                    position = size
                    break
                query, position = parsed
                all_matches = path[position : position + 1] == b"#"
                continue
        position += 1
    part, ending, rest = path[:position], path[position : position + 1], path[position + 1 :]
    piped = ending == b"|" or (ending == b"." and not has_hash and bool(rest) and starts_piped(rest))
    more = ending == b"." and not piped
    return ElementPart(
        index=-1 if has_hash else _unsigned(part),
        hash=has_hash,
        count=has_hash and part == b"#",
        each=each,
        query=query,
        all=all_matches,
        rest=rest if more else b"",
        more=more,
        pipe=rest if piped else None,
    )


def parse_query(path: bytes) -> tuple[Query, int] | None:
    """The query at the start of the path (``#(…)`` or ``#[…]``) and the index behind it; None if it never closes."""
    position = 2
    size = len(path)
    depth = 1
    operator_at = 0
    escaped = False
    while position < size:
        character = path[position]
        if depth == 1 and not operator_at and character in b"!=<>%":
            operator_at = position
        elif character == _BACKSLASH:
            position += 1
        elif character in b"[(":
            depth += 1
        elif character in b"])":
            depth -= 1
            if depth == 0:
                break
        elif character == _QUOTE:
            end = _quoted_end(path, position + 1)
            escaped = escaped or b"\\" in path[position + 1 : end]
            position = end
        position += 1
    if depth > 0:
        return None
    return _query(path[2:position], operator_at - 2, escaped=escaped), position + 1


def _query(text: bytes, operator_at: int, *, escaped: bool) -> Query:
    """The condition in the brackets; `operator_at` is negative where it only asks whether something exists."""
    if operator_at < 0:
        return Query(trim(text))
    operator, operand = _operation(trim(text[operator_at:]))
    if len(operand) > 1 and operand.startswith(b'"') and operand.endswith(b'"'):
        operand = unescape(operand[1:-1]) if escaped else operand[1:-1]
    return Query(trim(text[:operator_at]), operator, operand)


def _operation(text: bytes) -> tuple[bytes, bytes]:
    """The operator a condition begins with, and its operand. An exclamation mark alone is no operator."""
    if text.startswith(b"==") and len(text) > 1:
        return b"=", trim(text[2:])
    length = 2 if text[:2] in _LONG_OPERATORS else 0 if text[:1] == b"!" and len(text) > 1 else 1
    return text[:length], trim(text[length:])


def split_pipe(path: bytes) -> tuple[bytes, bytes | None]:
    """The path up to its first pipe outside of queries, and what follows the pipe; None without one."""
    if b"|" not in path:
        return path, None
    if path.startswith(b"{"):
        return _split_multipath(path)
    position = 0
    size = len(path)
    while position < size:
        character = path[position]
        if character == _BACKSLASH:
            position += 1
        elif character == _PIPE:
            return path[:position], path[position + 1 :]
        elif character == _DOT and path[position + 1 : position + 2] == b"#":
            position += 2
            if position < size and path[position] in b"[(":
                position = _balanced_end(path, position)
        position += 1
    return path, None


def parse_selectors(path: bytes) -> tuple[tuple[Selector, ...], bytes] | None:
    """The entries of the multipath the path begins with, and what follows it; None if it never closes."""
    selectors: list[Selector] = []
    depth = 1
    start = position = 1
    colon = 0
    modifier = False
    size = len(path)
    while position < size:
        character = path[position]
        if character == _BACKSLASH:
            position += 1
        elif character == _AT:
            modifier = modifier or path[position - 1] in b".|"
        elif character == _COLON and not modifier and depth == 1:
            colon = colon or position
        elif character == _QUOTE:
            position = _quoted_end(path, position + 1)
        else:
            depth += _DEPTHS.get(character, 0)
        if depth == 0 or (depth == 1 and character == _COMMA):
            entry = Selector(path[colon + 1 : position], path[start:colon]) if colon else Selector(path[start:position])
            selectors.append(entry)
            if depth == 0:
                return tuple(selectors), path[position + 1 :]
            colon = 0
            modifier = False
            start = position + 1
        position += 1
    return None


def default_name(path: bytes) -> bytes:
    """The name that an entry of ``{…}`` gets when it states none: its last component, or ``_``."""
    position = len(path) - 1
    while position >= 0:
        if path[position] in _ENDS and not (position > 0 and path[position - 1] == _BACKSLASH):
            break
        position -= 1
    name = path[position + 1 :]
    return b"_" if _NOT_SIMPLE.search(name) else name


def starts_piped(rest: bytes) -> bool:
    """Whether what follows a dot acts on the value before it as a whole: a modifier or a multipath."""
    if rest.startswith(b"@"):
        name = _MODIFIER_NAME.match(rest, 1)
        return name is not None and name[0] in MODIFIERS
    return rest[0] in b"[{"


def trim(text: bytes) -> bytes:
    """The text without control characters and spaces at its ends."""
    return text.strip(_BLANKS)


def _split_multipath(path: bytes) -> tuple[bytes, bytes | None]:
    """The same for a path that begins with ``{``; a quoted first name hides the pipe, as in gjson."""
    end = json_scan.string_end(path, 2) if path[1] == _QUOTE else json_scan.group_end(path, 2)
    if 0 <= end < len(path) and path[end] == _PIPE:
        return path[:end], path[end + 1 :]
    return path, None


def _balanced_end(path: bytes, position: int) -> int:
    """The index of the bracket that closes the one at `position`, counting only its own kind; the length if none."""
    opening = path[position]
    closing = ord("]") if opening == ord("[") else ord(")")
    depth = 1
    position += 1
    size = len(path)
    while position < size:
        character = path[position]
        if character == _BACKSLASH:
            position += 1
        elif character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if depth == 0:
                break
        elif character == _QUOTE:
            position = _quoted_end(path, position + 1)
        position += 1
    return position


def _quoted_end(path: bytes, position: int) -> int:
    """The index of the quote that closes the string whose content begins at `position`; the length if none does."""
    end = json_scan.string_end(path, position)
    return end - 1 if end >= 0 else len(path)


def _unsigned(part: bytes) -> int:
    """The index a component states, with the overflow of 64 bits; -1 if it is not a number."""
    if not _DIGITS.fullmatch(part):
        return -1
    number = int(part) % 2**64
    return number if number < 2**63 else -1


_PIPE: Final = ord("|")
_DOT: Final = ord(".")
_HASH: Final = ord("#")
_AT: Final = ord("@")
_COLON: Final = ord(":")
_COMMA: Final = ord(",")
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_DEPTHS: Final = {ord("["): 1, ord("("): 1, ord("{"): 1, ord("]"): -1, ord(")"): -1, ord("}"): -1}
_ENDS: Final = frozenset(b".|")
_WILD: Final = frozenset(b"*?")
_LONG_OPERATORS: Final = frozenset((b"!=", b"!%", b"<=", b">="))
_BLANKS: Final = bytes(range(33))
_DIGITS: Final = re.compile(rb"[0-9]{1,4000}")
_MODIFIER_NAME: Final = re.compile(rb"[^.|:]*+")
_NOT_SIMPLE: Final = re.compile(rb"[\x00-\x1f\[\]{}()#|!]")

"""sprig's functions on regular expressions, by RE2: the same syntax as Go's regexp, in linear time."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import re2

from secretsync.template.budget import MAX_VALUE_BYTES, check_items
from secretsync.template.failures import BudgetExceeded, FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.govalues import NilStringList, StringList, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 16 << 20
_SPECIAL: Final = frozenset(b"\\.+*?()|[]{}^$")
_ASCII: Final = 0x80


@functools.lru_cache(maxsize=256)
def _compile(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    if "\\C" in pattern.replace("\\\\", ""):
        raise FunctionFailure("the regular expression is not valid")
    try:
        return re2.compile(encode(pattern), options=_OPTIONS)
    except re2.error:
        raise FunctionFailure("the regular expression is not valid") from None


def _rune_width(data: bytes, position: int) -> int:
    first = data[position]
    if first < _ASCII:
        return 1
    width = 2 if first < 0xE0 else 3 if first < 0xF0 else 4  # noqa: PLR2004 - UTF-8's lead bytes
    try:
        data[position : position + width].decode()
    except UnicodeDecodeError:
        return 1
    return width


def _matches(pattern: Any, data: bytes, limit: int) -> Iterator[Any]:  # noqa: ANN401 - re2 has no types
    """Go's FindAll: an empty match directly after another one does not count."""
    position, previous_end, found = 0, -1, 0
    while position <= len(data) and found != limit:
        match = pattern.search(data, position)
        if match is None:
            return
        start, end = match.span()
        accepted = not (end == position and start == previous_end)
        if end > position:
            position = end
        else:
            position += _rune_width(data, position) if position < len(data) else 1
        previous_end = end
        if accepted:
            found += 1
            check_items(found)
            yield match


def _match(pattern: str, text: str) -> bool:
    return _compile(pattern).search(encode(text)) is not None


def _match_or_false(pattern: str, text: str) -> bool:
    try:
        return _match(pattern, text)
    except FunctionFailure:
        return False


def _find(pattern: str, text: str) -> str:
    match = _compile(pattern).search(encode(text))
    return decode(match.group()) if match else ""


def _find_all(pattern: str, text: str, limit: int) -> StringList:
    found = StringList(decode(match.group()) for match in _matches(_compile(pattern), encode(text), max(limit, -1)))
    return found or NilStringList()


def _split(pattern: str, text: str, limit: int) -> StringList:
    compiled = _compile(pattern)
    if limit == 0:
        return NilStringList()
    if pattern and not text:
        return StringList([""])
    data = encode(text)
    parts: list[str] = []
    start = end = 0
    for match in _matches(compiled, data, -1 if limit < 0 else limit):
        if limit > 0 and len(parts) == limit - 1:
            break
        end = match.start()
        if match.end() != 0:
            parts.append(decode(data[start:end]))
        start = match.end()
    if end != len(data):
        parts.append(decode(data[start:]))
    return StringList(parts)


def _replace(pattern: str, text: str, replacement: str, *, literal: bool) -> str:
    data = encode(text)
    template = encode(replacement)
    pieces = [template] if literal or b"$" not in template else None
    out: list[bytes] = []
    size = position = 0
    for match in _matches(_compile(pattern), data, -1):
        piece = pieces[0] if pieces else _expand(template, match)
        out += (data[position : match.start()], piece)
        position = match.end()
        size += len(piece)
        if size > MAX_VALUE_BYTES:
            raise BudgetExceeded(f"the result is longer than {MAX_VALUE_BYTES} bytes")
    out.append(data[position:])
    return decode(b"".join(out))


def _expand(template: bytes, match: Any) -> bytes:  # noqa: ANN401 - re2 has no types
    """regexp.Expand: ``$1``, ``${1}``, ``$name``; the longest name counts, an unknown group is empty."""
    out: list[bytes] = []
    rest = template
    while True:
        before, dollar, rest = rest.partition(b"$")
        out.append(before)
        if not dollar:
            return b"".join(out)
        if rest.startswith(b"$"):
            out.append(b"$")
            rest = rest[1:]
            continue
        name, following = _group_name(rest)
        if name is None:
            out.append(b"$")
            continue
        out.append(_group(match, name))
        rest = following


def _group_name(rest: bytes) -> tuple[str | None, bytes]:
    text = rest.decode("utf-8", "replace")
    braced = text.startswith("{")
    body = text[1:] if braced else text
    length = 0
    while length < len(body) and (body[length] == "_" or body[length].isalnum()):
        length += 1
    if not length or (braced and body[length : length + 1] != "}"):
        return None, rest
    consumed = body[:length].encode()
    return body[:length], rest[len(consumed) + (2 if braced else 0) :]


def _group(match: Any, name: str) -> bytes:  # noqa: ANN401 - re2 has no types
    try:
        if name.isascii() and name.isdigit():
            return match.group(int(name)) or b""
        index = match.re.groupindex.get(name) or match.re.groupindex.get(name.encode())
        return (match.group(index) or b"") if index else b""
    except (IndexError, re2.error):
        return b""


def _quote_meta(text: str) -> str:
    out = bytearray()
    for byte in encode(text):
        if byte in _SPECIAL:
            out.append(0x5C)
        out.append(byte)
    return decode(bytes(out))


def functions() -> Iterator[Function]:
    """All functions of this module."""
    family = "regular expressions"
    yield from define(family, "(string, string) bool", "regexMatch", _match_or_false)
    yield from define(family, "(string, string) bool", "mustRegexMatch", _match)
    yield from define(
        family, "(string, string, int) []string", "regexFindAll mustRegexFindAll", _find_all, text_weight=8
    )
    yield from define(family, "(string, string) string", "regexFind mustRegexFind", _find)
    yield from define(
        family,
        "(string, string, string) string",
        "regexReplaceAll mustRegexReplaceAll",
        lambda pattern, text, replacement: _replace(pattern, text, replacement, literal=False),
        text_weight=8,
    )
    yield from define(
        family,
        "(string, string, string) string",
        "regexReplaceAllLiteral mustRegexReplaceAllLiteral",
        lambda pattern, text, replacement: _replace(pattern, text, replacement, literal=True),
        text_weight=8,
    )
    yield from define(family, "(string, string, int) []string", "regexSplit mustRegexSplit", _split, text_weight=8)
    yield from define(family, "(string) string", "regexQuoteMeta", _quote_meta, text_weight=8)

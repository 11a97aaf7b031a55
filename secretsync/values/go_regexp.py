r"""Regular expressions as Go's ``regexp`` understands them, run by RE2, which takes time linear in the text.

Go's syntax is RE2's but for one construct, ``\C`` (a single byte), which Go refuses and so do we. Patterns and texts
are bounded, so that neither compiling nor replacing can hold up a sync.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

import re2

from secretsync.errors import SecretKeyError

MAX_PATTERN: Final = 8 * 1024
"""Longest pattern and longest replacement, in bytes of UTF-8."""
MAX_TEXT: Final = 8 * 1024
"""Longest text that is replaced in, in bytes of UTF-8: far above the 253 a key may have."""
MAX_RESULT: Final = 64 * 1024
"""Longest result of a replacement, in bytes of UTF-8."""


class Pattern:
    """A compiled regular expression."""

    __slots__ = ("_groups", "_regexp", "source")

    def __init__(self, source: str, regexp: re2._Regexp) -> None:
        self.source = source
        self._regexp = regexp
        self._groups = {_decode(name): index for name, index in regexp.groupindex.items()}

    def __repr__(self) -> str:
        return f"Pattern({self.source!r})"

    def search(self, text: str) -> bool:
        """Whether the expression matches anywhere in the text (Go's ``MatchString``)."""
        return self._regexp.search(_encode(text)) is not None

    def replace_all(self, text: str, template: str) -> str:
        """The text with every match replaced (Go's ``ReplaceAllString``).

        Args:
            text: what is searched.
            template: the replacement; ``$1``, ``${1}``, ``$name``, ``${name}`` insert a group, ``$$`` a dollar sign. A
                name reaches as far as letters, digits and underscores go: ``$1x`` is the group named ``1x``, and a
                group that does not exist is empty.

        Raises:
            SecretKeyError: the text, the template or the result is too long.
        """
        data = _encode(text)
        if len(data) > MAX_TEXT:
            raise SecretKeyError(f"a key of {len(data)} bytes cannot be rewritten, {MAX_TEXT} are allowed")
        pieces = _template(template)
        parts: list[bytes] = []
        size = last = position = 0
        while position <= len(data):
            match = self._regexp.search(data, position)
            if match is None:
                break
            start, end = match.span()
            parts.append(data[last:start])
            if end > last or start == 0:
                inserted = [self._piece(piece, match) for piece in pieces]
                parts += inserted
                size += sum(map(len, inserted)) + len(inserted)
            if size > MAX_RESULT:
                raise SecretKeyError(f"the rewrite of a key makes more than {MAX_RESULT} bytes")
            last = end
            position = max(end, position + _width(data, position))
        parts.append(data[last:])
        return b"".join(parts).decode("utf-8", "surrogatepass")

    def _piece(self, piece: bytes | int | str, match: re2._Match) -> bytes:
        if isinstance(piece, bytes):
            return piece
        index = piece if isinstance(piece, int) else self._groups.get(piece, -1)
        if not 0 <= index <= self._regexp.groups:
            return b""
        group: bytes | None = match.group(index)
        return group or b""


@lru_cache(maxsize=1024)
def compile(pattern: str) -> Pattern:  # noqa: A001 - as Go's and Python's own modules name it
    """The pattern made ready.

    Raises:
        SecretKeyError: it is no regular expression of Go's, or too long or large.
    """
    data = _encode(pattern)
    if len(data) > MAX_PATTERN:
        raise SecretKeyError(f"the regular expression has {len(data)} bytes, {MAX_PATTERN} are allowed")
    if _SINGLE_BYTE.match(pattern):
        raise SecretKeyError(r"the regular expression has \C, which is not supported", remedy="use a dot instead")
    options = re2.Options()
    options.log_errors = False
    try:
        return Pattern(pattern, re2.compile(data, options))
    except re2.error as error:
        problem = error.args[0] if error.args else ""
        raise SecretKeyError(
            f"{pattern!r} is not a regular expression: {_decode(problem)}",
            remedy="use RE2 syntax, without look-around and back-references",
        ) from None


@lru_cache(maxsize=256)
def _template(template: str) -> tuple[bytes | int | str, ...]:
    """The replacement in pieces: literal bytes, the number of a group, or the name of one."""
    if len(template) > MAX_PATTERN:
        raise SecretKeyError(f"the replacement has more than {MAX_PATTERN} characters")
    pieces: list[bytes | int | str] = []
    position = 0
    while True:
        dollar = template.find("$", position)
        if dollar < 0:
            pieces.append(_encode(template[position:]))
            return tuple(piece for piece in pieces if piece != b"")
        pieces.append(_encode(template[position:dollar]))
        if template.startswith("$$", dollar):
            pieces.append(b"$")
            position = dollar + 2
            continue
        braced = template.startswith("${", dollar)
        start = dollar + 2 if braced else dollar + 1
        end = start
        while end < len(template) and _is_name(template[end]):
            end += 1
        name = template[start:end]
        if not name or (braced and template[end : end + 1] != "}"):
            pieces.append(b"$")
            position = dollar + 1
            continue
        pieces.append(int(name) if _GROUP_NUMBER.fullmatch(name) else name)
        position = end + 1 if braced else end


def _is_name(character: str) -> bool:
    category = unicodedata.category(character)
    return character == "_" or category[0] == "L" or category == "Nd"


def _width(data: bytes, position: int) -> int:
    """How many bytes the character at `position` takes; one at the end."""
    first = data[position] if position < len(data) else 0
    return 1 if first < _TWO else 2 if first < _THREE else 3 if first < _FOUR else 4


def _decode(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


_TWO: Final = 0xC0
_THREE: Final = 0xE0
_FOUR: Final = 0xF0
_SINGLE_BYTE: Final = re.compile(r"(?:[^\\]|\\Q.*?(?:\\E|\Z)|\\[^CQ])*+\\C", re.DOTALL)
_GROUP_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}")

"""Letter cases, words and line wrapping as goutils and xstrings do them; the word rules come from gotpl."""

from __future__ import annotations

from typing import Final

from gotpl.funcs.sprig import strings as upstream

from secretsync.template.budget import check_length
from secretsync.template.failures import FunctionFailure
from secretsync.template.govalues import decode, encode, runes

SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000"
)
"""What unicode.IsSpace accepts."""

_LATIN_SPACE: Final = frozenset(b"\t\n\v\f\r \x85\xa0")
_SPACE: Final = ord(" ")
_ABBREVIATION: Final = 3
_MIN_ABBREVIATED: Final = 4
_MIN_ABBREVIATED_BOTH: Final = 7


def upper(text: str) -> str:
    """strings.ToUpper: one rune for one rune."""
    if text.isascii():
        return text.upper()
    return "".join(raised if len(raised := char.upper()) == 1 else char for char in runes(text))


def lower(text: str) -> str:
    """strings.ToLower: one rune for one rune."""
    if text.isascii():
        return text.lower()
    return "".join(lowered if len(lowered := char.lower()) == 1 else lowered[0] for char in runes(text))


def title(text: str) -> str:
    """strings.Title."""
    return str(upstream.title(runes(text)))


def untitle(text: str) -> str:
    """goutils.Uncapitalize: the first letter of every word in lower case."""
    return str(upstream.untitle(runes(text)))


def swapcase(text: str) -> str:
    """goutils.SwapCase."""
    return str(upstream.swapcase(runes(text)))


def snakecase(text: str) -> str:
    """xstrings.ToSnakeCase."""
    return str(upstream.snakecase(runes(text)))


def kebabcase(text: str) -> str:
    """xstrings.ToKebabCase."""
    return str(upstream.kebabcase(runes(text)))


def camelcase(text: str) -> str:
    """xstrings.ToPascalCase."""
    return str(upstream.camelcase(runes(text)))


def wrap(width: int, text: str) -> str:
    """goutils.Wrap; long words stay whole."""
    check_length(2 * len(text))
    return _wrapped(width, b"\n", encode(text), cut=False)


def wrap_with(width: int, separator: str, text: str) -> str:
    """goutils.WrapCustom; long words are cut, also between the bytes of one character."""
    data = encode(text)
    check_length(len(data) + len(separator) * (len(data) // max(width, 1) + 1))
    return _wrapped(width, encode(separator) or b"\n", data, cut=True)


def _wrapped(width: int, separator: bytes, data: bytes, *, cut: bool) -> str:
    width = max(width, 1)
    lines: list[bytes] = []
    start = 0
    while len(data) - start > width:
        if data[start] == _SPACE:
            start += 1
            continue
        end = data.rfind(b" ", start, start + width + 1)
        after = end + 1
        if end < 0 and cut:
            end = after = start + width
        elif end < 0:
            end = data.find(b" ", start + width)
            if end < 0:
                break
            after = end + 1
        lines.append(data[start:end])
        start = after
    lines.append(data[start:])
    return decode(separator.join(lines))


def nospace(text: str) -> str:
    """goutils.DeleteWhiteSpace, which reads bytes as runes: text beyond ASCII comes out as Latin-1 unless unchanged."""
    data = encode(text)
    kept = bytes(byte for byte in data if byte not in _LATIN_SPACE)
    return text if len(kept) == len(data) else kept.decode("latin-1")


def initials(text: str) -> str:
    """goutils.Initials, which reads bytes as runes."""
    out = bytearray()
    gap = True
    for byte in encode(text):
        if byte in _LATIN_SPACE:
            gap = True
        elif gap:
            out.append(byte)
            gap = False
    return out.decode("latin-1")


def abbrev(width: int, text: str) -> str:
    """Cut to a width in bytes, with an ellipsis."""
    return text if width < _MIN_ABBREVIATED else _abbreviate(encode(text), 0, width)


def abbrevboth(left: int, right: int, text: str) -> str:
    """Cut on both sides, with ellipses."""
    if right < _MIN_ABBREVIATED or (left > 0 and right < _MIN_ABBREVIATED_BOTH):
        return text
    return _abbreviate(encode(text), left, right)


def _abbreviate(data: bytes, offset: int, width: int) -> str:
    size = len(data)
    if size <= width:
        return decode(data)
    inner = width - _ABBREVIATION
    offset = min(offset, size)
    if size - offset < inner:
        offset = size - inner
    if offset <= _MIN_ABBREVIATED:
        return decode(data[:inner] + b"...")
    if width < _MIN_ABBREVIATED_BOTH:
        return ""
    if offset + inner < size:
        if inner < _MIN_ABBREVIATED:
            raise FunctionFailure("the width is too small")
        return "..." + _abbreviate(data[offset:], 0, inner)
    return decode(b"..." + data[size - inner :])

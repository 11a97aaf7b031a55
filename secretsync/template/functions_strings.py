"""sprig's functions on strings, encodings and paths."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
import zlib
from typing import TYPE_CHECKING, Any, Final

from gotpl.funcs.sprig import strings as upstream

from secretsync.template import casing
from secretsync.template.budget import check_items, check_length
from secretsync.template.failures import FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.gofmt import default_format, quote
from secretsync.template.govalues import StringList, StringMap, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_ENDS: Final = str.maketrans("", "", "\r\n")
_BASE32: Final = re.compile(r"(?:[A-Z2-7]{8})*(?:[A-Z2-7]{2}={6}|[A-Z2-7]{4}={4}|[A-Z2-7]{5}={3}|[A-Z2-7]{7}=)?")


def text_value(value: object) -> str:
    """Sprig's strval: strings and bytes as they are, everything else as ``%v``."""
    if isinstance(value, str):
        return value
    return decode(value) if isinstance(value, bytes) else default_format(value)


def string_list(value: object) -> StringList:
    """Sprig's strslice: the items as text, nil left out; a single value becomes a list of one."""
    if isinstance(value, StringList):
        return value
    if isinstance(value, (list, bytes)):
        return StringList(text_value(item) for item in value if item is not None)
    return StringList() if value is None else StringList([text_value(value)])


def _repeat(count: int, text: str) -> str:
    if count < 0:
        raise FunctionFailure("the count is negative")
    check_length(count * max(len(text), 1) if text else 0)
    return text * count if text else ""


def _substring(start: int, end: int, text: str) -> str:
    data = encode(text)
    if start < 0:
        start, stop = 0, end
    else:
        stop = len(data) if end < 0 or end > len(data) else end
    if not 0 <= start <= stop <= len(data):
        raise FunctionFailure("the bounds are out of range")
    return decode(data[start:stop])


def _truncate(count: int, text: str) -> str:
    data = encode(text)
    if count < 0 and len(data) + count > 0:
        return decode(data[len(data) + count :])
    return decode(data[:count]) if 0 <= count < len(data) else text


def _indent(spaces: int, text: str) -> str:
    if spaces < 0:
        raise FunctionFailure("the count is negative")
    check_length(spaces * (text.count("\n") + 1) + len(text))
    pad = " " * spaces
    return pad + text.replace("\n", "\n" + pad)


def _replace(old: str, new: str, text: str) -> str:
    check_length(len(text) + len(new) * (text.count(old) if old else len(text) + 1))
    return text.replace(old, new)


def split_text(separator: str, text: str, count: int = -1) -> list[str]:
    """strings.SplitN: an empty separator splits after each rune."""
    if count == 0:
        return []
    check_items(text.count(separator) if separator else len(text))
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if count < 0 or count >= len(text):
        return list(text)
    return [*text[: count - 1], text[count - 1 :]]


def _numbered(parts: list[str]) -> StringMap:
    return StringMap((f"_{index}", part) for index, part in enumerate(parts))


def _sort_alpha(value: object) -> StringList:
    if isinstance(value, (list, bytes)):
        return StringList(sorted(string_list(value), key=encode))
    return StringList([text_value(value)])


def _join(separator: str, value: object) -> str:
    parts = string_list(value)
    check_length(len(separator) * len(parts) + sum(map(len, parts)))
    return separator.join(parts)


def _quoted(*values: object) -> str:
    return " ".join(quote(text_value(value)) for value in values if value is not None)


def _single_quoted(*values: object) -> str:
    return " ".join(f"'{default_format(value)}'" for value in values if value is not None)


def _cat(*values: object) -> str:
    return " ".join(default_format(value) for value in values if value is not None)


def decode_base64(text: str) -> str:
    """base64.StdEncoding; where the text is none, the text of Go's error, as sprig gives it."""
    stripped = text.translate(_LINE_ENDS)
    try:
        data = binascii.a2b_base64(stripped, strict_mode=True)
    except (binascii.Error, ValueError):
        return str(upstream.b64dec(text.encode("utf-8", "replace").decode()))
    if len(stripped) % 4:  # padding after a complete group, which binascii lets pass
        return f"illegal base64 data at input byte {text.index('=')}"
    return decode(data)


def _decode_base32(text: str) -> str:
    stripped = text.translate(_LINE_ENDS)
    if _BASE32.fullmatch(stripped):
        return decode(base64.b32decode(stripped))
    return str(upstream.b32dec(text.encode("utf-8", "replace").decode()))


def _directory(path: str) -> str:
    return _clean(path[: path.rfind("/") + 1])


def _clean(path: str) -> str:
    if not path:
        return "."
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _base(path: str) -> str:
    if not path:
        return "."
    stripped = path.rstrip("/")
    return stripped.rsplit("/", 1)[-1] if stripped else "/"


def _extension(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    dot = name.rfind(".")
    return name[dot:] if dot >= 0 else ""


def _digest(algorithm: str) -> Any:  # noqa: ANN401 - a function on strings
    return lambda text: hashlib.new(algorithm, encode(text), usedforsecurity=False).hexdigest()


def _without_prefix(prefix: str, text: str) -> str:
    return text.removeprefix(prefix)


def functions() -> Iterator[Function]:  # noqa: PLR0915 - a table
    """All functions of this module."""
    one, two = "(string) string", "(string, string) string"
    family = "strings"
    yield from define(family, "() string", "hello", lambda: "Hello!")
    yield from define(family, "(int, string) string", "abbrev", casing.abbrev)
    yield from define(family, "(int, int, string) string", "abbrevboth", casing.abbrevboth)
    yield from define(family, "(int, string) string", "trunc", _truncate)
    yield from define(family, one, "trim", lambda text: text.strip(casing.SPACE))
    yield from define(family, one, "upper", casing.upper, text_weight=4)
    yield from define(family, one, "lower", casing.lower, text_weight=4)
    yield from define(family, one, "title", casing.title, text_weight=16)
    yield from define(family, one, "untitle", casing.untitle, text_weight=16)
    yield from define(family, "(int, int, string) string", "substr", _substring)
    yield from define(family, "(int, string) string", "repeat", _repeat)
    yield from define(family, two, "trimall trimAll", lambda cutset, text: text.strip(cutset) if cutset else text)
    yield from define(family, two, "trimSuffix", lambda suffix, text: text.removesuffix(suffix))
    yield from define(family, two, "trimPrefix", _without_prefix)
    yield from define(family, one, "nospace", casing.nospace, text_weight=8)
    yield from define(family, one, "initials", casing.initials, text_weight=8)
    yield from define(family, one, "swapcase", casing.swapcase, text_weight=32)
    yield from define(family, one, "snakecase", casing.snakecase, text_weight=64)
    yield from define(family, one, "camelcase", casing.camelcase, text_weight=32)
    yield from define(family, one, "kebabcase", casing.kebabcase, text_weight=64)
    yield from define(family, "(int, string) string", "wrap", casing.wrap, text_weight=16)
    yield from define(family, "(int, string, string) string", "wrapWith", casing.wrap_with, text_weight=16)
    yield from define(family, "(string, string) bool", "contains", lambda part, text: part in text)
    yield from define(family, "(string, string) bool", "hasPrefix", lambda part, text: text.startswith(part))
    yield from define(family, "(string, string) bool", "hasSuffix", lambda part, text: text.endswith(part))
    yield from define(family, "(...any) string", "quote", _quoted, text_weight=16)
    yield from define(family, "(...any) string", "squote", _single_quoted)
    yield from define(family, "(...any) string", "cat", _cat)
    yield from define(family, "(int, string) string", "indent", _indent)
    yield from define(family, "(int, string) string", "nindent", lambda spaces, text: "\n" + _indent(spaces, text))
    yield from define(family, "(string, string, string) string", "replace", _replace)
    yield from define(
        family, "(string, string, int) string", "plural", lambda single, many, count: single if count == 1 else many
    )
    yield from define(family, "(any) string", "toString", text_value)
    yield from define(family, "(any) []string", "toStrings", string_list)
    yield from define(
        family, "(string, string) map[string]string", "split", lambda by, text: _numbered(split_text(by, text))
    )
    yield from define(
        family, "(string, string) []string", "splitList", lambda by, text: StringList(split_text(by, text))
    )
    yield from define(
        family,
        "(string, int, string) map[string]string",
        "splitn",
        lambda by, count, text: _numbered(split_text(by, text, count)),
    )
    yield from define(family, "(string, any) string", "join", _join)
    yield from define(family, "(any) []string", "sortAlpha", _sort_alpha)
    family = "encoding"
    yield from define(family, one, "b64enc", lambda text: base64.b64encode(encode(text)).decode())
    yield from define(family, one, "b64dec", decode_base64)
    yield from define(family, one, "b32enc", lambda text: base64.b32encode(encode(text)).decode())
    yield from define(family, one, "b32dec", _decode_base32)
    yield from define(family, one, "sha1sum", _digest("sha1"))
    yield from define(family, one, "sha256sum", _digest("sha256"))
    yield from define(family, one, "sha512sum", _digest("sha512"))
    yield from define(family, one, "adler32sum", lambda text: str(zlib.adler32(encode(text))))
    family = "paths"
    for prefix, names in (("", "base dir clean ext isAbs"), ("os", "Base Dir Clean Ext IsAbs")):
        base, directory, clean, extension, absolute = (prefix + name for name in names.split())
        yield from define(family, one, base, _base)
        yield from define(family, one, directory, _directory)
        yield from define(family, one, clean, _clean)
        yield from define(family, one, extension, _extension)
        yield from define(family, "(string) bool", absolute, lambda path: path.startswith("/"))

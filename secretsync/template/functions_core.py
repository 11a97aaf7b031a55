"""The functions of text/template itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_from_bytes

from secretsync.template.failures import FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.gofmt import default_format, sprint, sprintf
from secretsync.template.govalues import ESCAPED_BYTE, GoObject, Uint8, encode, is_true, kind_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_HTML: Final = str.maketrans({"\0": "�", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}
_INTEGERS: Final = frozenset({"int", "int64", "uint8", "uint64"})
_SPACE: Final = 0x20


def _comparison_kind(value: object) -> str:
    kind = kind_name(value)
    return "int" if kind in _INTEGERS else kind


def _equal_pair(left: object, right: object) -> bool:
    if left is None or right is None:
        return left is right
    left_kind, right_kind = _comparison_kind(left), _comparison_kind(right)
    if left_kind in ("map", "slice") or right_kind in ("map", "slice"):
        raise FunctionFailure("lists and maps cannot be compared")
    if left_kind != right_kind:
        raise FunctionFailure("the types cannot be compared with each other")
    if isinstance(left, GoObject) or isinstance(right, GoObject):
        return type(left) is type(right) and left == right
    return left == right


def _equal(first: object, *others: object) -> bool:
    if not others:
        raise FunctionFailure("there is nothing to compare with")
    return any(_equal_pair(first, other) for other in others)


def _less(left: Any, right: Any) -> bool:  # noqa: ANN401 - Go values
    left_kind, right_kind = _comparison_kind(left), _comparison_kind(right)
    if left_kind not in ("int", "float64", "string"):
        raise FunctionFailure("the type has no order")
    if left_kind != right_kind:
        raise FunctionFailure("the types cannot be compared with each other")
    if isinstance(left, str):
        return encode(left) < encode(right)
    return bool(left < right)


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(encode(value))
    if isinstance(value, (list, dict, bytes)):
        return len(value)
    raise FunctionFailure("the type has no length")


def _index(value: Any, *indexes: Any) -> Any:  # noqa: ANN401 - Go values
    if value is None:
        raise FunctionFailure("nil has no items")
    for index in indexes:
        if isinstance(value, dict):
            if not isinstance(index, str):
                raise FunctionFailure("the key of a map is a string")
            value = value.get(index, "" if kind_name(value) == "map" and type(value) is not dict else None)
            continue
        if not isinstance(value, (list, str, bytes)):
            raise FunctionFailure("the type has no items")
        if not isinstance(index, int) or isinstance(index, bool):
            raise FunctionFailure("the index of a list is a whole number")
        items = encode(value) if isinstance(value, str) else value
        if not 0 <= index < len(items):
            raise FunctionFailure("the index is out of range")
        value = Uint8(items[index]) if isinstance(items, bytes) else items[index]
    return value


def _printed(values: tuple[Any, ...]) -> str:
    """How html, js and urlquery read their arguments."""
    return sprint(*("<no value>" if value is None else value for value in values))


def _js(*values: object) -> str:
    out = []
    for char in _printed(values):
        if ESCAPED_BYTE.match(char):
            out.append(char)
        elif char in _JS:
            out.append(_JS[char])
        elif ord(char) < _SPACE or not (char == " " or char.isprintable()):
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return "".join(out)


def _call(_function: object, *_arguments: object) -> object:
    raise FunctionFailure("no value of a template is a function")


def _println(*values: object) -> str:
    return " ".join(default_format(value) for value in values) + "\n"


def _query(*values: object) -> str:
    return quote_from_bytes(encode(_printed(values)), safe="").replace("%20", "+")


def _printf(pattern: str, *values: object) -> str:
    return sprintf(pattern, values)


def _logical(*_values: object) -> object:
    raise FunctionFailure("it is evaluated by the template itself")


def _html(*values: object) -> str:
    return _printed(values).translate(_HTML)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    family = "text/template"
    yield from define(family, "(any, ...any) any", "and or", _logical)
    yield from define(family, "(any, ...any) any", "call", _call)
    yield from define(family, "(any, ...any) bool", "eq", _equal)
    yield from define(family, "(any, any) bool", "ne", lambda left, right: not _equal_pair(left, right))
    yield from define(family, "(any, any) bool", "lt", _less)
    yield from define(family, "(any, any) bool", "le", lambda left, right: _less(left, right) or _same(left, right))
    yield from define(
        family, "(any, any) bool", "gt", lambda left, right: not (_less(left, right) or _same(left, right))
    )
    yield from define(family, "(any, any) bool", "ge", lambda left, right: not _less(left, right))
    yield from define(family, "(...any) string", "html", _html)
    yield from define(family, "(any, ...any) any", "index", _index)
    yield from define(family, "(...any) string", "js", _js, text_weight=8)
    yield from define(family, "(any) int", "len", _length)
    yield from define(family, "(any) bool", "not", lambda value: not is_true(value))
    yield from define(family, "(...any) string", "print", sprint)
    yield from define(family, "(string, ...any) string", "printf", _printf, text_weight=4)
    yield from define(family, "(...any) string", "println", _println)
    yield from define(family, "(...any) string", "urlquery", _query)


def _same(left: object, right: object) -> bool:
    return _comparison_kind(left) == _comparison_kind(right) and left == right

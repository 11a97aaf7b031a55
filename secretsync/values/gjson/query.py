"""Whether a value meets the condition of ``#(…)``."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from secretsync.values import go_float
from secretsync.values.gjson import wildcard
from secretsync.values.gjson.result import Result, Type, parse_boolean

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsync.values.gjson.path import Query


def matches(query: Query, value: Result) -> bool:
    """Whether the value that the query's path selected meets its condition.

    Values are compared by kind: strings byte by byte, numbers as doubles, switches with ``false`` below ``true``;
    ``null``, arrays and objects meet no comparison. An operand ``~true``, ``~false``, ``~null`` or ``~*`` asks what the
    value is like, and takes a missing value into account.
    """
    operand = query.operand
    if operand.startswith(b"~"):
        liking = _LIKINGS.get(operand[1:])
        if liking is None:
            return False
        value = Result(Type.True_ if liking(value) else Type.False_)
        operand = b"true"
    if not value.exists:
        return False
    if not query.operator:
        return True
    match value.type:
        case Type.String:
            return _string_matches(query.operator, value.string, operand)
        case Type.Number:
            compare = _COMPARISONS.get(query.operator)
            return compare is not None and compare(value.number, go_float.parse(operand.decode("latin-1")))
        case Type.True_:
            return _switch_matches(query.operator, operand, same=b"true", other=b"false", beyond=b">", reach=b">=")
        case Type.False_:
            return _switch_matches(query.operator, operand, same=b"false", other=b"true", beyond=b"<", reach=b"<=")
        case _:
            return False


def _string_matches(operation: bytes, text: bytes, operand: bytes) -> bool:
    if operation == b"%":
        return wildcard.matches(text, operand)
    if operation == b"!%":
        return not wildcard.matches(text, operand)
    compare = _COMPARISONS.get(operation)
    return compare is not None and compare(text, operand)


def _switch_matches(
    operation: bytes, operand: bytes, *, same: bytes, other: bytes, beyond: bytes, reach: bytes
) -> bool:
    if operation == b"=":
        return operand == same
    if operation == b"!=":
        return operand != same
    if operation == beyond:
        return operand == other
    return operation == reach


def _is_like_false(value: Result) -> bool:
    match value.type:
        case Type.Null | Type.False_:
            return True
        case Type.String:
            return parse_boolean(value.string) is False
        case Type.Number:
            return value.number == 0
        case _:
            return False


_LIKINGS: Final[dict[bytes, Callable[[Result], bool]]] = {
    b"*": lambda value: value.exists,
    b"null": lambda value: value.type is Type.Null,
    b"true": lambda value: value.boolean,
    b"false": _is_like_false,
}
_COMPARISONS: Final[dict[bytes, Callable[[Any, Any], bool]]] = {
    b"=": operator.eq,
    b"!=": operator.ne,
    b"<": operator.lt,
    b"<=": operator.le,
    b">": operator.gt,
    b">=": operator.ge,
}

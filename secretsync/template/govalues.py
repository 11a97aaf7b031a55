"""Go's types as Python values, and what reflection says about them.

=========================  ====================================  =========================
Go                         Python                                remark
=========================  ====================================  =========================
string                     str                                   bytes that are not UTF-8 are surrogate escapes
bool, int, float64         bool, int, float                      exactly these classes
int64, uint8, uint64       Int64, Uint8, Uint64
map[string]interface {}    dict
map[string]string          StringMap
[]interface {}             list, NilList
[]string, []int, []uint8   StringList, IntList, bytes
nil                        None
structs and pointers       subclasses of GoObject
=========================  ====================================  =========================
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ESCAPED_BYTE: Final = re.compile("[\udc80-\udcff]")
"""A byte of a Go string that is not UTF-8."""

INT64_MAX: Final = (1 << 63) - 1
INT64_MIN: Final = -(1 << 63)


class Int64(int):
    """Go's int64, which is not assignable to int."""

    __slots__ = ()


class Uint8(int):
    """Go's byte, as an index into a string gives it."""

    __slots__ = ()


class Uint64(int):
    """Go's uint64."""

    __slots__ = ()


class StringMap(dict[str, str]):
    """Go's map[string]string: the root of a template, and what `split` gives."""

    __slots__ = ()


class StringList(list[str]):
    """Go's []string."""

    __slots__ = ()


class NilStringList(StringList):
    """A nil []string: empty, but null in JSON."""

    __slots__ = ()


class IntList(list[int]):
    """Go's []int."""

    __slots__ = ()


class NilList(list[Any]):
    """A nil []interface {}: empty, but null in JSON."""

    __slots__ = ()


class ListOfLists(list[list[Any]]):
    """Go's [][]interface {}."""

    __slots__ = ()


class GoObject:
    """A struct or a pointer to one: its members are reached by name, it prints as its `__str__`.

    Attributes:
        go_type: the name `typeOf` and ``%T`` give.
        go_kind: struct or ptr.
        members: exported fields and methods by name; each is called with the object and the arguments.
    """

    go_type: ClassVar[str] = "struct {}"
    go_kind: ClassVar[str] = "struct"
    members: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    def to_json(self) -> Any:  # noqa: ANN401 - any JSON value
        """What encoding/json writes for it."""
        return {}


_TYPE_NAMES: Final[dict[type, tuple[str, str]]] = {
    str: ("string", "string"),
    bool: ("bool", "bool"),
    int: ("int", "int"),
    float: ("float64", "float64"),
    Int64: ("int64", "int64"),
    Uint8: ("uint8", "uint8"),
    Uint64: ("uint64", "uint64"),
    dict: ("map[string]interface {}", "map"),
    StringMap: ("map[string]string", "map"),
    list: ("[]interface {}", "slice"),
    NilList: ("[]interface {}", "slice"),
    StringList: ("[]string", "slice"),
    NilStringList: ("[]string", "slice"),
    IntList: ("[]int", "slice"),
    ListOfLists: ("[][]interface {}", "slice"),
    bytes: ("[]uint8", "slice"),
    complex: ("complex128", "complex128"),
    type(None): ("<nil>", "invalid"),
}


def type_name(value: object) -> str:
    """The Go type, as ``%T`` prints it."""
    if isinstance(value, GoObject):
        return value.go_type
    return _TYPE_NAMES[type(value)][0]


def kind_name(value: object) -> str:
    """The Go kind, as reflect.Kind prints it; ``invalid`` for nil."""
    if isinstance(value, GoObject):
        return value.go_kind
    return _TYPE_NAMES[type(value)][1]


def is_true(value: object) -> bool:
    """The truth of text/template: empty values of any kind are false, structs and pointers are true."""
    return True if isinstance(value, GoObject) else bool(value)


def encode(text: str) -> bytes:
    """The bytes of a Go string."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """The Go string of some bytes."""
    return data.decode("utf-8", "surrogateescape")


def runes(text: str) -> str:
    """The text with every byte that is not UTF-8 replaced by U+FFFD, as a range over runes sees it."""
    if text.isascii():
        return text
    return ESCAPED_BYTE.sub("�", decode(encode(text)))


def wrap_int64(number: int) -> Int64:
    """Two's complement wrap-around of 64 bits."""
    if INT64_MIN <= number <= INT64_MAX:
        return Int64(number)
    return Int64((number - INT64_MIN) % (1 << 64) + INT64_MIN)


def deep_equal(left: object, right: object) -> bool:
    """reflect.DeepEqual: equal types and equal contents; a nil list differs from an empty one."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(deep_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(deep_equal(a, b) for a, b in zip(left, right, strict=True))
    return left == right

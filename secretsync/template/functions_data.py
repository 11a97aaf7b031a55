"""sprig's functions on lists, maps, defaults and types, and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from secretsync.template import json_text
from secretsync.template.budget import MAX_DATA_DEPTH, check_items
from secretsync.template.failures import BudgetExceeded, FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.functions_numbers import to_integer
from secretsync.template.functions_strings import text_value
from secretsync.template.govalues import (
    GoObject,
    ListOfLists,
    NilList,
    StringList,
    Uint8,
    deep_equal,
    encode,
    kind_name,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Map = dict[str, Any]
_DIG_ARGUMENTS: Final = 3
_MAX_COMPARED: Final = 1000
"""Items that are compared each with each, which is quadratic work."""


def items_of(value: object) -> list[Any]:
    """The items of any list.

    Raises:
        FunctionFailure: the value is not a list.
    """
    if isinstance(value, list):
        return list(value)
    if isinstance(value, bytes):
        return [Uint8(byte) for byte in value]
    raise FunctionFailure(f"a list is expected, not a value of type {type_name(value)}")


def is_empty(value: object) -> bool:
    """Sprig's empty: zero values, empty lists and maps, and nil; structs never."""
    return not isinstance(value, GoObject) and not value


def _push(values: object, item: object) -> list[Any]:
    return [*items_of(values), item]


def _chunk(size: int, values: object) -> ListOfLists:
    items = items_of(values)
    if size <= 0:
        raise FunctionFailure("the size is not positive")
    return ListOfLists(items[start : start + size] for start in range(0, len(items), size))


def _rest(values: object) -> list[Any]:
    return items_of(values)[1:] if items_of(values) else NilList()


def _initial(values: object) -> list[Any]:
    return items_of(values)[:-1] if items_of(values) else NilList()


def _first(values: object) -> object:
    return next(iter(items_of(values)), None)


def _last(values: object) -> object:
    items = items_of(values)
    return items[-1] if items else None


def _unique(values: object) -> list[Any]:
    seen: list[Any] = []
    others: list[Any] = []
    scalars: set[tuple[type, Any]] = set()
    for item in items_of(values):
        if isinstance(item, (str, int, float)):
            if (type(item), item) in scalars:
                continue
            scalars.add((type(item), item))
        elif _contains(others, item):
            continue
        else:
            others.append(item)
        seen.append(item)
    return seen


def _contains(items: list[Any], wanted: object) -> bool:
    if len(items) > _MAX_COMPARED:
        raise BudgetExceeded("a list is too long to compare its items with each other")
    return any(deep_equal(wanted, item) for item in items)


def _without(values: object, *omitted: object) -> list[Any]:
    wanted = list(omitted)
    return [item for item in items_of(values) if not _contains(wanted, item)]


def _has(wanted: object, values: object) -> bool:
    return values is not None and any(deep_equal(wanted, item) for item in items_of(values))


def _slice(values: object, *bounds: object) -> object:
    items = items_of(values)
    if not items:
        return None
    start = to_integer(bounds[0]) if bounds else 0
    end = to_integer(bounds[1]) if len(bounds) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise FunctionFailure("the bounds are out of range")
    if isinstance(values, bytes):
        return values[start:end]
    return StringList(items[start:end]) if isinstance(values, StringList) else _same_type(values, items[start:end])


def _same_type(values: object, items: list[Any]) -> list[Any]:
    return items if isinstance(values, NilList) else type(values)(items)  # type: ignore[call-arg, return-value]


def _concat(*lists: object) -> list[Any]:
    result = [item for values in lists for item in items_of(values)]
    check_items(len(result))
    return result or NilList()


def _dict(*pairs: object) -> Map:
    result: Map = {}
    for index in range(0, len(pairs), 2):
        result[text_value(pairs[index])] = pairs[index + 1] if index + 1 < len(pairs) else ""
    return result


def _set(mapping: Map, key: str, value: object) -> Map:
    mapping[key] = value
    check_items(len(mapping))
    return mapping


def _unset(mapping: Map, key: str) -> Map:
    mapping.pop(key, None)
    return mapping


def _pluck(key: str, *mappings: Map) -> list[Any]:
    return [mapping[key] for mapping in mappings if key in mapping]


def _keys(*mappings: Map) -> StringList:
    # Go's order is random; ours is sorted, which is one of the orders Go gives.
    return StringList(key for mapping in mappings for key in sorted(mapping, key=encode))


def _merge_into(target: Map, source: Map, *, overwrite: bool, depth: int = 0) -> None:
    # mergo: maps are merged key by key; without overwriting, only an empty value is replaced.
    if depth > MAX_DATA_DEPTH:
        raise FunctionFailure("a map nests too deeply")
    for key, value in source.items():
        present = target.get(key)
        if type(present) is dict and type(value) is dict:
            _merge_into(present, value, overwrite=overwrite, depth=depth + 1)
        elif overwrite or (is_empty(present) and value is not None and (key not in target or not is_empty(value))):
            target[key] = value


def _merge(*, overwrite: bool) -> Callable[..., Map]:
    def merge(target: Map, *sources: Map) -> Map:
        for source in sources:
            _merge_into(target, source, overwrite=overwrite)
        return target

    return merge


def deep_copy(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any Go value
    """A copy that shares no list or map.

    Raises:
        FunctionFailure: the value nests too deeply, e.g. because it contains itself.
    """
    if depth > MAX_DATA_DEPTH:
        raise FunctionFailure("the value nests too deeply")
    if isinstance(value, dict):
        return type(value)((key, deep_copy(item, depth + 1)) for key, item in value.items())
    if isinstance(value, list):
        return type(value)(deep_copy(item, depth + 1) for item in value)
    return value


def _dig(*arguments: Any) -> Any:  # noqa: ANN401 - any Go value
    if len(arguments) < _DIG_ARGUMENTS:
        raise FunctionFailure("at least three arguments are needed")
    *keys, default, mapping = arguments
    for key in keys:
        if type(mapping) is not dict:
            raise FunctionFailure("a step of the path is not a map[string]interface {}")
        if not isinstance(key, str):
            raise FunctionFailure("a key is not a string")
        if key not in mapping:
            return default
        mapping = mapping[key]
    return mapping


def _default(default: object, *given: object) -> object:
    return default if not given or is_empty(given[0]) else given[0]


def _coalesce(*values: object) -> object:
    return next((value for value in values if not is_empty(value)), None)


def _from_json(text: str) -> object:
    try:
        return json_text.loads(text)
    except FunctionFailure:
        return None


def _to_json(value: object, *, indent: str = "") -> str:
    try:
        return json_text.dumps(value, indent=indent)
    except FunctionFailure:
        return ""


def _raw_json(value: object) -> str:
    return json_text.dumps(value, escape_html=False)


def _fail(_message: str) -> str:
    # The message may be put together from values; only a literal one is shown, and the compiler sees to that.
    raise FunctionFailure("the template ends itself with a message, which is not shown because it may hold a value")


def functions() -> Iterator[Function]:  # noqa: PLR0915 - a table
    """All functions of this module."""
    listed, item = "(any) []any", "(any) any"
    family = "lists"
    yield from define(family, "(...any) []any", "list tuple", lambda *values: list(values))
    yield from define(family, "(any, any) []any", "append push mustAppend mustPush", _push)
    yield from define(family, "(any, any) []any", "prepend mustPrepend", lambda values, item: [item, *items_of(values)])
    yield from define(family, item, "first mustFirst", _first)
    yield from define(family, item, "last mustLast", _last)
    yield from define(family, listed, "rest mustRest", _rest)
    yield from define(family, listed, "initial mustInitial", _initial)
    yield from define(family, listed, "reverse mustReverse", lambda values: items_of(values)[::-1])
    yield from define(family, listed, "uniq mustUniq", _unique)
    yield from define(family, "(any, ...any) []any", "without mustWithout", _without)
    yield from define(family, "(any, any) bool", "has mustHas", _has)
    yield from define(family, "(any, ...any) any", "slice mustSlice", _slice)
    yield from define(family, "(...any) any", "concat", _concat)
    yield from define(family, "(int, any) [][]any", "chunk mustChunk", _chunk)
    yield from define(
        family, listed, "compact mustCompact", lambda values: [item for item in items_of(values) if not is_empty(item)]
    )
    family, mapping = "maps", "map[string]any"
    yield from define(family, f"(...any) {mapping}", "dict", _dict)
    yield from define(family, f"({mapping}, string) any", "get", lambda values, key: values.get(key, ""))
    yield from define(family, f"({mapping}, string, any) {mapping}", "set", _set)
    yield from define(family, f"({mapping}, string) {mapping}", "unset", _unset)
    yield from define(family, f"({mapping}, string) bool", "hasKey", lambda values, key: key in values)
    yield from define(family, f"(string, ...{mapping}) []any", "pluck", _pluck)
    yield from define(family, f"(...{mapping}) []string", "keys", _keys)
    yield from define(
        family,
        f"({mapping}, ...string) {mapping}",
        "pick",
        lambda values, *keys: {key: values[key] for key in keys if key in values},
    )
    yield from define(
        family,
        f"({mapping}, ...string) {mapping}",
        "omit",
        lambda values, *keys: {key: value for key, value in values.items() if key not in keys},
    )
    yield from define(family, f"({mapping}, ...{mapping}) any", "merge mustMerge", _merge(overwrite=False))
    yield from define(
        family, f"({mapping}, ...{mapping}) any", "mergeOverwrite mustMergeOverwrite", _merge(overwrite=True)
    )
    yield from define(
        family, f"({mapping}) []any", "values", lambda values: [values[key] for key in sorted(values, key=encode)]
    )
    yield from define(family, item, "deepCopy mustDeepCopy", _deep_copied)
    yield from define(family, "(...any) any", "dig", _dig)
    family = "defaults"
    yield from define(family, "(any, ...any) any", "default", _default)
    yield from define(family, "(any) bool", "empty", is_empty)
    yield from define(family, "(...any) any", "coalesce", _coalesce)
    yield from define(family, "(...any) bool", "all", lambda *values: not any(map(is_empty, values)))
    yield from define(family, "(...any) bool", "any", lambda *values: not all(map(is_empty, values)))
    yield from define(family, "(any, any, bool) any", "ternary", lambda yes, no, condition: yes if condition else no)
    yield from define(family, "(string) string", "fail", _fail)
    family = "json"
    yield from define(family, "(string) any", "fromJson", _from_json, text_weight=2)
    yield from define(family, "(string) any", "mustFromJson", json_text.loads, text_weight=2)
    yield from define(family, "(any) string", "toJson", _to_json)
    yield from define(family, "(any) string", "mustToJson", json_text.dumps)
    yield from define(family, "(any) string", "toPrettyJson", lambda value: _to_json(value, indent="  "))
    yield from define(family, "(any) string", "mustToPrettyJson", lambda value: json_text.dumps(value, indent="  "))
    yield from define(family, "(any) string", "toRawJson mustToRawJson", _raw_json)
    family = "reflection"
    yield from define(family, "(any) string", "typeOf", type_name)
    yield from define(family, "(string, any) bool", "typeIs", lambda name, value: name == type_name(value))
    yield from define(
        family, "(string, any) bool", "typeIsLike", lambda name, value: type_name(value) in (name, "*" + name)
    )
    yield from define(family, "(any) string", "kindOf", kind_name)
    yield from define(family, "(string, any) bool", "kindIs", lambda name, value: name == kind_name(value))
    yield from define(family, "(any, any) bool", "deepEqual", deep_equal)


def _deep_copied(value: object) -> object:
    if value is None:
        raise FunctionFailure("nil cannot be copied")
    return deep_copy(value)

"""A resource's inputs as plain Python values, with what a preview does not know yet kept apart.

The SDK hands rules views that raise where a value is unknown. A rule that lets that pass is skipped for the whole
resource, so one unknown ARN would hide every other fault. Here unknown values become `UNKNOWN` in their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

if TYPE_CHECKING:
    from secretsync.api import JsonObject

UNKNOWN: Final[str] = UNKNOWN_STRING_VALUE
"""What stands for a value that is not known yet. It is text, so that it passes wherever text is asked for."""


def plain(views: Mapping[str, Any]) -> JsonObject:
    """A resource's properties as dictionaries and lists; values not known yet are `UNKNOWN`."""
    return {str(name): _item(views, name) for name in views}


def _item(view: Any, key: Any) -> Any:  # noqa: ANN401 - JSON
    try:
        value = view[key]
    except UnknownValueError:
        return UNKNOWN
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_item(value, index) for index in range(len(value))]
    return value


def has_unknown(value: object) -> bool:
    """Whether a plain value holds `UNKNOWN` anywhere."""
    if isinstance(value, Mapping):
        return any(has_unknown(each) for each in value.values())
    if isinstance(value, list):
        return any(has_unknown(each) for each in value)
    return value == UNKNOWN


def at(value: object, *path: str) -> Any:  # noqa: ANN401 - JSON
    """What stands at a path of keys: None where it is absent, `UNKNOWN` where it or what holds it is unknown."""
    for key in path:
        if value == UNKNOWN:
            return UNKNOWN
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text_at(value: object, *path: str) -> str:
    """The known text at a path, else empty."""
    found = at(value, *path)
    return found if isinstance(found, str) and found != UNKNOWN else ""


def number_at(value: object, *path: str) -> float | None:
    """The known number at a path, also one written as text; None where it is absent, unknown or none."""
    found = at(value, *path)
    try:
        return None if found is None or found == UNKNOWN else float(found)
    except (TypeError, ValueError):
        return None


def items_at(value: object, *path: str) -> list[Any]:
    """The known list at a path, its unknown members left out; else empty."""
    found = at(value, *path)
    return [each for each in found if each != UNKNOWN] if isinstance(found, list) else []


def texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every known text inside a plain value, with the dotted path that leads to it."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from texts(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from texts(each, f"{path}[{index}]")
    elif isinstance(value, str) and value != UNKNOWN:
        yield path, value

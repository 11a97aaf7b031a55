"""Label and field selectors in Kubernetes' text form, matched against objects in memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretsync.api import JsonObject

_SET: Final = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^)]*)\)\s*(?:,|$)")
_COMPARISON: Final = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^,]*?)\s*(?:,|$)")
_EXISTENCE: Final = re.compile(r"\s*(?P<absent>!?)\s*(?P<key>[^\s!=,()]+)\s*(?:,|$)")

Requirement = tuple[str, str, frozenset[str]]
"""Key, operator (``in``, ``notin``, ``exists``, ``absent``) and values."""


def parse(selector: str) -> list[Requirement]:
    """The requirements of a label selector.

    Raises:
        ValueError: the selector is malformed.
    """
    requirements: list[Requirement] = []
    position = 0
    while position < len(selector):
        if match := _SET.match(selector, position):
            values = frozenset(value.strip() for value in match["values"].split(","))
            requirements.append((match["key"], match["operator"], values))
        elif match := _COMPARISON.match(selector, position):
            operator = "notin" if match["operator"] == "!=" else "in"
            requirements.append((match["key"], operator, frozenset({match["value"]})))
        elif match := _EXISTENCE.match(selector, position):
            requirements.append((match["key"], "absent" if match["absent"] else "exists", frozenset()))
        else:
            raise ValueError(f"unreadable selector at character {position}")
        position = match.end()
    return requirements


def matches_labels(requirements: list[Requirement], labels: Mapping[str, str]) -> bool:
    """Whether labels meet all requirements; ``notin`` is met by an absent label."""
    for key, operator, values in requirements:
        match operator:
            case "in":
                met = key in labels and labels[key] in values
            case "notin":
                met = key not in labels or labels[key] not in values
            case "exists":
                met = key in labels
            case _:
                met = key not in labels
        if not met:
            return False
    return True


def field_matcher(selector: str) -> Callable[[JsonObject], bool]:
    """A predicate for a field selector: comma-separated ``path=value`` and ``path!=value``.

    Raises:
        ValueError: the selector is malformed.
    """
    wanted: list[tuple[list[str], bool, str]] = []
    for part in filter(None, selector.split(",")):
        if not (match := _COMPARISON.fullmatch(part)):
            raise ValueError(f"unreadable field selector {part!r}")
        wanted.append((match["key"].split("."), match["operator"] != "!=", match["value"]))
    return lambda obj: all((_text(obj, path) == value) == equal for path, equal, value in wanted)


def _text(obj: object, path: list[str]) -> str:
    for part in path:
        obj = obj.get(part) if isinstance(obj, dict) else None
    return "" if obj is None else str(obj)

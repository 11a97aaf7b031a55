"""JSONPath as the webhook backend knows it: what ESO v2.9.0's library (PaesslerAG/jsonpath) finds in decoded JSON.

* ``$``, ``.name``, ``["name"]``, ``[0]``: one value; a missing one is an error
* ``*``, ``[*]``, ``..name``, ``..*``, ``[1:3]``, ``[0,2]``, ``["a","b"]``, ``[?(…)]``: a list of all values found
* in a filter: ``@.path`` where it leads to true, ``==`` and ``!=`` with a literal
* ``$.`` may be left out in front of a name: ``data.user``

Single quotes hold one character, as Go's do. ``[-1]``, ``.a-b``, ``.0``, comparisons by order, ``&&`` and ``||`` are
refused. Members of objects are visited in the order of their keys.
"""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_VALUES: Final = 100_000
_LONGEST_PATH: Final = 4_096


class JSONPathError(ValueError):
    """A path that does not parse, or finds nothing where it names one value; the message quotes the path only."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One step: from a value to the values it leads to; `plain` where it leads to exactly one."""

    select: Callable[[Any], Iterable[Any]]
    plain: bool


def find(path: str, document: Any) -> Any:  # noqa: ANN401 - JSON values
    """The value a path leads to, or the list of values where it may lead to several.

    Raises:
        JSONPathError: the path does not parse or leads nowhere.
    """
    path = path.strip()
    steps = _parse(f"$.{path}" if _NAME.match(path) else path)
    values = [document]
    ambiguous = False
    for step in steps:
        following: list[Any] = []
        for value in values:
            try:
                following.extend(step.select(value))
            except (KeyError, IndexError, TypeError):
                if not ambiguous:
                    raise JSONPathError(f"the path {path} leads nowhere in the answer") from None
            if len(following) > _MOST_VALUES:
                raise JSONPathError(f"the path {path} finds more than {_MOST_VALUES} values")
        values = following
        ambiguous = ambiguous or not step.plain
    return values if ambiguous else values[0]


_NAME: Final = re.compile(r"[^\W\d]\w*")
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_INDEX: Final = re.compile(r"\d{1,9}")
_SLICE: Final = re.compile(r"\s*(-?\d{0,9})\s*:\s*(-?\d{0,9})\s*(?::\s*(-?\d{0,9})\s*)?")


def _parse(path: str) -> list[_Step]:
    if len(path) > _LONGEST_PATH:
        raise JSONPathError(f"a path is longer than {_LONGEST_PATH} characters")
    if not path.startswith(("$", "@")):
        raise JSONPathError(f"the path {path} does not begin with $")
    steps: list[_Step] = []
    position = 1
    while position < len(path):
        deep = path.startswith("..", position)
        if deep:
            steps.append(_Step(_descendants, plain=False))
            position += 2
        elif path[position] == ".":
            position += 1
        if path.startswith("[", position):
            end = _bracket_end(path, position)
            steps.append(_bracket(path[position + 1 : end].strip(), path))
            position = end + 1
        elif path.startswith("*", position):
            steps.append(_Step(_children, plain=False))
            position += 1
        elif path[position - 1] == "." and (match := _NAME.match(path, position)):
            steps.append(_member(match[0]))
            position = match.end()
        else:
            raise JSONPathError(f"the path {path} cannot be read at character {position}")
    return steps


def _bracket_end(path: str, start: int) -> int:
    depth = 0
    position = start
    while position < len(path):
        if quoted := _QUOTED.match(path, position):
            position = quoted.end()
            continue
        depth += {"[": 1, "]": -1}.get(path[position], 0)
        if depth == 0:
            return position
        position += 1
    raise JSONPathError(f"the path {path} has a bracket without its partner")


def _bracket(content: str, path: str) -> _Step:
    if content == "*":
        return _Step(_children, plain=False)
    if content.startswith("?"):
        condition = _condition(content[1:].strip(), path)
        return _Step(lambda value: [each for each in _children(value) if condition(each)], plain=False)
    parts = _split(content, ",")
    if len(parts) > 1:
        members = [_bracket(part.strip(), path) for part in parts]
        return _Step(lambda value: _union(members, value), plain=False)
    if _QUOTED.fullmatch(content):
        return _member(_unquoted(content))
    if _INDEX.fullmatch(content):
        index = int(content)
        return _Step(lambda value: [_element(value, index)], plain=True)
    if match := _SLICE.fullmatch(content):
        bounds = slice(*(int(part) if part else None for part in match.groups()))
        if bounds.step == 0:
            raise JSONPathError(f"the path {path} has a slice with step 0")
        return _Step(lambda value: value[bounds] if isinstance(value, list) else [], plain=False)
    raise JSONPathError(f"the path {path} has a bracket that cannot be read")


def _member(name: str) -> _Step:
    def select(value: Any) -> list[Any]:  # noqa: ANN401 - JSON values
        if isinstance(value, list) and _INDEX.fullmatch(name):
            return [value[int(name)]]
        if not isinstance(value, dict):
            raise TypeError(name)
        return [value[name]]

    return _Step(select, plain=True)


def _element(value: Any, index: int) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(value, dict):
        return value[str(index)]
    if not isinstance(value, list):
        raise TypeError(index)
    return value[index]


def _union(members: Iterable[_Step], value: Any) -> list[Any]:  # noqa: ANN401 - JSON values
    found: list[Any] = []
    for member in members:
        try:
            found.extend(member.select(value))
        except (KeyError, IndexError, TypeError):
            continue
    return found


def _children(value: Any) -> list[Any]:  # noqa: ANN401 - JSON values
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list) else []


def _descendants(value: Any) -> list[Any]:  # noqa: ANN401 - JSON values
    """The value itself and everything below it."""
    found: list[Any] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        found.append(each)
        if len(found) > _MOST_VALUES:
            break
        waiting.extend(reversed(_children(each)))
    return found


def _split(text: str, separator: str) -> list[str]:
    """Split outside quotes, brackets and parentheses."""
    parts, start, depth, position = [], 0, 0, 0
    while position < len(text):
        if quoted := _QUOTED.match(text, position):
            position = quoted.end()
            continue
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(text[position], 0)
        if depth == 0 and text.startswith(separator, position):
            parts.append(text[start:position])
            position += len(separator)
            start = position
            continue
        position += 1
    return [*parts, text[start:]]


_COMPARISONS: Final[tuple[tuple[str, Callable[[Any, Any], Any]], ...]] = (("==", operator.eq), ("!=", operator.ne))


def _condition(text: str, path: str) -> Callable[[Any], bool]:
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and len(_split(text[1:-1], ")")) == 1:
        text = text[1:-1].strip()
    for symbol, compare in _COMPARISONS:
        parts = _split(text, symbol)
        if len(parts) == 2:  # noqa: PLR2004 - both sides
            left, right = (_term(part.strip(), path) for part in parts)
            return lambda value, left=left, right=right, compare=compare: _compared(  # type: ignore[misc]
                compare, left(value), right(value)
            )
    term = _term(text, path)
    return lambda value: term(value) is True


_NOTHING: Final = object()


def _term(text: str, path: str) -> Callable[[Any], Any]:
    if text.startswith("@"):
        _parse(text)

        def read(value: Any) -> Any:  # noqa: ANN401 - JSON values
            try:
                return find(text, value)
            except JSONPathError:
                return _NOTHING

        return read
    if _QUOTED.fullmatch(text):
        literal: Any = _unquoted(text)
    else:
        try:
            literal = json.loads(text, parse_int=float)
        except ValueError:
            raise JSONPathError(f"the path {path} has a filter that cannot be read") from None
    return lambda _value: literal


def _compared(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:  # noqa: ANN401 - JSON values
    if left is _NOTHING or right is _NOTHING:
        return False
    try:
        return bool(compare(left, right))
    except TypeError:
        return False


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])

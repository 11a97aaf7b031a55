"""Walking JSON text along a path, without recursion into the text.

Objects and arrays that the path leads into wait on a stack while their content is walked. When it holds no match, the
walk goes on behind it, because a later member may bear the same name or match the same wildcard.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final

from secretsync.values import go_json, json_scan
from secretsync.values.gjson import modifiers, query, wildcard
from secretsync.values.gjson.path import default_name, element_part, member_part, parse_selectors, split_pipe
from secretsync.values.gjson.result import (
    VALUE_START,
    Result,
    Type,
    any_value,
    is_number_word,
    parse,
    unescape,
    value_at,
)

if TYPE_CHECKING:
    from secretsync.values.gjson.limits import Budget
    from secretsync.values.gjson.path import ElementPart, MemberPart, Selector


def evaluate(text: bytes, path: bytes, budget: Budget, nesting: int = 0) -> Result:
    """What the path selects in the text.

    Raises:
        RemoteRefError: the budget is used up.
    """
    while True:
        budget.charge(len(text), nesting)
        if len(path) > 1:
            if path[0] in b"@!":
                applied = modifiers.apply(text, path, _Descent(budget, nesting + 1))
                if applied is not None:
                    text, path = applied
                    if path[:1] in _CONTINUATIONS:
                        path = path[1:]
                        continue
                    return parse(text)
            elif path[0] in b"{[":
                kind = path[:1]
                parsed = parse_selectors(path)
                path = parsed[1] if parsed else b""
                if parsed and (not path or path[:1] in _CONTINUATIONS):
                    text = _multipath(text, kind, parsed[0], budget, nesting)
                    if not path:
                        return Result(Type.JSON, text)
                    path = path[1:]
                    continue
        search = _Search(text, budget, nesting)
        search.run(path)
        if search.pipe is None:
            return search.value
        text, path = search.value.raw, search.pipe


def _multipath(text: bytes, kind: bytes, selectors: tuple[Selector, ...], budget: Budget, nesting: int) -> bytes:
    entries: list[bytes] = []
    for selector in selectors:
        result = evaluate(text, selector.path, budget, nesting + 1)
        if not result.exists:
            continue
        value = result.raw or result.string or b"null"
        if kind == b"[":
            entries.append(value)
        elif selector.name.startswith(b'"') and go_json.valid(selector.name):
            entries.append(selector.name + b":" + value)
        else:
            entries.append(go_json.dumps(selector.name or default_name(selector.path)) + b":" + value)
    return kind + b",".join(entries) + (b"]" if kind == b"[" else b"}")


class _Descent:
    """Evaluates paths for modifiers, one level deeper and on the same budget."""

    __slots__ = ("budget", "nesting")

    def __init__(self, budget: Budget, nesting: int) -> None:
        self.budget = budget
        self.nesting = nesting

    def select(self, text: bytes, path: bytes) -> Result:
        return evaluate(text, path, self.budget, self.nesting)

    def charge(self, size: int) -> None:
        self.budget.charge(size)


class _Outcome(Enum):
    HIT = 0
    MISS = 1
    OBJECT = 2
    ARRAY = 3


class _Members:
    """An object being walked."""

    __slots__ = ("part",)

    def __init__(self, part: MemberPart) -> None:
        self.part = part


class _Elements:
    """An array being walked: the number of elements begun, where they begin, and what a query found so far."""

    __slots__ = ("found", "part", "rest", "seen", "starts")

    def __init__(self, part: ElementPart) -> None:
        self.part = part
        self.rest = part.rest
        self.seen = 0
        self.starts: list[int] = []
        self.found: list[bytes] | None = None


class _Search:
    """One path over one text; leaves the result in `value` and what is still to be applied to it in `pipe`."""

    __slots__ = ("budget", "nesting", "pipe", "text", "value")

    def __init__(self, text: bytes, budget: Budget, nesting: int) -> None:
        self.text = text
        self.budget = budget
        self.nesting = nesting
        self.value = Result()
        self.pipe: bytes | None = None

    def run(self, path: bytes) -> None:
        """Walk the text: as JSON lines for a path with two leading dots, else its first object or array."""
        if path.startswith(b".."):
            self._walk(0, self._elements(path[2:]))
            return
        start = _CONTAINER.search(self.text)
        if start is not None:
            is_object = start[0] == b"{"
            self._walk(start.end(), self._members(path) if is_object else self._elements(path))

    def _members(self, path: bytes) -> _Members:
        part = member_part(path)
        if part.pipe is not None:
            self.pipe = part.pipe
        return _Members(part)

    def _elements(self, path: bytes) -> _Elements:
        part = element_part(path)
        if part.pipe is not None:
            self.pipe = part.pipe
        return _Elements(part)

    def _walk(self, position: int, current: _Members | _Elements) -> None:
        waiting: list[_Members | _Elements] = []
        while True:
            if isinstance(current, _Members):
                position, outcome = self._walk_members(position, current.part)
                rest = current.part.rest
            else:
                position, outcome = self._walk_elements(position, current)
                rest = current.rest
            if outcome is _Outcome.HIT:
                return
            if outcome is _Outcome.MISS:
                if not waiting:
                    return
                current = waiting.pop()
                continue
            waiting.append(current)
            current = self._members(rest) if outcome is _Outcome.OBJECT else self._elements(rest)

    def _walk_members(self, position: int, part: MemberPart) -> tuple[int, _Outcome]:
        text = self.text
        size = len(text)
        position = _near(text, position, part)
        while position < size:
            match = _MEMBER.match(text, position)
            if match is None:
                return size, _Outcome.MISS
            position = match.end()
            key = match[1]
            if key is None:
                return position, _Outcome.MISS
            if position >= size:
                break
            if b"\\" in key:
                key = unescape(key)
            matched = wildcard.matches(key, part.name) if part.wild else key == part.name
            if not matched:
                position = _after(text, position)
                continue
            if part.more:
                if text[position] in _OPENINGS:
                    return position + 1, _OPENINGS[text[position]]
                position = _after(text, position)
                continue
            position, value = value_at(text, position)
            if value is None:
                return position, _Outcome.MISS
            self.value = value
            return position, _Outcome.HIT
        return position, _Outcome.MISS

    def _walk_elements(self, position: int, array: _Elements) -> tuple[int, _Outcome]:
        text = self.text
        size = len(text)
        part = array.part
        while position <= size:
            matched = not part.hash and array.seen == part.index
            array.seen += 1
            if part.each is not None:
                array.starts.append(position)
            start = _ELEMENT_START.match(text, position)
            position = start.end() if start else position
            if position >= size or text[position] == _CLOSING:
                return position + 1, self._end_elements(array)
            if matched and part.more:
                if text[position] in _OPENINGS:
                    return position + 1, _OPENINGS[text[position]]
                position = _after(text, position)
            elif matched or part.query is not None:
                position, value = value_at(text, position)
                if value is None:
                    return position, _Outcome.MISS
                if matched:
                    self.value = value
                    return position, _Outcome.HIT
                if self._query(array, value):
                    return position, _Outcome.HIT
            else:
                position = _after(text, position)
        return position, _Outcome.MISS

    def _query(self, array: _Elements, element: Result) -> bool:
        """Test one element; True ends the walk with it."""
        part = array.part
        condition = part.query
        if condition is None:
            return False
        if part.all and array.found is None:
            array.found = []
        candidate = element
        if element.type is Type.JSON:
            candidate = evaluate(element.raw, condition.path, self.budget, self.nesting + 1)
        elif condition.path:
            return False
        if not query.matches(condition, candidate):
            return False
        result = element
        if part.more:
            array.rest, pipe = split_pipe(array.rest)
            if pipe is not None:
                self.pipe = pipe
            result = evaluate(element.raw, array.rest, self.budget, self.nesting + 1)
        if part.all and array.found is not None:
            raw = result.raw or result.string
            if raw:
                array.found.append(raw)
            return False
        self.value = result
        return True

    def _end_elements(self, array: _Elements) -> _Outcome:
        part = array.part
        if part.count and part.each is not None:
            self.value = Result(Type.JSON, b"[" + b",".join(self._each(array, part.each)) + b"]")
            return _Outcome.HIT
        if part.count:
            self.value = Result(Type.Number, str(array.seen - 1).encode())
            return _Outcome.HIT
        if part.all and not self.value.exists:
            self.value = Result(Type.JSON, b"[" + b",".join(array.found or ()) + b"]")
        return _Outcome.MISS

    def _each(self, array: _Elements, path: bytes) -> list[bytes]:
        """What the path selects in each element, where it selects something."""
        path, pipe = split_pipe(path)
        if pipe is not None:
            self.pipe = pipe
        text = self.text
        found: list[bytes] = []
        for begin in array.starts:
            space = json_scan.WHITE_SPACE.match(text, begin)
            start = space.end() if space else begin
            if start >= len(text) or text[start] == _CLOSING:
                continue
            _, element = any_value(text, start)
            if element is None:
                continue
            result = evaluate(element.raw, path, self.budget, self.nesting + 1)
            if result.exists:
                found.append(result.raw or result.string)
        return found


def _near(text: bytes, position: int, part: MemberPart) -> int:
    """Where the walk over members may begin: at the member's name, if all before it is proven to be other members."""
    if not part.wild:
        found = text.find(b'"' + part.name + b'"', position, position + _NEAR)
        if found > position and json_scan.MEMBERS.fullmatch(text, position, found):
            return found
    return position


def _after(text: bytes, position: int) -> int:
    """The index behind the value that begins at `position`; the length for a string that never ends."""
    first = text[position]
    if first == _QUOTE:
        end = json_scan.string_end(text, position + 1)
        return end if end >= 0 else len(text) + 1
    if first in _OPENINGS:
        return json_scan.group_end(text, position + 1)
    if first in _WORDS and not (first == _N and is_number_word(text, position)):
        rest = json_scan.LITERAL_REST.match(text, position + 1)
    else:
        rest = json_scan.NUMBER_REST.match(text, position + 1)
    return rest.end() if rest else position + 1


_NEAR: Final = 4096
"""How far a name is looked for as text, before the members are walked one by one."""
_QUOTE: Final = ord('"')
_CLOSING: Final = ord("]")
_N: Final = ord("n")
_WORDS: Final = frozenset(b"tfn")
_OPENINGS: Final = {ord("{"): _Outcome.OBJECT, ord("["): _Outcome.ARRAY}
_CONTINUATIONS: Final = (b".", b"|")
_CONTAINER: Final = re.compile(rb"[{\[]")
_MEMBER: Final = re.compile(rb'[^"}]*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"' + VALUE_START.pattern + rb"|\}|\Z)", re.DOTALL)
_ELEMENT_START: Final = re.compile(rb'[^"{\[ntf+\-0-9iIN\]]*+')

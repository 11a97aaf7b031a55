"""The names that a regular expression (RE2) finds, as patterns of IAM.

What IAM cannot say is widened to what it can, and the result says so. An expression that is not understood as a whole
becomes the pattern of all names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Final

from secretsync.access.patterns import ANY, ONE, normal, without_covered

_MOST_PATTERNS: Final = 64
"""Alternatives that are told apart; more are widened."""
_MOST_REPETITIONS: Final = 64
_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\})\??")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_ENUMERATION: Final = re.compile(r"\[([A-Za-z0-9/_+=.@]{1,8}-?)\]")
_GROUP: Final = re.compile(r"\((?!\?)|\(\?:|\(\?P?<[A-Za-z0-9_]+>")


@dataclass(frozen=True, slots=True)
class NamePatterns:
    """Patterns of names.

    Attributes:
        patterns: any of them may match; none where no name can.
        exact: whether they match only what the regular expression finds.
    """

    patterns: tuple[str, ...]
    exact: bool


def name_patterns(regexp: str) -> NamePatterns:
    """The names in which the regular expression matches somewhere.

    Args:
        regexp: a valid one (RE2), as ``find.name.regexp`` has it.
    """
    reader = _Reader(regexp)
    try:
        found = reader.read()
    except _NotUnderstood:
        return NamePatterns((ANY,), exact=False)
    return NamePatterns(without_covered(found), reader.exact)


class _NotUnderstood(Exception):
    """A construct whose meaning cannot be given as patterns, not even roughly."""


class _Reader:
    """Reads one expression; every part becomes the list of its alternatives."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self.exact = True

    def read(self) -> list[str]:
        found = []
        while True:
            begins = self._take("^") or self._take(r"\A")
            alternatives = self._sequence()
            ends = self._take("$") or self._take(r"\z")
            before, behind = ("" if begins else ANY), ("" if ends else ANY)
            found += [normal(before + each + behind) for each in alternatives]
            if self._place == len(self._text):
                return self._bounded(found)
            if not self._take("|"):
                raise _NotUnderstood  # an anchor in the middle, or a closing bracket

    def _sequence(self) -> list[str]:
        joined = [""]
        while (atom := self._atom()) is not None:
            repeated = self._repeated(atom)
            joined = self._bounded([first + second for first, second in product(joined, repeated)])
        return joined

    def _bounded(self, alternatives: list[str]) -> list[str]:
        distinct = list(dict.fromkeys(map(normal, alternatives)))
        if len(distinct) <= _MOST_PATTERNS:
            return distinct
        self.exact = False
        common = re.match(r"[^*?\0]*", _common_beginning(distinct))
        return [(common[0] if common is not None else "") + ANY]

    def _atom(self) -> list[str] | None:
        """The next part without its quantifier; None where the sequence ends."""
        rest = self._text[self._place :]
        if not rest or rest[0] in "|)^$" or rest.startswith((r"\A", r"\z")):
            return None
        if rest[0] == "(":
            return self._group()
        if rest[0] == "[":
            return self._class()
        if rest[0] == "\\":
            return self._escape()
        if rest[0] in "*+?":
            raise _NotUnderstood
        self._place += 1
        return [ONE] if rest[0] == "." else _literal(rest[0])

    def _group(self) -> list[str]:
        opening = _GROUP.match(self._text, self._place)
        if opening is None:
            raise _NotUnderstood  # flags change the meaning of what follows
        self._place = opening.end()
        alternatives = self._sequence()
        while self._take("|"):
            alternatives += self._sequence()
        if not self._take(")"):
            raise _NotUnderstood
        return self._bounded(alternatives)

    def _class(self) -> list[str]:
        found = _CLASS.match(self._text, self._place)
        if found is None:
            raise _NotUnderstood
        self._place = found.end()
        listed = _ENUMERATION.fullmatch(found[0])
        if listed is not None:
            return list(listed[1])
        self.exact = False
        return [ONE]

    def _escape(self) -> list[str]:
        escaped = self._text[self._place + 1 : self._place + 2]
        self._place += 2
        if escaped and escaped in "dDsSwW":
            self.exact = False
            return [ONE]
        if escaped and escaped in "bB":
            self.exact = False
            return [""]
        if not escaped or escaped.isalnum():
            raise _NotUnderstood
        return _literal(escaped)

    def _repeated(self, atom: list[str]) -> list[str]:
        quantifier = _QUANTIFIER.match(self._text, self._place)
        if quantifier is None:
            return atom
        self._place = quantifier.end()
        sign, least, comma, most = quantifier.groups()
        if sign is not None:
            lower, upper = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        else:
            lower = int(least)
            upper = lower if comma is None else int(most) if most else None
        if _QUANTIFIER.match(self._text, self._place) or max(lower, upper or 0) > _MOST_REPETITIONS:
            raise _NotUnderstood
        return self._times(atom, lower, upper)

    def _times(self, atom: list[str], lower: int, upper: int | None) -> list[str]:
        found = [""]
        for _ in range(lower):
            found = self._bounded([first + second for first, second in product(found, atom)])
        if upper is None:
            if atom != [ONE]:
                self.exact = False
            return [first + ANY for first in found]
        every = list(found)
        for _ in range(upper - lower):
            found = self._bounded([first + second for first, second in product(found, atom)])
            every += found
        return self._bounded(every)

    def _take(self, text: str) -> bool:
        if not self._text.startswith(text, self._place):
            return False
        self._place += len(text)
        return True


def _literal(character: str) -> list[str]:
    """The character itself; nothing where no name can hold it."""
    return [] if character in {ANY, ONE} else [character]


def _common_beginning(patterns: list[str]) -> str:
    first, last = min(patterns), max(patterns)
    same = next((index for index, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first if same is None else first[:same]

"""Patterns of names as IAM has them: ``*`` stands for any text, ``?`` for one character, all else for itself.

Names of secrets and parameters hold neither character, so no name can be mistaken for a pattern.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ANY: Final = "*"
ONE: Final = "?"
_WILDCARDS: Final = re.compile(r"[*?]{2,}")


def normal(pattern: str) -> str:
    """The one way to write a pattern among those that mean the same: ``*?**`` is ``?*``."""

    def in_order(run: re.Match[str]) -> str:
        return ONE * run[0].count(ONE) + (ANY if ANY in run[0] else "")

    return _WILDCARDS.sub(in_order, pattern)


def is_single(pattern: str) -> bool:
    """Whether it is a name, and so matches just that."""
    return ANY not in pattern and ONE not in pattern


def fixed_beginning(pattern: str) -> str:
    """The text that every match begins with."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0]


def is_unbounded(pattern: str) -> bool:
    """Whether not one character is fixed."""
    return not pattern.strip(ANY + ONE)


def covers(wide: str, narrow: str) -> bool:
    """Whether all that `narrow` matches is surely matched by `wide`."""
    return _expression(wide).fullmatch(narrow) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    meanings = {ANY: ".*", ONE: r"[^*]"}  # one character, be it itself a `?`
    return re.compile("".join(meanings.get(character) or re.escape(character) for character in pattern), re.DOTALL)


def without_covered(patterns: Iterable[str]) -> tuple[str, ...]:
    """The patterns that no other one of them covers, in their order."""
    distinct = list(dict.fromkeys(map(normal, patterns)))
    return tuple(
        pattern for pattern in distinct if not any(other != pattern and covers(other, pattern) for other in distinct)
    )


def beginning_with(prefix: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """Patterns of those names that match one of `patterns` and begin with `prefix`; none where no name can do both."""
    return without_covered(prefix + rest for pattern in patterns for rest in after(prefix, pattern))


def after(prefix: str, pattern: str) -> tuple[str, ...]:
    """Patterns of what may follow `prefix` in names that match `pattern`."""
    places = {0}
    for character in prefix:
        places = {place for start in places for place in _steps(pattern, start, character)}
    return without_covered(pattern[place:] for place in sorted(places))


def _steps(pattern: str, start: int, character: str) -> set[int]:
    """Where in the pattern one may stand after it has taken a character."""
    found: set[int] = set()
    for place in range(start, len(pattern)):
        if pattern[place] == ANY:
            found.add(place)
            continue
        if pattern[place] in {ONE, character}:
            found.add(place + 1)
        break
    return found

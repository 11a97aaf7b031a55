"""Which keys of a Secret may be named: those of backend and declaration, not those that a template makes of values.

A template whose result is a YAML map can turn a line of a value into a key, by mistake or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.checks.subject import SHOWN, listed

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class KeyNames:
    """The names that are known without looking at a value.

    Attributes:
        given: keys that the entries give.
        texts: texts of the declaration in which a key may stand.
    """

    given: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()

    def listed(self, keys: Iterable[str]) -> str:
        """The keys in one line; of those that templates make of values only how many there are."""
        every = list(keys)
        shown = sorted(repr(key) if not key.isascii() else key for key in every if self._is_known(key))
        hidden = len(every) - len(shown)
        names = [listed(shown, limit=SHOWN)] if shown else []
        return " and ".join([*names, *([f"{hidden} made of values"] if hidden else [])])

    def _is_known(self, key: str) -> bool:
        return key in self.given or any(key in text for text in self.texts)

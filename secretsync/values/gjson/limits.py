"""How much work one path may cause.

gjson itself has no such bounds: ``{a:@this,b:@this}`` doubles the text with each repetition, and ``@dig`` reads nested
text once per level. Real paths stay far below.
"""

from __future__ import annotations

from typing import Final

from secretsync.errors import RemoteRefError

MAX_NESTING: Final = 50
"""Selectors, queries and multipaths inside each other."""

MAX_PATH: Final = 32 * 1024
"""Longest path, in characters."""

_BASE: Final = 2 * 1024 * 1024
_PER_BYTE: Final = 8


def check_length(path: str) -> None:
    """Refuse a path that is too long.

    Raises:
        RemoteRefError: it has more than `MAX_PATH` characters.
    """
    if len(path) > MAX_PATH:
        raise RemoteRefError(
            f"the property path has {len(path)} characters, {MAX_PATH} are allowed", remedy="use a shorter path"
        )


class Budget:
    """The bytes that the evaluation of one path may still read or make."""

    __slots__ = ("left",)

    def __init__(self, document_size: int) -> None:
        self.left = _BASE + _PER_BYTE * document_size

    def charge(self, size: int, nesting: int = 0) -> None:
        """Take `size` bytes off.

        Raises:
            RemoteRefError: nothing is left, or `nesting` is too deep.
        """
        self.left -= size
        if self.left < 0:
            raise RemoteRefError(
                "the property path needs more work than is allowed for a value of this size",
                remedy="use a path that selects instead of copying, or shape the value upstream",
            )
        if nesting > MAX_NESTING:
            raise RemoteRefError(
                f"the property path nests more than {MAX_NESTING} selectors",
                remedy="use a shorter path, or shape the value upstream",
            )

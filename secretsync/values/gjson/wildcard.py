"""Matching a text against a pattern with ``*`` and ``?``, in time proportional to their lengths' product at most.

``*`` stands for any number of characters, ``?`` for exactly one, a backslash takes the next character as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from secretsync.values.go_json import decode_text


def matches(text: bytes, pattern: bytes) -> bool:
    """Whether the whole text matches."""
    segments = _segments(pattern)
    if segments is None:
        return False
    characters = decode_text(text)
    (first, _), *rest = segments
    if not rest:
        return first.fullmatch(characters) is not None
    head = first.match(characters)
    if head is None:
        return False
    position = head.end()
    for segment, _ in rest[:-1]:
        found = segment.search(characters, position)
        if found is None:
            return False
        position = found.end()
    last, width = rest[-1]
    start = len(characters) - width
    return start >= position and last.fullmatch(characters, start) is not None


@lru_cache(maxsize=256)
def _segments(pattern: bytes) -> tuple[tuple[re.Pattern[str], int], ...] | None:
    """The pieces between the stars, each with the number of characters it takes.

    None when the pattern ends inside an escape and so matches nothing.
    """
    pieces: list[list[str]] = [[]]
    characters = iter(decode_text(pattern))
    for character in characters:
        if character == "*":
            pieces.append([])
        elif character == "?":
            pieces[-1].append(".")
        elif character == "\\":
            literal = next(characters, "")
            if not literal:
                return None
            pieces[-1].append(re.escape(literal))
        else:
            pieces[-1].append(re.escape(character))
    return tuple((re.compile("".join(piece), re.DOTALL), len(piece)) for piece in pieces)

"""Which keys may go into a Secret: ESO's own check, made after rewrite and conversion (ESO v2.9.0).

It is wider than the API server's rule: any Unicode letter or number passes here and is refused there.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from secretsync.errors import SecretKeyError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LENGTH: Final = 253
"""Longest key, in bytes of UTF-8."""

_SHOWN: Final = 20
_PLAIN: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def is_allowed(character: str) -> bool:
    """Whether a character may stand in a key: a letter or number of any script, ``-``, ``.`` or ``_``."""
    return character in "-._" or unicodedata.category(character)[0] in "LN"


def check(values: Mapping[str, bytes]) -> dict[str, bytes]:
    """The values without the empty key, once every other key has been found allowed.

    Raises:
        SecretKeyError: keys are longer than 253 bytes or hold a forbidden character; names all of them (up to twenty).
    """
    problems: list[str] = []
    checked: dict[str, bytes] = {}
    for key, value in values.items():
        if not _PLAIN.fullmatch(key):
            if not key:
                continue
            problem = _problem(key)
            if problem:
                problems.append(problem)
        checked[key] = value
    if problems:
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise SecretKeyError(
            f"{', '.join(sorted(problems)[:_SHOWN])}{more}",
            remedy="change the keys with a rewrite, or with conversionStrategy and no rewrite",
        )
    return checked


def _problem(key: str) -> str:
    length = len(key.encode("utf-8", "surrogatepass"))
    if length > MAX_LENGTH:
        return f"key {key[:32]!r}… is {length} bytes long where {MAX_LENGTH} are allowed"
    foreign = "".join(sorted({character for character in key if not is_allowed(character)}))
    return f"key {key!r} has characters other than letters, numbers, '-', '.' and '_': {foreign!r}" if foreign else ""

"""``conversionStrategy``: provider keys made into keys that a Secret accepts (ESO v2.9.0).

Applied to the keys of an ``extract`` or ``find`` that has no rewrite.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from secretsync.api.enums import ConversionStrategy
from secretsync.errors import SecretKeyError
from secretsync.values.secret_keys import is_allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN: Final = re.compile(r"[-._a-zA-Z0-9]*")


def convert_keys(values: Mapping[str, bytes], strategy: ConversionStrategy) -> dict[str, bytes]:
    """The values under their converted keys.

    Raises:
        SecretKeyError: two keys become the same one; names every such pair. ESO refuses this as well.
    """
    converted: dict[str, bytes] = {}
    origin: dict[str, str] = {}
    collisions: list[str] = []
    for key, value in values.items():
        name = key if _PLAIN.fullmatch(key) else convert(key, strategy)
        if name in converted:
            collisions.append(f"{origin[name]!r} and {key!r} both become {name!r}")
        else:
            converted[name] = value
            origin[name] = key
    if collisions:
        raise SecretKeyError(
            f"conversionStrategy {strategy.value} makes keys collide: {', '.join(collisions)}",
            remedy="use conversionStrategy Unicode or a rewrite that keeps the keys apart",
        )
    return converted


def convert(key: str, strategy: ConversionStrategy) -> str:
    """One key: each forbidden character becomes ``_`` (Default) or ``_U%04x_`` of its code point (Unicode)."""
    if strategy is ConversionStrategy.Unicode:
        return "".join(character if is_allowed(character) else f"_U{ord(character):04x}_" for character in key)
    return "".join(character if is_allowed(character) else "_" for character in key)

"""Go's durations as text: ``1h30m``, ``-1.5s``, ``250ms``.

The grammar and the limits are those of Go's ``time.ParseDuration`` and ``Duration.String``: a signed 64-bit number of
nanoseconds. A `timedelta` counts microseconds; what lies below is rounded away from zero, so that the smallest positive
duration stays positive.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

PATTERN: Final = r"^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"
"""The grammar as a regular expression for schemas; overflow is beyond it."""

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TERM: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LIMIT: Final = 1 << 63
_LONGEST: Final = 200
_FRACTION_DIGITS: Final = 18


def parse_nanoseconds(text: str) -> int:
    """The nanoseconds that a Go duration stands for.

    Raises:
        ValueError: the text is not a Go duration, or it does not fit into 64 bits (about 292 years).
    """
    if len(text) > _LONGEST:
        raise ValueError("is too long for a duration")
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0
    total = position = 0
    while position < len(rest):
        match = _TERM.match(rest, position)
        if match is None or not (match[1] or match[2]):
            raise ValueError("is not a duration such as 1h, 90s or 1h30m")
        unit = _NANOSECONDS[match[3]]
        fraction = (match[2] or "")[:_FRACTION_DIGITS]
        total += int(match[1] or "0") * unit
        if fraction:
            total += int(fraction) * unit // 10 ** len(fraction)
        position = match.end()
    if not rest:
        raise ValueError("is not a duration such as 1h, 90s or 1h30m")
    if total > _LIMIT - (not negative):
        raise ValueError("is longer than the longest duration (about 292 years)")
    return -total if negative else total


@lru_cache(maxsize=1024)
def parse(text: str) -> timedelta:
    """The `timedelta` that a Go duration stands for, e.g. ``1h30m``.

    Raises:
        ValueError: the text is not a Go duration, or it is out of range.
    """
    nanoseconds = parse_nanoseconds(text)
    microseconds = -(-abs(nanoseconds) // 1_000)
    return timedelta(microseconds=microseconds if nanoseconds >= 0 else -microseconds)


def format(duration: timedelta) -> str:  # noqa: A001 - go_duration.format is the agreed name
    """The text that Go's ``Duration.String`` gives, e.g. ``1h30m0s``, ``1.5ms``, ``0s``."""
    microseconds = duration // timedelta(microseconds=1)
    sign, microseconds = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    if microseconds == 0:
        return "0s"
    if microseconds < 1_000:  # noqa: PLR2004 - units of the same quantity
        return f"{sign}{microseconds}µs"
    if microseconds < 1_000_000:  # noqa: PLR2004 - units of the same quantity
        return f"{sign}{_decimal(microseconds, 1_000)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    seconds = f"{_decimal(rest, 1_000_000)}s"
    if minutes == 0:
        return f"{sign}{seconds}"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}h{minutes}m{seconds}" if hours else f"{sign}{minutes}m{seconds}"


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = str(fraction).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _validate(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("duration_type", "is not a duration such as 1h, 90s or 1h30m")
    try:
        return parse(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None


Duration = Annotated[
    timedelta,
    BeforeValidator(_validate),
    PlainSerializer(format, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "maxLength": _LONGEST}),
    Field(),
]
"""A Go duration on the wire, a `timedelta` in Python."""

"""Floating-point numbers as Go's ``strconv`` writes and reads them.

Python's `repr` and Go's shortest format choose the same digits; only their layout differs.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITY: Final = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_HEXADECIMAL: Final = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+")
_JSON_SMALLEST_PLAIN: Final = 1e-6
_JSON_SMALLEST_EXPONENTIAL: Final = 1e21


def format_plain(value: float) -> str:
    """``FormatFloat(value, 'f', -1, 64)``: the shortest digits that read back the same, never with an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def format_json(value: float) -> str:
    """A number as ``encoding/json`` marshals a float64: an exponent below 1e-6 and from 1e21 on.

    Raises:
        ValueError: the number is infinite or not a number.
    """
    if not math.isfinite(value):
        raise ValueError("an infinite or undefined number has no JSON form")
    size = abs(value)
    if size == 0 or _JSON_SMALLEST_PLAIN <= size < _JSON_SMALLEST_EXPONENTIAL:
        return format_plain(value)
    mantissa, exponent = repr(value).split("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"


def parse(text: str) -> float:
    """``ParseFloat(text, 64)`` with its error ignored: 0 for what is no number, infinity for what is too large."""
    if _DECIMAL.fullmatch(text) or _INFINITY.fullmatch(text):
        return float(text)
    if text.lower() == "nan":
        return math.nan
    if _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(text)
        except OverflowError:
            return -math.inf if text.startswith("-") else math.inf
    return 0.0

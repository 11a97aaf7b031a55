"""sprig's functions on numbers, with the conversions of spf13/cast and the decimals of shopspring/decimal."""

from __future__ import annotations

import math
import re
import secrets
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Final

from secretsync.template.budget import check_items
from secretsync.template.failures import FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.gofmt import sprint
from secretsync.template.govalues import INT64_MAX, INT64_MIN, GoObject, Int64, IntList, wrap_int64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DECIMAL: Final = re.compile(r"([+-]?)(\d*)\.\d*")
_INTEGER: Final = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)"
)
_FLOAT: Final = re.compile(
    r"[+-]?(?:(?:{0}\.?(?:{0})?|\.{0})(?:[eE][+-]?\d+)?|(?i:inf|infinity|nan))".format(r"\d+(?:_\d+)*")
)
_HEXADECIMAL_FLOAT: Final = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+")
_OCTAL: Final = re.compile(r"[+-]?[0-7]+")
_EXACT: Final = Context(prec=2000, rounding=ROUND_HALF_UP)
_DIVISION_PLACES: Final = Decimal(1).scaleb(-16)
_SEQUENCE_OF_THREE: Final = 3


def parse_integer(text: str) -> int:
    """strconv.ParseInt with base 0 and 64 bits; 0 where the text is none."""
    if not text.isascii() or not _INTEGER.fullmatch(text):
        return 0
    digits = text.lstrip("+-").replace("_", "")
    based = digits[:2].lower() in ("0x", "0b", "0o")
    number = int(digits, 0) if based else int(digits, 8 if digits.startswith("0") else 10)
    number = -number if text.startswith("-") else number
    return number if INT64_MIN <= number <= INT64_MAX else 0


def to_integer(value: object) -> int:
    """cast.ToInt64: strings, floats and booleans are converted, their decimals cut off; anything else is 0."""
    if isinstance(value, str):
        decimal = _DECIMAL.fullmatch(value) if value.isascii() else None
        return parse_integer(decimal[1] + (decimal[2] or "0") if decimal else value)
    if isinstance(value, float):
        return int(value) if INT64_MIN <= value <= INT64_MAX else INT64_MIN
    if isinstance(value, int) and not isinstance(value, GoObject):
        return int(wrap_int64(int(value)))
    return 0


def to_float(value: object) -> float:
    """cast.ToFloat64."""
    if isinstance(value, str):
        if value.isascii() and _FLOAT.fullmatch(value):
            number = float(value)
            return number if not math.isinf(number) or "n" in value.lower() else 0.0
        if _HEXADECIMAL_FLOAT.fullmatch(value):
            return _hexadecimal_float(value)
        return 0.0
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, GoObject) else 0.0


def _hexadecimal_float(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return 0.0


def _decimal(value: object) -> Decimal:
    number = to_float(value)
    if not math.isfinite(number):
        raise FunctionFailure("a number is not finite")
    return Decimal(repr(number))


def _decimals(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., float]:
    def calculate(first: object, *others: object) -> float:
        result = _decimal(first)
        for other in others:
            result = operation(result, _decimal(other))
        return float(result) + 0.0

    return calculate


def _divide_decimals(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise FunctionFailure("division by zero")
    return _EXACT.divide(left, right).quantize(_DIVISION_PLACES, context=_EXACT)


def _divide(left: object, right: object) -> Int64:
    dividend, divisor = to_integer(left), to_integer(right)
    if divisor == 0:
        raise FunctionFailure("division by zero")
    quotient = abs(dividend) // abs(divisor)
    return wrap_int64(quotient if (dividend < 0) == (divisor < 0) else -quotient)


def _modulo(left: object, right: object) -> Int64:
    dividend, divisor = to_integer(left), to_integer(right)
    if divisor == 0:
        raise FunctionFailure("division by zero")
    rest = abs(dividend) % abs(divisor)
    return wrap_int64(-rest if dividend < 0 else rest)


def _multiply(first: object, *others: object) -> Int64:
    result = wrap_int64(to_integer(first))
    for other in others:
        result = wrap_int64(result * to_integer(other))
    return result


def _until_step(start: int, stop: int, step: int) -> IntList:
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return IntList()
    numbers = range(start, stop, step)
    check_items(max(0, (stop - start) // step))
    return IntList(numbers)


def _sequence(*bounds: int) -> str:
    increment = 1
    if not bounds or len(bounds) > _SEQUENCE_OF_THREE:
        return ""
    if len(bounds) == 1:
        start, step, end = 1, 0, bounds[0]
    elif len(bounds) == _SEQUENCE_OF_THREE:
        start, step, end = bounds
    else:
        start, step, end = bounds[0], 0, bounds[1]
    if end < start:
        increment = -1
        if len(bounds) == _SEQUENCE_OF_THREE and step > 0:
            return ""
    numbers = _until_step(start, end + increment, step if len(bounds) == _SEQUENCE_OF_THREE else increment)
    return " ".join(map(str, numbers))


def _round(value: object, places: int, round_on: float = 0.5, *_ignored: float) -> float:
    number = to_float(value)
    power = math.pow(10.0, float(places)) if abs(places) < 308 else (math.inf if places > 0 else 0.0)  # noqa: PLR2004 - the largest exponent of a float64
    digit = power * number
    if not math.isfinite(digit):
        return digit / power
    if power == 0.0:
        return math.nan
    fraction = math.modf(digit)[0]
    whole = _whole(math.ceil, digit) if fraction >= round_on else _whole(math.floor, digit)
    return whole / power


def _whole(operation: Callable[[float], int], number: float) -> float:
    return float(operation(number)) if math.isfinite(number) else number


def _octal(value: object) -> Int64:
    text = sprint(value)
    if not text.isascii() or not _OCTAL.fullmatch(text):
        return Int64(0)
    number = int(text, 8)
    return Int64(number) if INT64_MIN <= number <= INT64_MAX else Int64(0)


def _atoi(text: str) -> int:
    if not text.isascii() or not re.fullmatch(r"[+-]?\d+", text) or len(text) > 20:  # noqa: PLR2004 - digits of 64 bits
        return 0
    number = int(text)
    # strconv.Atoi gives the nearest bound together with its error, and sprig drops the error.
    return min(max(number, INT64_MIN), INT64_MAX)


def _largest(first: object, *others: object) -> Int64:
    return Int64(max(to_integer(first), *map(to_integer, others))) if others else Int64(to_integer(first))


def _smallest(first: object, *others: object) -> Int64:
    return Int64(min(to_integer(first), *map(to_integer, others))) if others else Int64(to_integer(first))


def _extreme_float(choose: Callable[[float, float], float]) -> Callable[..., float]:
    def calculate(first: object, *others: object) -> float:
        result = to_float(first)
        for other in others:
            number = to_float(other)
            result = math.nan if math.isnan(result) or math.isnan(number) else choose(result, number)
        return result

    return calculate


def _random_integer(low: int, high: int) -> int:
    if high <= low:
        raise FunctionFailure("the upper bound is not above the lower one")
    return low + secrets.randbelow(high - low)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    family = "numbers"
    add, subtract, multiply = _decimals(_EXACT.add), _decimals(_EXACT.subtract), _decimals(_EXACT.multiply)
    yield from define(family, "(string) int", "atoi", _atoi)
    yield from define(family, "(any) int64", "int64", lambda value: Int64(to_integer(value)))
    yield from define(family, "(any) int", "int", to_integer)
    yield from define(family, "(any) float64", "float64", to_float)
    yield from define(family, "(...int) string", "seq", _sequence)
    yield from define(family, "(any) int64", "toDecimal", _octal)
    yield from define(family, "(int) []int", "until", lambda count: _until_step(0, count, -1 if count < 0 else 1))
    yield from define(family, "(int, int, int) []int", "untilStep", _until_step)
    yield from define(family, "(any) int64", "add1", lambda value: wrap_int64(to_integer(value) + 1))
    yield from define(family, "(...any) int64", "add", lambda *values: wrap_int64(sum(map(to_integer, values))))
    yield from define(
        family, "(any, any) int64", "sub", lambda left, right: wrap_int64(to_integer(left) - to_integer(right))
    )
    yield from define(family, "(any, any) int64", "div", _divide)
    yield from define(family, "(any, any) int64", "mod", _modulo)
    yield from define(family, "(any, ...any) int64", "mul", _multiply)
    yield from define(family, "(int, int) int", "randInt", _random_integer, volatile=True)
    yield from define(family, "(any) float64", "add1f", lambda value: add(value, 1))
    yield from define(family, "(...any) float64", "addf", lambda *values: add(0.0, *values))
    yield from define(family, "(any, ...any) float64", "subf", subtract)
    yield from define(family, "(any, ...any) float64", "divf", _decimals(_divide_decimals))
    yield from define(family, "(any, ...any) float64", "mulf", multiply)
    yield from define(family, "(any, ...any) int64", "biggest max", _largest)
    yield from define(family, "(any, ...any) int64", "min", _smallest)
    yield from define(family, "(any, ...any) float64", "maxf", _extreme_float(max))
    yield from define(family, "(any, ...any) float64", "minf", _extreme_float(min))
    yield from define(family, "(any) float64", "ceil", lambda value: _whole(math.ceil, to_float(value)))
    yield from define(family, "(any) float64", "floor", lambda value: _whole(math.floor, to_float(value)))
    yield from define(family, "(any, int, ...float64) float64", "round", _round)

"""The formatting of Go's package fmt: verbs, flags, width, precision, and the texts it writes for mistakes."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, Final

from secretsync.template.failures import FunctionFailure
from secretsync.template.govalues import GoObject, NilList, NilStringList, decode, encode, kind_name, runes, type_name

MAX_WIDTH: Final = 100_000
"""Largest width or precision; Go's own limit is 1e6, beyond which it writes ``%!(BADWIDTH)``."""

_GO_MAX_WIDTH: Final = 1_000_000
_MANTISSA_BITS: Final = 53
_LEAST_EXPONENT: Final = -1074
_G_DIGITS: Final = 6
_SINGLE_DIGITS: Final = 9
_INTEGER_BASES: Final = {"d": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_ESCAPES: Final = {7: "\\a", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 11: "\\v", 92: "\\\\"}


@dataclass(slots=True)
class _Flags:
    plus: bool = False
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None


def sprint(*values: object) -> str:
    """fmt.Sprint: a space between operands of which neither is a string."""
    parts: list[str] = []
    previous_is_text = True
    for value in values:
        is_text = isinstance(value, str)
        if parts and not is_text and not previous_is_text:
            parts.append(" ")
        parts.append(value if isinstance(value, str) else default_format(value))
        previous_is_text = is_text
    return "".join(parts)


def default_format(value: object) -> str:
    """The text of ``%v``."""
    return _format_value(value, "v", _Flags(), 0)


def sprintf(pattern: str, values: tuple[Any, ...]) -> str:
    """fmt.Sprintf.

    Raises:
        FunctionFailure: a width or precision above `MAX_WIDTH`.
    """
    out: list[str] = []
    position, end, used, reordered = 0, len(pattern), 0, False
    while position < end:
        percent = pattern.find("%", position)
        if percent < 0:
            out.append(pattern[position:])
            break
        out.append(pattern[position:percent])
        scan = _Directive(pattern, percent + 1, values, used)
        out.append(scan.run())
        position, used = scan.position, scan.used
        reordered = reordered or scan.reordered
    if not reordered and used < len(values):
        extras = ", ".join(
            "<nil>" if value is None else f"{type_name(value)}={default_format(value)}" for value in values[used:]
        )
        out.append(f"%!(EXTRA {extras})")
    return "".join(out)


class _Directive:
    """One ``%`` directive while it is read."""

    def __init__(self, pattern: str, position: int, values: tuple[Any, ...], used: int) -> None:
        self.pattern = pattern
        self.position = position
        self.values = values
        self.used = used
        self.reordered = False
        self._good_index = True
        self._after_index = False
        self._flags = _Flags()

    def run(self) -> str:
        complaint = self._read_flags() + self._read_width() + self._read_precision()
        if not self._after_index:
            self._read_index()
        if self.position >= len(self.pattern):
            return complaint + "%!(NOVERB)"
        verb = self.pattern[self.position]
        self.position += 1
        if verb == "%":
            return complaint + "%"
        if not self._good_index:
            return f"{complaint}%!{verb}(BADINDEX)"
        if self.used >= len(self.values):
            return f"{complaint}%!{verb}(MISSING)"
        value = self.values[self.used]
        self.used += 1
        if verb == "v":
            self._flags.plus = False  # %+v only adds field names to structs
        return complaint + _format_value(value, verb, self._flags, 0)

    def _peek(self) -> str:
        return self.pattern[self.position] if self.position < len(self.pattern) else ""

    def _read_flags(self) -> str:
        flags = self._flags
        while True:
            match self._peek():
                case "#":
                    flags.sharp = True
                case "0":
                    flags.zero = True
                case "+":
                    flags.plus = True
                case "-":
                    flags.minus = True
                case " ":
                    flags.space = True
                case _:
                    return ""
            self.position += 1

    def _read_width(self) -> str:
        self._read_index()
        if self._peek() == "*":
            self.position += 1
            number = self._integer_argument()
            self._after_index = False
            if number is None:
                return "%!(BADWIDTH)"
            if number < 0:
                self._flags.minus = True
                self._flags.zero = False
                number = -number
            self._flags.width = number
            return ""
        number = self._read_number()
        if number is not None:
            if self._after_index:
                self._good_index = False
            self._flags.width = number
        return ""

    def _read_precision(self) -> str:
        if self._peek() != ".":
            return ""
        self.position += 1
        if self._after_index:
            self._good_index = False
        self._read_index()
        if self._peek() == "*":
            self.position += 1
            number = self._integer_argument()
            self._after_index = False
            if number is None:
                return "%!(BADPREC)"
            if number < 0:
                return "%!(BADPREC)"
            self._flags.precision = number
            return ""
        self._flags.precision = self._read_number() or 0
        return ""

    def _read_number(self) -> int | None:
        start = self.position
        while self._peek().isascii() and self._peek().isdigit():
            self.position += 1
        digits = self.pattern[start : self.position]
        if not digits:
            return None
        if len(digits) > 7 or int(digits) > MAX_WIDTH:  # noqa: PLR2004 - more digits than Go's limit has
            raise FunctionFailure(f"a width or precision is above {MAX_WIDTH}")
        return int(digits)

    def _integer_argument(self) -> int | None:
        if self.used >= len(self.values):
            return None
        value = self.values[self.used]
        self.used += 1
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _GO_MAX_WIDTH:
            return None
        if abs(value) > MAX_WIDTH:
            raise FunctionFailure(f"a width or precision is above {MAX_WIDTH}")
        return int(value)

    def _read_index(self) -> None:
        self._after_index = False
        if self._peek() != "[":
            return
        self.reordered = True
        close = self.pattern.find("]", self.position)
        if close < 0:
            self._good_index = False
            self.position += 1
            return
        digits = self.pattern[self.position + 1 : close]
        self.position = close + 1
        if digits.isascii() and digits.isdigit() and len(digits) < 7 and 1 <= int(digits) <= len(self.values):  # noqa: PLR2004 - Go's limit
            self.used = int(digits) - 1
            self._after_index = True
        else:
            self._good_index = False


def _pad(text: str, flags: _Flags, *, zero: bool = False) -> str:
    width = flags.width
    if width is None or len(text) >= width:
        return text
    length = len(runes(text))
    if flags.minus:
        return text + " " * (width - length)
    return ("0" if zero and flags.zero else " ") * (width - length) + text


def _format_value(value: object, verb: str, flags: _Flags, depth: int) -> str:  # noqa: C901 - one branch per kind
    if verb == "T":
        return _format_text(type_name(value), "s", flags)
    if value is None:
        if depth:
            return "<nil>"
        return _pad("<nil>", flags) if verb == "v" else f"%!{verb}(<nil>)"
    if isinstance(value, str):
        return _format_text(value, verb, flags)
    if isinstance(value, bool):
        return _pad("true" if value else "false", flags, zero=True) if verb in "tv" else _bad_verb(value, verb, flags)
    if isinstance(value, int):
        return _format_integer(value, verb, flags)
    if isinstance(value, float):
        return _format_float(value, verb, flags)
    if isinstance(value, bytes):
        return _format_bytes(value, verb, flags)
    if isinstance(value, GoObject):
        return _format_text(str(value), verb, flags) if verb in "vsxXq" else _bad_verb(value, verb, flags)
    if isinstance(value, list):
        return _format_list(value, verb, flags, depth)
    if isinstance(value, dict):
        return _format_map(value, verb, flags, depth)
    if isinstance(value, complex):
        return f"({_format_float(value.real, 'g', flags)}{_format_float(value.imag, 'g', _Flags(plus=True))}i)"
    return _bad_verb(value, verb, flags)


def _bad_verb(value: object, verb: str, flags: _Flags) -> str:
    # The flag # means Go syntax only in %#v; here it is the plain one, which tells floats alone.
    if isinstance(value, float):
        shown = _format_float(value, "g", flags)
    else:
        shown = _format_value(value, "v", _without_sharp(flags), 0)
    return f"%!{verb}({type_name(value)}={shown})"


def _format_list(value: list[Any], verb: str, flags: _Flags, depth: int) -> str:
    if verb == "p":
        return f"%!p({type_name(value)}={default_format(value)})"
    if flags.sharp and verb == "v":
        if isinstance(value, (NilList, NilStringList)):
            return f"{type_name(value)}(nil)"
        return type_name(value) + "{" + ", ".join(_go_syntax(item, flags, depth) for item in value) + "}"
    return "[" + " ".join(_format_value(item, verb, flags, depth + 1) for item in value) + "]"


def _format_map(value: dict[str, Any], verb: str, flags: _Flags, depth: int) -> str:
    items = sorted(value.items(), key=lambda item: encode(item[0]))
    if flags.sharp and verb == "v":
        body = ", ".join(f"{_go_syntax(key, flags, depth)}:{_go_syntax(item, flags, depth)}" for key, item in items)
        return type_name(value) + "{" + body + "}"
    body = " ".join(
        f"{_format_value(key, verb, flags, depth + 1)}:{_format_value(item, verb, flags, depth + 1)}"
        for key, item in items
    )
    return f"map[{body}]"


def _go_syntax(value: object, flags: _Flags, depth: int) -> str:
    return "interface {}(nil)" if value is None else _format_value(value, "v", flags, depth + 1)


def _format_text(text: str, verb: str, flags: _Flags) -> str:
    if verb == "v" and flags.sharp:
        return _pad(quote(text), flags)
    if verb in "vs":
        return _pad(_truncate(text, flags.precision), flags, zero=True)
    if verb in "xX":
        return _format_hex(encode(text), verb, flags)
    if verb == "q":
        shown = _truncate(text, flags.precision)
        if flags.sharp and "`" not in shown and all(char == "\t" or char.isprintable() for char in shown):
            return _pad(f"`{shown}`", flags)
        return _pad(quote(shown, ascii_only=flags.plus), flags, zero=True)
    return _bad_verb(text, verb, flags)


def _truncate(text: str, precision: int | None) -> str:
    return text if precision is None else text[:precision]


def _format_bytes(value: bytes, verb: str, flags: _Flags) -> str:
    if verb in "sq":
        return _format_text(decode(value), verb, flags)
    if verb in "xX":
        return _format_hex(value, verb, flags)
    if verb == "v" and flags.sharp:
        return "[]byte{" + ", ".join(f"0x{byte:x}" for byte in value) + "}"
    return "[" + " ".join(_format_integer(byte, "d" if verb == "v" else verb, flags) for byte in value) + "]"


def _format_hex(data: bytes, verb: str, flags: _Flags) -> str:
    if flags.precision is not None:
        data = data[: flags.precision]
    digits = [f"{byte:02x}" for byte in data]
    prefix = "0x" if flags.sharp and digits else ""
    text = (" " + prefix).join(digits) if flags.space else "".join(digits)
    text = prefix + text
    return _pad(text.upper() if verb == "X" else text, flags, zero=True)


def _format_integer(value: int, verb: str, flags: _Flags) -> str:
    number = int(value)
    if verb == "v":
        if flags.sharp and kind_name(value) in ("uint8", "uint64"):
            return _integer_text(number, "x", flags)
        return _integer_text(number, "d", _without_sharp(flags))
    if verb in _INTEGER_BASES:
        return _integer_text(number, verb, flags)
    if verb == "c":
        return _pad(_rune(number), flags, zero=True)
    if verb == "q":
        return _pad(_quote_rune(number, ascii_only=flags.plus), flags, zero=True)
    if verb == "U":
        text = "U+" + f"{number & 0xFFFFFFFFFFFFFFFF:X}".rjust(max(4, flags.precision or 0), "0")
        if flags.sharp and 0 <= number <= 0x10FFFF and chr(number).isprintable():  # noqa: PLR2004 - last code point
            text += f" '{chr(number)}'"
        return _pad(text, flags)
    return _bad_verb(value, verb, flags)


def _without_sharp(flags: _Flags) -> _Flags:
    if not flags.sharp:
        return flags
    return _Flags(flags.plus, flags.minus, False, flags.space, flags.zero, flags.width, flags.precision)  # noqa: FBT003 - positional copy


def _integer_text(number: int, verb: str, flags: _Flags) -> str:
    spec = {"d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}[verb]
    digits = format(abs(number), spec)
    if flags.precision is not None:
        if flags.precision == 0 and number == 0:
            return " " * (flags.width or 0)
        digits = digits.rjust(flags.precision, "0")
    sign = "-" if number < 0 else "+" if flags.plus else " " if flags.space else ""
    if flags.zero and not flags.minus and flags.width is not None and flags.precision is None:
        digits = digits.rjust(flags.width - len(sign), "0")
    if flags.sharp:
        prefix = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}.get(verb, "")
        digits = digits if verb == "o" and digits.startswith("0") else prefix + digits
    if verb == "O":
        digits = "0o" + digits
    return _pad(sign + digits, flags)


def _rune(number: int) -> str:
    if 0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004 - the code points of Unicode
        return chr(number)
    return "�"


def _quote_rune(number: int, *, ascii_only: bool) -> str:
    char = _rune(number)
    if char == "'":
        return r"'\''"
    return f"'{char}'" if char == '"' else f"'{quote(char, ascii_only=ascii_only)[1:-1]}'"


def quote(text: str, *, ascii_only: bool = False) -> str:
    r"""strconv.Quote: double quotes, Go's escapes, bytes that are not UTF-8 as ``\xNN``."""
    out = ['"']
    for char in text:
        code = ord(char)
        if char == '"':
            out.append('\\"')
        elif code in _ESCAPES:
            out.append(_ESCAPES[code])
        elif 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - a surrogate escape
            out.append(f"\\x{code - 0xDC00:02x}")
        elif (code < 0x7F and char.isprintable()) or (not ascii_only and code > 0x7F and char.isprintable()):  # noqa: PLR2004 - ASCII
            out.append(char)
        elif code < 0x80:  # noqa: PLR2004 - ASCII
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:  # noqa: PLR2004 - the basic plane
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    out.append('"')
    return "".join(out)


def _format_float(value: float, verb: str, flags: _Flags) -> str:
    if verb not in "vgGeEfFxXb":
        return _bad_verb(value, verb, flags)
    if verb in "xX" and flags.precision is not None:
        raise FunctionFailure("hexadecimal floats with a precision are not supported")
    sign = "-" if math.copysign(1.0, value) < 0 and not math.isnan(value) else "+"
    if math.isinf(value) or math.isnan(value):
        infinite = math.isinf(value)
        shown_sign = " " if flags.space and sign == "+" else sign if infinite or flags.plus else ""
        body = "Inf" if infinite else "NaN"
        return _pad(shown_sign + body, flags)
    body = _float_digits(abs(value), verb, flags)
    shown_sign = "-" if sign == "-" else "+" if flags.plus else " " if flags.space else ""
    if flags.zero and not flags.minus and flags.width is not None:
        body = body.rjust(flags.width - len(shown_sign), "0")
    return _pad(shown_sign + body, flags)


def _float_digits(value: float, verb: str, flags: _Flags) -> str:
    precision = flags.precision
    if verb == "b":
        fraction, binary_power = math.frexp(value)
        exponent = max(binary_power - _MANTISSA_BITS, _LEAST_EXPONENT) if value else _LEAST_EXPONENT
        return f"{int(math.ldexp(fraction, binary_power - exponent))}p{exponent:+d}"
    if verb in "xX":
        mantissa, _, power = value.hex().partition("p")
        text = (
            f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}p{power[0]}{power[1:].rjust(2, '0')}"
        )
        return text.upper() if verb == "X" else text
    if verb in "fF":
        text = f"{value:.{6 if precision is None else precision}f}"
        return text + "." if flags.sharp and "." not in text else text
    if verb in "eE":
        text = f"{value:.{6 if precision is None else precision}e}"
        return text.upper() if verb == "E" else text
    text = (
        shortest_float(value)
        if precision is None and (verb == "v" or not flags.sharp)
        else f"{value:{'#' if flags.sharp else ''}.{_G_DIGITS if precision is None else precision or 1}g}"
    )
    return text.upper() if verb == "G" else text


def shortest_float(value: float, exponent_from: int = 6, exponent_below: int = -4) -> str:
    """The shortest digits that read back as the number, which is not negative.

    Args:
        value: the number.
        exponent_from: the decimal exponent from which on it is written as ``d.ddde+XX``: 6 for package fmt, 21 for
            encoding/json.
        exponent_below: the same for small numbers: -4 for fmt, -6 for encoding/json.
    """
    digits, exponent = _shortest_digits(value)
    if exponent < exponent_below or exponent >= exponent_from:
        fraction = "." + digits[1:] if len(digits) > 1 else ""
        return f"{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    rest = digits[exponent + 1 :]
    return f"{whole}.{rest}" if rest else whole


def _shortest_digits(value: float) -> tuple[str, int]:
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0", 0
    leading_zeros = len(whole + fraction) - len(digits)
    return digits.rstrip("0"), len(whole) - 1 - leading_zeros + int(exponent or 0)


def single_precision(value: float) -> str:
    """strconv.FormatFloat with 32 bits, as sigs.k8s.io/yaml writes a number that has to be text."""
    if math.isnan(value):
        return "NaN"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return "+Inf" if single > 0 else "-Inf"
    candidates = (f"{abs(single):.{digits}e}" for digits in range(_SINGLE_DIGITS))
    shortest = next(text for text in candidates if struct.unpack("f", struct.pack("f", float(text)))[0] == abs(single))
    return ("-" if math.copysign(1.0, single) < 0 else "") + shortest_float(float(shortest))

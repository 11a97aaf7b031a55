"""JSON as Go's encoding/json reads and writes it inside templates."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any, Final, NoReturn

from secretsync.template.budget import MAX_DATA_DEPTH
from secretsync.template.failures import FunctionFailure
from secretsync.template.gofmt import shortest_float
from secretsync.template.govalues import ESCAPED_BYTE, GoObject, NilList, NilStringList, decode, encode, runes

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_HTML_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_ALWAYS: Final = re.compile('[\\x00-\\x1f"\\\\\u2028\u2029\udc80-\udcff]')
_WITH_HTML: Final = re.compile('[\\x00-\\x1f"\\\\<>&\u2028\u2029\udc80-\udcff]')
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", '"': '\\"', "\\": "\\\\"}


def loads(text: str) -> Any:  # noqa: ANN401 - any Go value
    """encoding/json into any: numbers become float64.

    Raises:
        FunctionFailure: the text is no JSON, nests too deeply or has a number beyond float64.
    """
    try:
        value = json.loads(runes(text), parse_int=_number, parse_float=_number, parse_constant=_refuse)
    except ValueError:
        raise FunctionFailure("the text is not JSON") from None
    except RecursionError:
        raise FunctionFailure("the JSON nests too deeply") from None
    return _without_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise FunctionFailure("a number in the JSON is beyond float64")
    return number


def _refuse(_name: str) -> NoReturn:
    raise FunctionFailure("the text is not JSON")


def _without_surrogates(value: Any) -> Any:  # noqa: ANN401 - any Go value
    if isinstance(value, str):
        return _SURROGATE.sub("�", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def dumps(value: object, *, escape_html: bool = True, indent: str = "") -> str:
    """json.Marshal, or json.MarshalIndent with an indent.

    Raises:
        FunctionFailure: a number is not finite, or the value nests too deeply.
    """
    out: list[str] = []
    _write(value, out, escape_html=escape_html, indent=indent, depth=0)
    return "".join(out)


def _write(value: object, out: list[str], *, escape_html: bool, indent: str, depth: int) -> None:  # noqa: C901 - one branch per kind
    if depth > MAX_DATA_DEPTH:
        raise FunctionFailure("the value nests too deeply")
    if isinstance(value, GoObject):
        value = value.to_json()
    if value is None or isinstance(value, (NilList, NilStringList)):
        out.append("null")
    elif isinstance(value, str):
        out.append(quoted(value, escape_html=escape_html))
    elif isinstance(value, bool):
        out.append("true" if value else "false")
    elif isinstance(value, int):
        out.append(str(int(value)))
    elif isinstance(value, float):
        out.append(number_text(value))
    elif isinstance(value, bytes):
        out.append(f'"{base64.b64encode(value).decode()}"')
    elif isinstance(value, dict):
        pairs = [
            (quoted(key, escape_html=escape_html) + (": " if indent else ":"), value[key])
            for key in sorted(value, key=encode)
        ]
        _write_items(pairs, "{}", out, escape_html=escape_html, indent=indent, depth=depth)
    elif isinstance(value, list):
        _write_items([("", item) for item in value], "[]", out, escape_html=escape_html, indent=indent, depth=depth)
    else:
        raise FunctionFailure("a value has no JSON form")


def _write_items(
    items: list[tuple[str, Any]], brackets: str, out: list[str], *, escape_html: bool, indent: str, depth: int
) -> None:
    if not items:
        out.append(brackets)
        return
    line = "\n" + indent * (depth + 1) if indent else ""
    out.append(brackets[0])
    for index, (label, item) in enumerate(items):
        out.append(("," if index else "") + line + label)
        _write(item, out, escape_html=escape_html, indent=indent, depth=depth + 1)
    out.append(("\n" + indent * depth if indent else "") + brackets[1])


def quoted(text: str, *, escape_html: bool) -> str:
    """A JSON string with encoding/json's escapes; bytes that are not UTF-8 become U+FFFD."""
    return (
        '"'
        + (_WITH_HTML if escape_html else _ALWAYS).sub(_escape, text if text.isascii() else decode(encode(text)))
        + '"'
    )


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if ESCAPED_BYTE.match(char):
        return "\\ufffd"
    return _SHORT.get(char) or _HTML_ESCAPES.get(char) or f"\\u{ord(char):04x}"


def number_text(number: float) -> str:
    """A float64 as encoding/json writes it.

    Raises:
        FunctionFailure: the number is not finite.
    """
    if not math.isfinite(number):
        raise FunctionFailure("a number is not finite")
    sign = "-" if math.copysign(1.0, number) < 0 else ""
    text = shortest_float(abs(number), 21, -6)
    # encoding/json writes e-9 where strconv writes e-09.
    return sign + re.sub(r"e-0(\d)$", r"e-\1", text)

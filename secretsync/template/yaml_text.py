"""YAML as sigs.k8s.io/yaml reads and writes it: through JSON, with the YAML 1.1 rules of go-yaml v2."""

from __future__ import annotations

import binascii
import functools
import math
import re
from typing import Any, Final

import yaml

from secretsync.template.budget import MAX_DATA_DEPTH, MAX_LIST_ITEMS
from secretsync.template.failures import FunctionFailure
from secretsync.template.gofmt import shortest_float, single_precision, sprintf
from secretsync.template.govalues import ESCAPED_BYTE, GoObject, NilList, NilStringList, decode, encode, runes
from secretsync.template.json_text import number_text

_BOOLEANS: Final = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False),
}
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_SPECIAL_FLOATS: Final = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INTEGER: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?"
)
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_ANCHOR: Final = re.compile(r"\*?([-\w]+)")
_SIMPLE_KEY: Final = 128
_LEADING_OCTETS: Final = ((2, 0xE0, 0xC0), (3, 0xF0, 0xE0), (4, 0xF8, 0xF0))
_OVERLONG: Final = frozenset(b"\xc0\xc1\xe0\xf0")
_SPECIAL_KEYS: Final = {"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}
_LINE_BREAK: Final = re.compile("[\r\n\x85\u2028\u2029]")
_LEADING_DIGITS: Final = re.compile(r"\d*")
_DIGITS: Final = 4000
_MAX_UINT64: Final = (1 << 64) - 1
_MIN_INT64: Final = -(1 << 63)
_STR_TAG: Final = "tag:yaml.org,2002:str"
_SCALAR_TAGS: Final = {f"tag:yaml.org,2002:{name}": name for name in ("int", "float", "bool", "null", "timestamp")}
_BINARY_TAG: Final = "tag:yaml.org,2002:binary"


class YamlFailure(FunctionFailure):
    """A text is not YAML; the message is the one go-yaml gives, which quotes nothing of the text."""


def resolve(text: str) -> object:
    """The value of a plain scalar: null, bool, int, float or the text itself."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _SPECIAL_FLOATS:
        return _SPECIAL_FLOATS[text]
    if text[0] not in "+-.0123456789":
        return text
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        number = _integer(plain)
        if _MIN_INT64 <= number <= _MAX_UINT64:
            return number
    return float(plain) if _FLOAT.fullmatch(plain) else text


def _integer(text: str) -> int:
    digits = text.lstrip("+-").lower()
    if digits.startswith(("0x", "0b", "0o")):
        number = int(digits, 0)
    else:
        number = int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)
    return -number if text.startswith("-") else number


def loads(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The document of a YAML text; integers stay int, map keys become strings as YAMLToJSON makes them.

    Raises:
        YamlFailure: the text is not YAML, has an unknown anchor, or nests too deeply.
    """
    escaped = ESCAPED_BYTE.search(text)
    if escaped is not None:
        raise YamlFailure(f"yaml: {_octet_problem(encode(text[escaped.start() :]))}")
    loader: Any = None
    try:
        loader = yaml.CSafeLoader(runes(text))
        node = _first_node(loader)
        return None if node is None else _Builder(loader).build(node, 0)
    except yaml.reader.ReaderError:
        raise YamlFailure("yaml: control characters are not allowed") from None
    except yaml.MarkedYAMLError as error:
        raise YamlFailure(_problem(error, runes(text))) from None
    except RecursionError:
        raise YamlFailure("yaml: exceeded max depth") from None
    finally:
        if loader is not None:
            loader.dispose()


def _octet_problem(data: bytes) -> str:
    """What go-yaml says of bytes that begin with no character of UTF-8."""
    lead = data[0]
    width = next((width for width, mask, mark in _LEADING_OCTETS if lead & mask == mark), 0)
    if not width:
        return "invalid leading UTF-8 octet"
    if width > len(data):
        return "incomplete UTF-8 octet sequence"
    if any(octet & 0xC0 != 0x80 for octet in data[1:width]):  # noqa: PLR2004 - how octets that follow begin
        return "invalid trailing UTF-8 octet"
    return "invalid length of a UTF-8 sequence" if lead in _OVERLONG else "invalid Unicode character"


def _first_node(loader: Any) -> Any:  # noqa: ANN401 - PyYAML has no types for its C loader
    if not loader.check_node():
        return None
    return loader.get_node()


def _problem(error: yaml.MarkedYAMLError, text: str) -> str:
    scanner = isinstance(error, yaml.scanner.ScannerError)
    line = 0
    for mark in (error.context_mark, error.problem_mark):
        if mark is not None and mark.line:
            line = mark.line + (1 if scanner else 0)
            break
    where = f"line {line}: " if line else ""
    problem = error.problem or "unknown problem parsing YAML content"
    if "undefined alias" in problem:
        anchor = _ANCHOR.match(text, error.problem_mark.index if error.problem_mark is not None else 0)
        return f"yaml: unknown anchor '{anchor.group(1) if anchor else ''}' referenced"
    return f"yaml: {where}{problem}"


class _Builder:
    """Values out of nodes; counts what aliases multiply."""

    def __init__(self, loader: Any) -> None:  # noqa: ANN401 - PyYAML has no types for its C loader
        self._nodes = 0
        self._loader = loader

    def build(self, node: yaml.Node, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        self._nodes += 1
        if self._nodes > MAX_LIST_ITEMS:
            raise YamlFailure("yaml: document contains excessive aliasing")
        if depth > MAX_DATA_DEPTH:
            raise YamlFailure("yaml: exceeded max depth")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        raise YamlFailure("yaml: unknown node")

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode) and not key_node.style and key_node.value == "<<":
                sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for source in reversed(sources):
                    if not isinstance(source, yaml.MappingNode):
                        raise YamlFailure("yaml: map merge requires map or sequence of maps as the value")
                    merged.update(self._mapping(source, depth + 1))
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlFailure("yaml: invalid map key")
            key, value = self._scalar(key_node), self.build(value_node, depth + 1)
            if key is None:
                raise YamlFailure(sprintf("unsupported map key of type: %%!s(<nil>), key: <nil>, value: %#v", (value,)))
            result[_key_text(key)] = value
        return {**merged, **result}

    def _scalar(self, node: yaml.ScalarNode) -> object:
        text = str(node.value)
        if node.tag == _BINARY_TAG:
            try:
                return decode(binascii.a2b_base64("".join(text.split()), strict_mode=True))
            except ValueError:
                raise YamlFailure("yaml: !!binary value contains invalid base64 data") from None
        if node.style:
            return resolve(text) if node.tag in _SCALAR_TAGS else text
        if node.tag == _STR_TAG and self._loader.resolve(yaml.ScalarNode, text, (True, False)) != _STR_TAG:
            return text  # an explicit !!str
        return resolve(text)


def _key_text(key: object) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, float):
        return _SPECIAL_KEYS.get(text := single_precision(key), text)
    return str(key)


class _Dumper(yaml.SafeDumper):
    """Block style, sorted keys, sequences not indented inside maps: go-yaml v2's layout."""

    def check_simple_key(self) -> bool:
        """Whether a key needs no ``?``: libyaml's rule, which PyYAML narrows for empty and for tagged ones."""
        if not isinstance(self.event, yaml.ScalarEvent):
            return bool(super().check_simple_key())
        text = self.event.value
        return len(text.encode()) <= _SIMPLE_KEY and not _LINE_BREAK.search(text)

    def ignore_aliases(self, _data: object) -> bool:
        return True


class _Scalar:
    """A scalar that is written with the given style."""

    __slots__ = ("style", "text")

    def __init__(self, text: str, style: str | None) -> None:
        self.text = text
        self.style = style


def _represent(_dumper: yaml.SafeDumper, scalar: _Scalar) -> yaml.Node:
    return yaml.ScalarNode(_STR_TAG, scalar.text, style=scalar.style)


_Dumper.add_representer(_Scalar, _represent)
# Every plain scalar is a string here: which ones need quotes is decided below, by go-yaml's rules.
_Dumper.yaml_implicit_resolvers = {}


def dumps(value: object) -> str:
    """yaml.Marshal without the final line end.

    Raises:
        FunctionFailure: a number is not finite, or the value nests too deeply.
    """
    text = yaml.dump(
        _prepared(value, 0), Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=80
    )
    return str(text).removesuffix("...\n").removesuffix("\n")


def _prepared(value: object, depth: int) -> object:
    if depth > MAX_DATA_DEPTH:
        raise FunctionFailure("the value nests too deeply")
    if isinstance(value, GoObject):
        value = value.to_json()
    if value is None or isinstance(value, (NilList, NilStringList)):
        return _Scalar("null", None)
    if isinstance(value, str):
        return _text(runes(value))
    if isinstance(value, bool):
        return _Scalar("true" if value else "false", None)
    if isinstance(value, (int, float)):
        return _Scalar(_number(value), None)
    if isinstance(value, dict):
        return {_text(runes(key)): _prepared(value[key], depth + 1) for key in sorted(value, key=_KEY_ORDER)}
    if isinstance(value, (list, bytes)):
        return [_prepared(item, depth + 1) for item in value]
    raise FunctionFailure("a value has no YAML form")


def _number(value: float) -> str:
    if not isinstance(value, float):
        return str(int(value))
    text = number_text(value)
    resolved = resolve(text)
    if isinstance(resolved, int):
        return str(resolved)
    return ("-" if value < 0 else "") + shortest_float(abs(value))


def _text(text: str) -> _Scalar:
    if not isinstance(resolve(text), str) or _BASE_60.fullmatch(text) or _TIMESTAMP.fullmatch(text):
        return _Scalar(text, '"')
    if _ASTRAL.search(text):
        return _Scalar(text, '"')
    return _Scalar(text, "|" if "\n" in text else None)


def _compare_keys(left: str, right: str) -> int:
    """go-yaml's order of keys: letters come after everything else, runs of digits compare by their number."""
    for index, (mine, other) in enumerate(zip(left, right, strict=False)):
        if mine == other:
            continue
        if mine.isalpha() or other.isalpha():
            if mine.isalpha() and other.isalpha():
                return -1 if mine < other else 1
            return -1 if other.isalpha() else 1
        return _compare_digits(left, right, index)
    return len(left) - len(right)


def _compare_digits(left: str, right: str, index: int) -> int:
    inside = False
    if "0" in (left[index], right[index]):
        before = index - 1
        while before >= 0 and left[before].isdecimal() and not inside:
            inside = left[before] != "0"
            before -= 1
    lead = "1" if inside else ""
    mine, other = (_LEADING_DIGITS.match(text, index).group() for text in (left, right))  # type: ignore[union-attr]
    mine_number, other_number = int((lead + mine)[:_DIGITS] or "0"), int((lead + other)[:_DIGITS] or "0")
    if mine_number != other_number:
        return -1 if mine_number < other_number else 1
    if len(mine) != len(other):
        return -1 if len(mine) < len(other) else 1
    return -1 if left[index] < right[index] else 1


_KEY_ORDER: Final = functools.cmp_to_key(_compare_keys)

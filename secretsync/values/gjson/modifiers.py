"""Path components that begin with ``@`` (a function of the value) or ``!`` (a literal in its place)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from secretsync.values import go_json, json_scan
from secretsync.values.gjson import pretty
from secretsync.values.gjson.path import trim
from secretsync.values.gjson.result import Result, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Descent(Protocol):
    """What a modifier may ask of the evaluation it is part of."""

    def select(self, text: bytes, path: bytes) -> Result:
        """What a path selects in a text."""

    def charge(self, size: int) -> None:
        """Account for that many bytes of work; raises when they are not allowed."""


def apply(text: bytes, path: bytes, descent: Descent) -> tuple[bytes, bytes] | None:
    """The text that the first component makes, and the path behind the component.

    Returns:
        None when the component is neither a modifier nor a literal, and so is to be read as a name.
    """
    return _literal(path) if path[0] == _EXCLAMATION else _modified(text, path, descent)


def _literal(path: bytes) -> tuple[bytes, bytes] | None:
    name = path[1:]
    if name[:1] in _LITERAL_STARTS:
        end = json_scan.group_end(name, 1)
        return name[:end], name[end:]
    ends = [end for end in (name.find(b"|"), name.find(b".")) if end >= 0]
    end = min(ends, default=len(name))
    if name[:end].lower() in _CONSTANTS:
        return name[:end], name[end:]
    return None


def _modified(text: bytes, path: bytes, descent: Descent) -> tuple[bytes, bytes] | None:
    end = 1
    while end < len(path) and path[end] not in _NAME_ENDS:
        end += 1
    function = _FUNCTIONS.get(path[1:end])
    if function is None:
        return None
    rest = path[end:]
    argument = b""
    if rest[:1] == b":":
        rest = rest[1:]
        if rest:
            end = _argument_end(rest)
            argument, rest = rest[:end], rest[end:]
    return function(text, argument, descent), rest


def _argument_end(rest: bytes) -> int:
    """The index behind a modifier's argument: one JSON value, or else anything up to a pipe."""
    if rest[0] in b'{["' and parse(rest).exists:
        return json_scan.value_end(rest, 0)
    position = 0
    while position < len(rest) and rest[position] != _PIPE:
        position = json_scan.value_end(rest, position) if rest[position] in b'{["(' else position + 1
    return position


def _options(argument: bytes) -> Iterator[tuple[bytes, Result]]:
    for key, value in parse(argument).each():
        yield key.string, value


def _pretty(text: bytes, argument: bytes, descent: Descent) -> bytes:
    style = pretty.Style()
    for name, value in _options(argument):
        match name:
            case b"sortKeys":
                style.sort_keys = value.boolean
            case b"indent":
                style.indent = bytes(byte for byte in value.string if byte in b" \t\r\n")
            case b"prefix":
                style.prefix = bytes(byte for byte in value.string if byte in b" \t\r\n")
            case b"width":
                style.width = pretty.width_of(value)
    return pretty.pretty(text, style, descent.charge)


def _ugly(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    return pretty.ugly(text)


def _this(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    return text


def _valid(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    return text if go_json.valid(text) else b""


def _reverse(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    value = parse(text)
    if value.is_array:
        elements = [element.raw for _, element in value.each()]
        return b"[" + b",".join(reversed(elements)) + b"]"
    if value.is_object:
        members = [key.raw + b":" + member.raw for key, member in value.each()]
        return b"{" + b",".join(reversed(members)) + b"}"
    return text


def _flatten(text: bytes, argument: bytes, descent: Descent) -> bytes:
    value = parse(text)
    if not value.is_array:
        return text
    deep = False
    for name, option in _options(argument):
        if name == b"deep":
            deep = option.boolean
    pieces: list[bytes] = []
    open_arrays = [value.each()]
    while open_arrays:
        for _, element in open_arrays[-1]:
            if element.is_array and deep:
                descent.charge(len(element.raw))
                open_arrays.append(element.each())
                break
            piece = (_unwrap(element.raw) if element.is_array else element.raw).strip()
            if piece:
                pieces.append(piece)
        else:
            open_arrays.pop()
    return b"[" + b",".join(pieces) + b"]"


def _join(text: bytes, argument: bytes, _descent: Descent) -> bytes:
    value = parse(text)
    if not value.is_array:
        return text
    preserve = False
    for name, option in _options(argument):
        if name == b"preserve":
            preserve = option.boolean
    objects = [element for _, element in value.each() if element.is_object]
    if preserve:
        return b"{" + b",".join(_unwrap(element.raw) for element in objects) + b"}"
    names: dict[bytes, bytes] = {}
    members: dict[bytes, bytes] = {}
    for element in objects:
        for key, member in element.each():
            names.setdefault(key.string, key.raw)
            members[key.string] = member.raw
    return b"{" + b",".join(names[name] + b":" + member for name, member in members.items()) + b"}"


def _keys(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    value = parse(text)
    is_object = value.is_object
    return b"[" + b",".join(key.raw if is_object else b"null" for key, _ in value.each()) + b"]"


def _values(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    value = parse(text)
    if value.is_array:
        return text
    return b"[" + b",".join(member.raw for _, member in value.each()) + b"]"


def _to_string(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    return go_json.dumps(text)


def _from_string(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    return parse(text).string if go_json.valid(text) else b""


def _group(text: bytes, _argument: bytes, _descent: Descent) -> bytes:
    value = parse(text)
    if not value.is_object:
        return b""
    groups: list[list[bytes]] = []
    for key, member in value.each():
        if not member.is_array:
            continue
        for index, (_, element) in enumerate(member.each()):
            if index == len(groups):
                groups.append([])
            groups[index].append(key.raw + b":" + element.raw)
    return b"[" + b",".join(b"{" + b",".join(members) + b"}" for members in groups) + b"]"


def _dig(text: bytes, argument: bytes, descent: Descent) -> bytes:
    found: list[bytes] = []
    start = parse(text)
    open_values: list[Iterator[tuple[Result, Result]]] = [iter(((Result(), start),))]
    while open_values:
        for _, value in open_values[-1]:
            result = descent.select(value.raw, argument)
            if result.exists:
                found.append(result.raw)
            if value.is_array or value.is_object:
                descent.charge(len(value.raw))
                open_values.append(value.each())
                break
        else:
            open_values.pop()
    return b"[" + b",".join(found) + b"]"


def _unwrap(text: bytes) -> bytes:
    """An array's or object's text without its brackets."""
    text = trim(text)
    return text[1:-1] if len(text) > 1 and text[0] in b"[{" else text


_EXCLAMATION: Final = ord("!")
_PIPE: Final = ord("|")
_NAME_ENDS: Final = frozenset(b":|.")
_LITERAL_STARTS: Final = tuple(bytes((byte,)) for byte in b'{["+-0123456789')
_CONSTANTS: Final = frozenset((b"true", b"false", b"null", b"nan", b"inf"))
_FUNCTIONS: Final[dict[bytes, Callable[[bytes, bytes, Descent], bytes]]] = {
    b"pretty": _pretty,
    b"ugly": _ugly,
    b"reverse": _reverse,
    b"this": _this,
    b"flatten": _flatten,
    b"join": _join,
    b"valid": _valid,
    b"keys": _keys,
    b"values": _values,
    b"tostr": _to_string,
    b"fromstr": _from_string,
    b"group": _group,
    b"dig": _dig,
}

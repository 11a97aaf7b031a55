"""sprig's functions on URLs and semantic versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_from_bytes

from secretsync.template.failures import FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.govalues import decode, encode
from secretsync.template.versions import Constraints, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_ASCII_ESCAPE: Final = re.compile(r"%(?!25)[0-7]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_USERINFO: Final = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_PORT: Final = re.compile(r"(?::\d*)?")
_PATH_UNESCAPED: Final = "$&+,/:;=@"
_PARTS: Final = ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo")


def _unescape(text: str, *, what: str) -> str:
    if _ESCAPE.search(text):
        raise FunctionFailure(f"the {what} of the URL has a wrong percent escape")
    if "%" not in text:
        return text
    data = re.sub(rb"%([0-9a-fA-F]{2})", lambda match: bytes([int(match.group(1), 16)]), encode(text))
    return decode(data)


def parse_url(text: str) -> dict[str, Any]:
    """net/url.Parse as the map of sprig's urlParse.

    Raises:
        FunctionFailure: the text is no URL.
    """
    if _CONTROL.search(text):
        raise FunctionFailure("the URL has a control character")
    rest, _, raw_fragment = text.partition("#")
    result: dict[str, Any] = dict.fromkeys(("scheme", "host", "hostname", "path", "query", "opaque", "fragment"), "")
    result["fragment"] = _unescape(raw_fragment, what="fragment")
    result["userinfo"] = ""
    if rest.startswith(":"):
        raise FunctionFailure("the URL has no protocol scheme")
    scheme = _SCHEME.fullmatch(rest)
    if scheme:
        result["scheme"] = scheme.group(1).lower()
        rest = scheme.group(2)
    rest, _, result["query"] = rest.partition("?")
    if not rest.startswith("/"):
        if result["scheme"]:
            result["opaque"] = rest
            return result
        if ":" in rest.split("/", 1)[0]:
            raise FunctionFailure("the first path segment of the URL has a colon")
    if (result["scheme"] or not rest.startswith("///")) and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        _parse_authority(authority, result)
    result["path"] = _unescape(rest, what="path")
    return result


def _parse_authority(authority: str, result: dict[str, Any]) -> None:
    userinfo, at, host = authority.rpartition("@")
    if at:
        if not _USERINFO.fullmatch(userinfo):
            raise FunctionFailure("the user information of the URL is not valid")
        result["userinfo"] = _userinfo(userinfo)
    if host.startswith("["):
        closing = host.rfind("]")
        if closing < 0 or not _PORT.fullmatch(host[closing + 1 :]):
            raise FunctionFailure("the host of the URL is not valid")
        result["host"] = host
        result["hostname"] = host[1:closing]
        return
    name, colon, port = host.rpartition(":")
    if colon and not (port.isascii() and (port.isdigit() or not port)):
        raise FunctionFailure("the port of the URL is not valid")
    if _ASCII_ESCAPE.search(host):
        raise FunctionFailure("the host of the URL has a percent escape that is not allowed there")
    plain = _unescape(host, what="host")
    if any(char in ' "<>^`{|}\\' for char in plain):
        raise FunctionFailure("the host of the URL is not valid")
    result["host"] = plain
    result["hostname"] = _unescape(name, what="host") if colon else plain


def _userinfo(text: str) -> str:
    user, colon, password = text.partition(":")
    shown = _escape(_unescape(user, what="user"), "$&+,;=")
    return f"{shown}:{_escape(_unescape(password, what='user'), '$&+,;=')}" if colon else shown


def _escape(text: str, safe: str) -> str:
    return quote_from_bytes(encode(text), safe=safe)


def _part(parts: dict[str, Any], name: str) -> str:
    value = parts.get(name, "")
    if not isinstance(value, str):
        raise FunctionFailure(f"the {name} of the URL is not a string")
    return value


def join_url(parts: dict[str, Any]) -> str:
    """net/url.URL.String of the map of sprig's urlJoin.

    Raises:
        FunctionFailure: a part is no string, or the user information is not valid.
    """
    scheme, host, path, query, opaque, fragment, userinfo = (_part(parts, name) for name in _PARTS)
    user = ""
    if userinfo:
        user = str(parse_url(f"proto://{userinfo}@host")["userinfo"])
    out = scheme + ":" if scheme else ""
    if opaque:
        out += opaque
    else:
        if scheme or host or userinfo:
            out += "//" if host or path or userinfo else ""
            out += f"{user}@" if userinfo else ""
            out += _escape_host(host)
        shown = _escape_path(path)
        if shown and not shown.startswith("/") and host:
            out += "/"
        if not out:
            segment = shown.split("/", 1)[0]
            out += "./" if ":" in segment else ""
        out += shown
    if query:
        out += "?" + query
    if fragment:
        out += "#" + _escape(fragment, "!$&'()*+,/:;=?@")
    return out


def _escape_path(path: str) -> str:
    if path == "*":
        return "*"
    return _escape(path, _PATH_UNESCAPED)


def _escape_host(host: str) -> str:
    return quote_from_bytes(encode(host), safe="!$&'()*+,;=:[]<>\"") if host else ""


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield from define("URLs", "(string) map[string]any", "urlParse", parse_url)
    yield from define("URLs", "(map[string]any) string", "urlJoin", join_url)
    family = "semantic versions"
    yield from define(family, "(string) *semver.Version", "semver", Version.parse)
    yield from define(
        family,
        "(string, string) bool",
        "semverCompare",
        lambda constraint, version: Constraints(constraint).admit(Version.parse(version)),
        text_weight=128,
    )

"""Rendering: the one way into the template engine."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from secretsync.errors import TemplateError
from secretsync.template import yaml_text
from secretsync.template.compiling import Program
from secretsync.template.failures import BudgetExceeded, ExecutionFailure, FunctionFailure
from secretsync.template.gofmt import single_precision
from secretsync.template.govalues import StringMap, decode, encode
from secretsync.template.parsing import ParsedTemplate, SyntaxFailure, parse
from secretsync.template.registry import FUNCTIONS, NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHED_TEMPLATES: Final = 512
"""How many templates stay parsed; the least recently used one goes first."""


@functools.lru_cache(maxsize=CACHED_TEMPLATES)
def parsed(template: str) -> ParsedTemplate:
    """The parse tree of a template, from a cache.

    Raises:
        SyntaxFailure: it does not parse.
    """
    return parse(template, NAMES)


@functools.lru_cache(maxsize=CACHED_TEMPLATES)
def _program(template: str, missing_keys: bool) -> Program:  # noqa: FBT001 - a key of the cache
    try:
        return Program(template, FUNCTIONS, parsed(template), missing_keys=missing_keys)
    except RecursionError:
        raise SyntaxFailure("the template nests too deeply", 0) from None


def render(
    template: str, data: Mapping[str, str | bytes], *, name: str = "template", missing_keys: bool = False
) -> bytes:
    """Render a Go template with sprig's and ESO's functions.

    Args:
        template: the text of the template.
        data: the root, Go's ``map[string]string``; bytes need not be UTF-8.
        name: what errors call the template, e.g. the key of the Secret it makes.
        missing_keys: whether a key that is not there is nothing, as in the transform of a rewrite, instead of an error.

    Returns:
        The rendered bytes.

    Raises:
        TemplateError: it does not parse, does not execute, or exceeds `secretsync.template.budget`; the message names
            the template, the line and the missing key or function, never a value.
    """
    try:
        program = _program(template, missing_keys)
        root = StringMap()
        for key, value in data.items():
            root[key] = value if isinstance(value, str) else decode(value)
        return program.render(root)
    except ExecutionFailure as failure:
        raise template_error(failure, template, name) from None
    except UnicodeEncodeError:
        raise TemplateError(
            "the template or its data has a character that no UTF-8 text can hold",
            place=f"template {name}",
            remedy="remove the surrogate character",
        ) from None


def template_error(failure: ExecutionFailure, template: str, name: str) -> TemplateError:
    """A failure with its place in the template and what to do about it."""
    place = f"template {name}"
    if failure.position >= 0:
        source = template.encode("utf-8", "replace")
        line = source.count(b"\n", 0, failure.position) + 1
        place += f", line {line}"
    if isinstance(failure, SyntaxFailure):
        remedy = "correct the syntax of the Go template"
    elif isinstance(failure, BudgetExceeded):
        remedy = "make the template smaller; a rendering is bounded in steps, depth and size"
    elif "has no key" in failure.problem:
        remedy = "provide the key, or read it with index, which gives an empty value"
    else:
        remedy = "check the function and the types of its arguments"
    return TemplateError(failure.problem, place=place, remedy=remedy)


def render_mapping(template: str, data: Mapping[str, str | bytes], *, name: str = "template") -> dict[str, bytes]:
    """Render a template and read the result as a YAML map (templateFrom, KeysAndValues).

    Scalars become text: integers as they are, other numbers through a 32-bit float, booleans as true and false,
    null as nothing (ESO v2.9.0).

    Args:
        template: the text of the template.
        data: the root.
        name: what errors call the template.

    Returns:
        The map; empty where the rendered text is empty.

    Raises:
        TemplateError: as `render`, and where the rendered text is not a YAML map of scalars.
    """
    place = f"template {name}"
    remedy = "make the template render `key: value` lines, with values quoted by `quote` or `toJson`"
    text = decode(render(template, data, name=name))
    try:
        value = yaml_text.loads(text)
    except FunctionFailure:
        raise TemplateError("the rendered text is not YAML", place=place, remedy=remedy) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TemplateError("the rendered text is not a YAML map", place=place, remedy=remedy)
    return {key: _scalar_bytes(item, place, remedy) for key, item in value.items()}


def _scalar_bytes(value: object, place: str, remedy: str) -> bytes:
    if isinstance(value, str):
        return encode(value)
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, float):
        return single_precision(value).encode()
    raise TemplateError("a value of the rendered map is a map or a list itself", place=place, remedy=remedy)

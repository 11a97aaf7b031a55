"""Walks through the inputs of a resource, JSON texts inside included, and changes of one place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.policy.resources import Given

Path = tuple[str | int, ...]


def everywhere(value: object, path: Path = ()) -> Iterator[Path]:
    """Paths of everything inside a value, containers before what they hold."""
    members: Iterator[tuple[str | int, Any]]
    if isinstance(value, dict):
        members = iter(value.items())
    elif isinstance(value, list):
        members = iter(enumerate(value))
    else:
        return
    for key, each in members:
        yield (*path, key)
        yield from everywhere(each, (*path, key))


def texts(value: object, path: Path = ()) -> Iterator[Path]:
    """Paths of every text; a text that is JSON is walked through instead."""
    if isinstance(value, str):
        document = _document(value)
        if document is None:
            yield path
        else:
            yield from texts(document, path)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from texts(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from texts(each, (*path, index))


def changed(given: Given, path: Path, change: Callable[[Any], Any]) -> Given:
    """The resource with something else at a path."""
    return replace(given, inputs=_changed(given.inputs, path, change))


def dotted(path: Path) -> str:
    """As rules write it: ``spec.data[0].key``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _document(text: str) -> dict[str, Any] | list[Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict | list) and document else None


def _changed(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    if isinstance(value, str):
        return json.dumps(_changed(json.loads(value), path, change))
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {key: _changed(each, rest, change) if key == step else each for key, each in value.items()}
    return [_changed(each, rest, change) if index == step else each for index, each in enumerate(value)]

"""Fields that the models do not know, and nulls that mean the same as absence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsync.api import shape
from secretsync.api.kinds import KINDS
from secretsync.api.metadata import ObjectMeta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api.base import JsonObject, Model


def unknown_fields(obj: JsonObject) -> list[str]:
    """Dotted paths of the fields that no model knows, e.g. ``spec.data[0].remoteRef.proprety``; in the object's order.

    An object of a kind that is not served has none: `secretsync.api.parse` says what is wrong with it.
    """
    model = KINDS.get((str(obj.get("apiVersion")), str(obj.get("kind"))))
    return [] if model is None else list(_unknown(obj, shape.Shape(model=model), ""))


def known_fields(model: type[Model]) -> tuple[str, ...]:
    """The JSON names of the fields that a model knows."""
    return tuple(shape.fields(model))


def model_at(obj: JsonObject, path: str) -> type[Model] | None:
    """The model of the object that the dotted path leads to, where it has one."""
    at = shape.Shape(model=KINDS.get((str(obj.get("apiVersion")), str(obj.get("kind")))))
    for step in path.replace("[", ".[").split("."):
        if not step:
            continue
        if step.startswith("["):
            below = at.items
        elif at.model is not None:
            below = shape.fields(at.model).get(step)
        else:
            below = at.values
        if below is None:
            return None
        at = below
    return at.model


def _unknown(value: Any, at: shape.Shape, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        if at.model is not None:
            known = shape.fields(at.model)
            for key, item in value.items():
                below = known.get(key)
                field = f"{path}.{key}" if path else str(key)
                if below is None:
                    yield field
                elif below.model is not ObjectMeta or isinstance(item, dict):
                    yield from _unknown(item, below, field)
        elif at.values is not None:
            for key, item in value.items():
                yield from _unknown(item, at.values, f"{path}.{key}")
    elif isinstance(value, list) and at.items is not None:
        for index, item in enumerate(value):
            yield from _unknown(item, at.items, f"{path}[{index}]")


def without_nulls(value: Any, at: shape.Shape) -> Any:  # noqa: ANN401 - any JSON value
    """The value without object fields that are null: the API server drops them too. Raw JSON is left as it is."""
    if isinstance(value, dict):
        if at.model is not None:
            known = shape.fields(at.model)
            return {
                key: without_nulls(item, known.get(key, shape.LEAF)) for key, item in value.items() if item is not None
            }
        if at.values is not None:
            return {key: without_nulls(item, at.values) for key, item in value.items() if item is not None}
    if isinstance(value, list) and at.items is not None:
        return [without_nulls(item, at.items) for item in value]
    return value

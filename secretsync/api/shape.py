"""The shape of a model: which JSON fields it knows and what lies below them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from secretsync.api.base import Model


@dataclass(frozen=True, slots=True)
class Shape:
    """What may lie below a field.

    Attributes:
        model: the model of an object with fixed fields.
        items: the shape of each element of an array.
        values: the shape of each value of a map with free keys.
    """

    model: type[Model] | None = None
    items: Shape | None = None
    values: Shape | None = None


LEAF = Shape()
"""A scalar, or raw JSON that is not looked into."""


@cache
def fields(model: type[Model]) -> dict[str, Shape]:
    """The JSON fields of a model and their shapes."""
    return {field.alias or name: _shape(field.annotation) for name, field in model.model_fields.items()}


def _shape(annotation: Any) -> Shape:  # noqa: ANN401 - any annotation a field may have
    if get_origin(annotation) is Annotated:
        return _shape(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        options = [option for option in get_args(annotation) if option is not NoneType]
        return _shape(options[0]) if len(options) == 1 else LEAF
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return Shape(model=annotation)
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple:
        return Shape(items=_shape(arguments[0]))
    if get_origin(annotation) is dict and arguments[1] is not Any:
        return Shape(values=_shape(arguments[1]))
    return LEAF

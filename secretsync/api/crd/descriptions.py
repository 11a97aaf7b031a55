"""The sentences below the attributes of the models, read from their source; they become descriptions in the CRDs."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretsync.api.base import Model


def of_model(model: type[Model]) -> str:
    """The first sentence about a model."""
    return inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


@cache
def of_fields(model: type[Model]) -> dict[str, str]:
    """Attribute name → what is said about it in the source of the model; attributes without a word are left out."""
    for statement in _module(model.__module__).body:
        if isinstance(statement, ast.ClassDef) and statement.name == model.__name__:
            return dict(_documented(statement))
    return {}


@cache
def _module(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[name]))


def _documented(definition: ast.ClassDef) -> list[tuple[str, str]]:
    found = []
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            found.append((statement.target.id, " ".join(following.value.value.split())))
    return found

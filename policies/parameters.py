"""What a rule's configuration may say, with types and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pulumi_policy import PolicyConfigSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """One property of a rule's configuration.

    Attributes:
        name: its key in the configuration file.
        default: what holds where the file does not say.
        schema: its JSON schema, description included.
    """

    name: str
    default: T
    schema: Mapping[str, Any]

    def of(self, config: Mapping[str, Any]) -> T:
        """Its value in a rule's configuration; the engine has checked that against the schema."""
        found: T = config.get(self.name, self.default)
        return found


def number(name: str, default: float, meaning: str, *, minimum: float = 0) -> Parameter[float]:
    """A number."""
    return Parameter(name, default, {"type": "number", "minimum": minimum, "description": meaning, "default": default})


def flag(name: str, meaning: str, *, default: bool) -> Parameter[bool]:
    """True or false."""
    return Parameter(name, default, {"type": "boolean", "description": meaning, "default": default})


def text(name: str, default: str, meaning: str) -> Parameter[str]:
    """A text."""
    return Parameter(name, default, {"type": "string", "description": meaning, "default": default})


def names(name: str, default: Sequence[str], meaning: str) -> Parameter[list[str]]:
    """A list of texts."""
    items = {"type": "string", "minLength": 1}
    return Parameter(
        name, list(default), {"type": "array", "items": items, "description": meaning, "default": list(default)}
    )


def names_by_key(name: str, meaning: str) -> Parameter[dict[str, list[str]]]:
    """A map of lists of texts, empty by default."""
    lists = {"type": "array", "items": {"type": "string"}}
    return Parameter(name, {}, {"type": "object", "additionalProperties": lists, "description": meaning, "default": {}})


def schema(parameters: Sequence[Parameter[Any]]) -> PolicyConfigSchema | None:
    """The schema of a rule's configuration; None for a rule without parameters."""
    if not parameters:
        return None
    return PolicyConfigSchema({parameter.name: dict(parameter.schema) for parameter in parameters})

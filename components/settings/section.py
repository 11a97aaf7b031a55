"""What the sections of the configuration share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

DnsName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
ObjectName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9.-]+/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=317)
]


def camel(name: str) -> str:
    """A field's name as the stack file spells it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Section(BaseModel):
    """Frozen, camelCase in the stack file, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, alias_generator=camel)

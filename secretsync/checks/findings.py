"""What a preview has to say about a declaration, one sentence at a time; never with a value in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs.

    Error: the sync would fail, or would do harm that nobody asked for. Warning: it works, but perhaps not as its author
    thinks. Unknown: it cannot be told now, which is no pass. Note: worth knowing.
    """

    Error = "error"
    Warning = "warning"
    Unknown = "unknown"
    Note = "note"


class Check(StrEnum):
    """The checks, by the name that findings carry; `catalog` describes each."""

    Declaration = "declaration"
    Store = "store"
    Permission = "permission"
    Key = "key"
    Property = "property"
    Version = "version"
    Value = "value"
    Generator = "generator"
    Find = "find"
    Template = "template"
    Keys = "keys"
    Collision = "collision"
    Size = "size"
    Type = "type"
    Immutable = "immutable"
    Namespace = "namespace"
    Target = "target"
    Owner = "owner"
    Takeover = "takeover"
    Conflict = "conflict"
    Volatile = "volatile"
    Deletion = "deletion"
    Workloads = "workloads"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about one declaration.

    Attributes:
        check: which check it comes from.
        severity: how much it weighs.
        place: ``manifests/x.yaml:12, spec.data[0]`` or ``ExternalSecret ns/name, spec.data[0]``.
        problem: what is found, in one sentence without a final period.
        remedy: what to do next, in one sentence without a final period; may be empty.
        external_secret: ``namespace/name`` of the declaration.
    """

    check: Check
    severity: Severity
    place: str
    problem: str
    remedy: str = ""
    external_secret: str = ""

    def __str__(self) -> str:
        head = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{head}; {self.remedy}" if self.remedy else head

"""What is wrong or surprising about a declaration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """error: the object is refused. warning: it works, but perhaps not as its author thinks."""

    error = "error"
    warning = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about one field.

    Attributes:
        field: dotted path of the field, e.g. ``spec.data[0].remoteRef.key``; empty for the object as a whole.
        message: what is wrong, without a value that may be secret.
        remedy: what to do about it.
        severity: whether the object is refused.
    """

    field: str
    message: str
    remedy: str
    severity: Severity = Severity.error

    def __str__(self) -> str:
        head = f"{self.field}: {self.message}" if self.field else self.message
        return f"{head}; {self.remedy}" if self.remedy else head

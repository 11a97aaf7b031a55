"""Declarations that no policy can grant without granting more: collected, and raised as one error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsync.errors import StoreInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Refusal:
    """One declaration that is not granted.

    Attributes:
        place: who asks for it, e.g. ``ExternalSecret demo/db, spec.data[0]``, or the store.
        problem: why it is not granted, in one sentence without a final period.
        remedy: what to do next.
    """

    place: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}; {self.remedy}"


class AccessRefused(StoreInvalid):
    """What a store's ExternalSecrets declare cannot be granted as it stands.

    Attributes:
        refusals: all that is wrong, in the order of the declarations; at least one.
    """

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("\n".join(str(refusal) for refusal in self.refusals))


@dataclass(slots=True)
class Refusals:
    """Collects refusals while a store is compiled.

    Attributes:
        found: those so far.
    """

    found: list[Refusal] = field(default_factory=list)

    def add(self, place: str, problem: str, remedy: str) -> None:
        """Note one; the same one is noted once."""
        refusal = Refusal(place, problem, remedy)
        if refusal not in self.found:
            self.found.append(refusal)

    def raise_any(self) -> None:
        """Raise what was noted.

        Raises:
            AccessRefused: something was.
        """
        if self.found:
            raise AccessRefused(self.found)

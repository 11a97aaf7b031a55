"""One declaration under examination: what is known of it beforehand, and how findings about it are worded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsync.checks.findings import Check, Finding, Severity
from secretsync.checks.options import Options, Previous, adopts
from secretsync.sync import target
from secretsync.workloads.marks import asks_for_rollout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsync.api import ExternalSecret
    from secretsync.errors import SecretSyncError

SHOWN = 20
"""How many names a message lists at most."""


def identity(external_secret: ExternalSecret) -> str:
    """``namespace/name``."""
    return f"{external_secret.metadata.namespace}/{external_secret.metadata.name}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A declaration, what is remembered of it, and how it is to be examined.

    Attributes:
        external_secret: the declaration.
        previous: what is remembered of its last sync; None for a new one.
        options: how to examine.
    """

    external_secret: ExternalSecret
    previous: Previous | None = None
    options: Options = field(default_factory=Options)

    @property
    def name(self) -> str:
        """``namespace/name`` of the declaration."""
        return identity(self.external_secret)

    @property
    def namespace(self) -> str:
        """Its namespace, which is that of its target."""
        return self.external_secret.metadata.namespace

    @property
    def target(self) -> str:
        """``namespace/name`` of the Secret it writes."""
        return f"{self.namespace}/{target.target_name(self.external_secret)}"

    @property
    def adopts(self) -> bool:
        """Whether it may take over what somebody else made."""
        return adopts(self.external_secret)

    @property
    def restarts(self) -> bool:
        """Whether the program restarts the workloads that ask for it."""
        return self.options.restarts or asks_for_rollout(self.external_secret.metadata.annotations)

    @property
    def settled(self) -> bool:
        """Whether nothing that it needs is still to be made by the same program."""
        return not self.options.makes_first or (self.previous is not None and self.previous.settled)

    @property
    def wrote_before(self) -> bool:
        """Whether its last sync wrote this same target."""
        return self.previous is not None and self.previous.target == self.target

    def finding(self, check: Check, severity: Severity, path: str, problem: str, remedy: str = "") -> Finding:
        """A finding about a field, e.g. ``spec.data[0]``; an empty path means the declaration as a whole."""
        return Finding(check, severity, self._place(path), problem, remedy, self.name)

    def error(self, check: Check, path: str, problem: str, remedy: str = "") -> Finding:
        """A finding that the sync would fail, or do harm."""
        return self.finding(check, Severity.Error, path, problem, remedy)

    def warning(self, check: Check, path: str, problem: str, remedy: str = "") -> Finding:
        """A finding that something may be meant otherwise."""
        return self.finding(check, Severity.Warning, path, problem, remedy)

    def note(self, check: Check, path: str, problem: str, remedy: str = "") -> Finding:
        """A finding that is worth knowing."""
        return self.finding(check, Severity.Note, path, problem, remedy)

    def unknown(self, check: Check, path: str, problem: str, remedy: str = "") -> Finding:
        """A finding that something cannot be told."""
        return self.finding(check, Severity.Unknown, path, problem, remedy)

    def absent(self, check: Check, path: str, problem: str, remedy: str = "") -> Finding:
        """A finding about what the same program may make first: an error only where it was there before."""
        if self.settled:
            return self.error(check, path, problem, remedy)
        return self.unknown(check, path, f"{problem}, unless this program makes it first", remedy)

    def _place(self, path: str) -> str:
        head = f"ExternalSecret {self.name}"
        if self.options.place is not None:
            head = self.options.place(self.external_secret, path)
        return f"{head}, {path}" if path else head


def told(error: SecretSyncError) -> str:
    """What an error says, without its remedy."""
    return f"{error.place}: {error.problem}" if error.place else error.problem


def listed(names: Iterable[object], *, limit: int = SHOWN) -> str:
    """Names in one line, sorted, the first of them if they are many."""
    ordered = sorted(map(str, names))
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return ", ".join(ordered[:limit]) + more

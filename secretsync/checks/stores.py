"""Whether the stores of a declaration are there, admit it, and can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.checks.findings import Check
from secretsync.checks.subject import told
from secretsync.errors import (
    ClusterDenied,
    ClusterUnavailable,
    ProviderUnavailable,
    RemoteRefError,
    SecretSyncError,
    StoreError,
    StoreNotAllowed,
    StoreNotFound,
)
from secretsync.providers.protocol import Invalid
from secretsync.sync.plan import GeneratorEntry
from secretsync.sync.stores import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretsync.api import StoreRef
    from secretsync.checks.findings import Finding
    from secretsync.checks.reading import Read
    from secretsync.checks.shared import Shared
    from secretsync.checks.subject import Subject
    from secretsync.providers.protocol import Provider


@dataclass(frozen=True, slots=True)
class _Asked:
    """One store, and what the entries that read it got.

    Attributes:
        ref: the store.
        reads: its entries, in order; at least one.
    """

    ref: StoreRef
    reads: tuple[Read, ...]

    @property
    def field(self) -> str:
        """Where the declaration names the store."""
        return self.reads[0].entry.field

    @property
    def provider(self) -> Provider | None:
        """The opened store; None where it could not be opened."""
        return self.reads[0].answer.provider

    @property
    def errors(self) -> tuple[SecretSyncError, ...]:
        """Why the backend gave no answer; that there is no such secret or version is one."""
        results = (each.answer.result for each in self.reads)
        return tuple(
            result
            for result in results
            if isinstance(result, SecretSyncError) and not isinstance(result, RemoteRefError)
        )

    @property
    def answered(self) -> bool:
        """Whether the backend answered any of them; what it answered proves the store."""
        return len(self.errors) < len(self.reads)


async def check(subject: Subject, reads: Sequence[Read], shared: Shared) -> tuple[list[Finding], frozenset[str]]:
    """What is wrong with stores, one finding for each, and the fields of the entries that it explains.

    A store whose backend answers is not asked further. Where none of its entries is answered, `validate` tells whether
    that is the store's fault or that of the single entries.
    """
    findings: list[Finding] = []
    explained: set[str] = set()
    for asked in _stores(reads):
        if asked.answered:
            continue
        found = await _finding(subject, asked, shared)
        if found is not None:
            findings.append(found)
            explained.update(each.entry.field for each in asked.reads)
    return findings, frozenset(explained)


def _stores(reads: Iterable[Read]) -> list[_Asked]:
    by_store: dict[tuple[str, str], list[Read]] = {}
    refs: dict[tuple[str, str], StoreRef] = {}
    for each in reads:
        if not isinstance(each.entry, GeneratorEntry):
            ref = each.entry.store
            identity = (str(ref.kind), ref.name or "")
            refs.setdefault(identity, ref)
            by_store.setdefault(identity, []).append(each)
    return [_Asked(refs[identity], tuple(found)) for identity, found in by_store.items()]


async def _finding(subject: Subject, asked: _Asked, shared: Shared) -> Finding | None:
    place = describe(asked.ref, subject.namespace)
    first = asked.errors[0]
    if asked.provider is None or all(isinstance(error, StoreError) for error in asked.errors):
        return await _unusable(subject, asked, place, first, shared)
    if all(isinstance(error, ProviderUnavailable) for error in asked.errors):
        return _unreachable(subject, asked, place, first)
    validity = await shared.validity(asked.provider)
    if isinstance(validity, SecretSyncError):
        return await _unusable(subject, asked, place, validity, shared)
    if isinstance(validity, Invalid):
        problem = f"{place} does not work: {validity.reason}"
        return subject.absent(Check.Store, asked.field, problem, "see the spec of the store and what it refers to")
    return None


async def _unusable(subject: Subject, asked: _Asked, place: str, error: SecretSyncError, shared: Shared) -> Finding:
    problem = _with_place(error, place)
    if isinstance(error, ClusterUnavailable | ClusterDenied):
        return subject.unknown(Check.Store, asked.field, f"{place} cannot be looked at: {told(error)}", error.remedy)
    if isinstance(error, StoreNotFound) and subject.options.stores:
        return subject.error(Check.Store, asked.field, problem, error.remedy)  # all that the program makes are given
    if isinstance(error, StoreNotAllowed) and await shared.namespace_exists(subject.namespace) is True:
        return subject.error(Check.Store, asked.field, problem, error.remedy)  # otherwise its labels are still to come
    return subject.absent(Check.Store, asked.field, problem, error.remedy)


def _unreachable(subject: Subject, asked: _Asked, place: str, error: SecretSyncError) -> Finding:
    problem = f"{_with_place(error, place)}, so nothing of it is known"
    return subject.unknown(Check.Store, asked.field, problem, error.remedy)


def _with_place(error: SecretSyncError, place: str) -> str:
    return told(error) if place in error.place else f"{place}: {told(error)}"

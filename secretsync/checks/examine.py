"""All questions of a preview, for many declarations at once, from reads that they share with the sync."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secretsync.checks import collisions, declared, remote, searches, stores, targets, templates, volatility
from secretsync.checks.findings import Check, Finding, Severity
from secretsync.checks.options import Options
from secretsync.checks.reading import merged, read
from secretsync.checks.shared import Shared
from secretsync.checks.subject import Subject, identity, told
from secretsync.errors import SecretSyncError, TargetError
from secretsync.sync import lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsync.api import ExternalSecret
    from secretsync.checks.options import Previous
    from secretsync.checks.reading import Read
    from secretsync.checks.targets import Live
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.fetching import FetchWindow
    from secretsync.sync.lane import Observation
    from secretsync.sync.types import TargetContent

_ORDER = {severity: index for index, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Examined:
    """What a preview found about one declaration.

    Attributes:
        findings: all of them, errors first.
        observation: what upstream and the cluster hold, as `lane.observe` tells it; None where it could not be made,
            and then there is at least one finding that is an error or unknown.
    """

    findings: tuple[Finding, ...]
    observation: Observation | None

    def of(self, *severities: Severity) -> tuple[Finding, ...]:
        """The findings of some severities."""
        return tuple(finding for finding in self.findings if finding.severity in severities)


async def examine(
    external_secrets: Sequence[ExternalSecret],
    *,
    cluster: Cluster,
    fetches: FetchWindow,
    key: bytes,
    not_before: float,
    previous: Mapping[str, Previous] | None = None,
    options: Options | None = None,
    shared: Shared | None = None,
) -> Mapping[str, Examined]:
    """Everything that can be said about declarations before anything is written.

    Args:
        external_secrets: the declarations.
        cluster: where the targets are, and what templates read.
        fetches: where values come from; a sync that is given the same window reads nothing again.
        key: the fingerprint's key.
        not_before: how fresh a shared read must be, on the clock of `fetches`.
        previous: by `identity`, what is remembered of the last sync; none for a declaration that is new.
        options: how to examine.
        shared: given where several examinations belong to one preview or update, so that they share answers.

    Returns:
        By `identity`, one entry for each declaration. No `SecretSyncError` leaves this function.
    """
    shared = shared or Shared(cluster)
    options = options or Options()
    remembered = previous or {}
    subjects = [Subject(each, remembered.get(identity(each)), options) for each in external_secrets]
    window = _Window(fetches, key, not_before)
    results = await asyncio.gather(*(_examined(subject, window, shared) for subject in subjects))
    examined = {subject.name: result for subject, result in zip(subjects, results, strict=True)}
    for finding in declared.conflicts(external_secrets, options.place):
        each = examined[finding.external_secret]
        examined[finding.external_secret] = replace(each, findings=_ordered((*each.findings, finding)))
    return examined


@dataclass(frozen=True, slots=True)
class _Window:
    """Where values come from, and what makes a fingerprint of them; the key is masked in the repr."""

    fetches: FetchWindow
    key: bytes
    not_before: float

    def __repr__(self) -> str:
        return "_Window(***)"


async def _examined(subject: Subject, window: _Window, shared: Shared) -> Examined:
    looked, reads = await asyncio.gather(targets.look(subject, shared), _read(subject, window, shared))
    if isinstance(reads, SecretSyncError):
        finding = subject.error(Check.Declaration, reads.place, reads.problem, reads.remedy)
        return Examined((finding,), None)
    findings, explained = await stores.check(subject, reads, shared)
    findings += await remote.check(subject, reads, explained)
    findings += collisions.check(subject, reads)
    findings += searches.check(subject, reads)
    findings += volatility.pins(subject, reads)
    rendered = await templates.check(subject, reads, shared.cluster)
    findings += rendered.findings
    findings += volatility.check(subject, rendered.texts)
    assembled = merged(reads)
    findings += await targets.check(subject, looked, assembled, rendered, shared)
    observation, refused = _observation(subject, reads, rendered.content, looked, window.key)
    if refused is not None and not any(finding.severity is Severity.Error for finding in findings):
        findings.append(subject.error(Check.Target, "spec.target", told(refused), refused.remedy))
    return Examined(_ordered(findings), observation)


async def _read(subject: Subject, window: _Window, shared: Shared) -> tuple[Read, ...] | SecretSyncError:
    try:
        return await read(
            subject.external_secret, cluster=shared.cluster, fetches=window.fetches, not_before=window.not_before
        )
    except SecretSyncError as error:
        return error


def _observation(
    subject: Subject, reads: Sequence[Read], content: TargetContent | None, looked: Live, key: bytes
) -> tuple[Observation | None, SecretSyncError | None]:
    """What `lane.observe` would say, or what it would raise about the target."""
    assembled = merged(reads)
    if assembled is None or looked.error is not None:
        return None, None
    if lane.is_without_data(subject.external_secret, assembled):
        content = None
    elif content is None:
        return None, None
    try:
        return lane.observation(subject.external_secret, assembled, content, looked.secret, key), None
    except TargetError as error:
        return None, error


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each once, errors first, otherwise as they came."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: _ORDER[finding.severity]))

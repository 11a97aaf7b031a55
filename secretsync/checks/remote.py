"""Whether what a declaration reads may be read, is there, and is what it says: permission, key, version, property."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.api import DeletionPolicy
from secretsync.api.messages import did_you_mean
from secretsync.checks import permissions
from secretsync.checks.findings import Check
from secretsync.checks.subject import told
from secretsync.errors import (
    ClusterDenied,
    ClusterUnavailable,
    GeneratorError,
    PropertyNotFound,
    ProviderDenied,
    ProviderUnavailable,
    SecretKeyError,
    SecretNotFound,
    SecretSyncError,
    StoreError,
    TemplateError,
    ValueRuleError,
    VersionNotFound,
)
from secretsync.providers.protocol import Fetched, Missing, RemoteKey
from secretsync.sync.plan import DataEntry, ExtractEntry, GeneratorEntry

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from secretsync.checks.findings import Finding
    from secretsync.checks.reading import Read
    from secretsync.checks.subject import Subject
    from secretsync.sync.plan import Entry


async def check(subject: Subject, reads: Sequence[Read], explained: Collection[str]) -> list[Finding]:
    """What is wrong with single entries.

    Args:
        subject: the declaration.
        reads: its entries.
        explained: fields of entries whose store is the reason; nothing is said of these.
    """
    findings: list[Finding] = []
    for each in reads:
        if each.entry.field in explained:
            continue
        if each.error is not None:
            findings.append(await _failed(subject, each, each.error))
        elif each.assembled is not None and each.assembled.missing:
            findings.append(await _skipped(subject, each, each.assembled.missing[0].reason))
    return findings


async def _failed(subject: Subject, read: Read, error: SecretSyncError) -> Finding:
    entry = read.entry
    match error:
        case ProviderDenied():
            remedy = permissions.remedy(subject, entry, error)
            return subject.absent(Check.Permission, entry.field, told(error), remedy)
        case PropertyNotFound():
            return subject.error(Check.Property, entry.field, told(error), _property_remedy(read, error))
        case VersionNotFound() | SecretNotFound():
            return await _not_found(subject, read, error)
        case SecretKeyError():
            which = Check.Collision if _is_collision(error) else Check.Keys
            return subject.error(which, entry.field, told(error), error.remedy)
        case ValueRuleError():
            return subject.error(Check.Value, entry.field, told(error), error.remedy)
        case TemplateError():
            return subject.error(Check.Template, entry.field, told(error), error.remedy)
        case ProviderUnavailable() | ClusterUnavailable() | ClusterDenied():
            return subject.unknown(_check_of(entry), entry.field, f"cannot be told: {told(error)}", error.remedy)
        case GeneratorError():
            return subject.absent(Check.Generator, entry.field, told(error), error.remedy)
        case StoreError():
            return subject.absent(Check.Store, entry.field, told(error), error.remedy)
        case _:
            return subject.absent(_check_of(entry), entry.field, told(error), error.remedy)


async def _not_found(subject: Subject, read: Read, error: SecretSyncError) -> Finding:
    entry = read.entry
    if isinstance(read.answer.result, Fetched):  # the secret is there, so it is its property that is not
        return subject.error(Check.Property, entry.field, told(error), _property_remedy(read, error))
    found = await _version_finding(subject, read, error)
    return found or subject.absent(Check.Key, entry.field, told(error), error.remedy)


async def _version_finding(subject: Subject, read: Read, error: SecretSyncError) -> Finding | None:
    """A finding about the version, where the secret is there in another one."""
    entry = read.entry
    if not isinstance(entry, DataEntry | ExtractEntry) or not entry.ref.version:
        return None
    current = await _current_version(read, entry.ref.key)
    if current is None and not isinstance(error, VersionNotFound):
        return None
    there = f"; the secret is there, its current version is {current}" if current else ""
    remedy = "correct the version, or leave it out to follow the current one"
    return subject.error(Check.Version, entry.field, f"{told(error)}{there}", remedy)


async def _current_version(read: Read, key: str) -> str | None:
    provider = read.answer.provider
    if provider is None:
        return None
    latest = RemoteKey(key)
    try:
        version = (await provider.versions([latest]))[latest]
    except Exception:  # noqa: BLE001 - this only adds to a finding, which stands without it
        return None
    return None if isinstance(version, Missing) else version


async def _skipped(subject: Subject, read: Read, reason: str) -> Finding:
    """What is missing, but may be: the deletionPolicy decides what follows."""
    policy = subject.external_secret.spec.target.deletion_policy
    effect = "its keys are left out"
    if policy is DeletionPolicy.Delete:
        effect += ", and without any data the Secret is deleted"
    where = Check.Property if isinstance(read.answer.result, Fetched) else Check.Key
    remedy = "create it, or remove the entry"
    return subject.warning(where, read.entry.field, f"{reason}; with deletionPolicy {policy} {effect}", remedy)


def _property_remedy(read: Read, error: SecretSyncError) -> str:
    """The error's remedy, with the name of the property that was probably meant."""
    entry, result, provider = read.entry, read.answer.result, read.answer.provider
    if not isinstance(entry, DataEntry | ExtractEntry) or not isinstance(result, Fetched) or provider is None:
        return error.remedy
    try:
        names = provider.members(result, entry.ref.model_copy(update={"property": ""}))
    except SecretSyncError:
        return error.remedy
    hint = "" if isinstance(names, Missing) else did_you_mean(entry.ref.property, list(names))
    return hint or error.remedy


def _is_collision(error: SecretKeyError) -> bool:
    return "collide" in error.problem or "share" in error.problem


def _check_of(entry: Entry) -> Check:
    if isinstance(entry, GeneratorEntry):
        return Check.Generator
    return Check.Key if isinstance(entry, DataEntry | ExtractEntry) else Check.Find

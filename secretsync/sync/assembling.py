"""From what was read to the data map; pure.

Order inside one ``dataFrom`` item: rewrite → convert (only without rewrite) → check keys → decode → NUL bytes
(ESO v2.9.0).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsync.api import DeletionPolicy
from secretsync.errors import SecretNotFound, SecretSyncError
from secretsync.providers.protocol import Fetched, Missing
from secretsync.sync.plan import DataEntry, ExtractEntry, FindEntry, GeneratorEntry
from secretsync.sync.types import Assembled, MissingSecret, RefVersion
from secretsync.template import render
from secretsync.values import conversion, decoding, null_bytes, rewriting, secret_keys

if TYPE_CHECKING:
    from secretsync.api import DecodingStrategy, ExternalSecret, NullBytePolicy, Rewrite, StoreRef
    from secretsync.providers.protocol import Provider
    from secretsync.sync.plan import Entry, Plan


@dataclass(frozen=True, slots=True)
class Answer:
    """What one entry got.

    Attributes:
        provider: reads the answer; None for a generator.
        result: one secret, several by name (find), a generator's values, nothing, or the error of the read.
    """

    provider: Provider | None
    result: Fetched | Missing | Mapping[str, Fetched] | Mapping[str, bytes] | SecretSyncError = field(repr=False)


Versions = dict[tuple[str, str | None, str, str], RefVersion]


def assemble(external_secret: ExternalSecret, plan: Plan, answers: Mapping[str, Answer]) -> Assembled:
    """The data map of `external_secret`.

    Args:
        external_secret: whose policies count.
        plan: its plan.
        answers: by the field of each entry.

    Raises:
        SecretSyncError: the first entry, in order, that cannot be had; its place names field and key.
    """
    policy = external_secret.spec.target.deletion_policy
    data: dict[str, bytes] = {}
    missing: list[MissingSecret] = []
    versions: Versions = {}
    for entry in plan.entries:
        answer = answers[entry.field]
        try:
            found = _entry(entry, answer, versions)
        except SecretSyncError as error:
            raise _located(error, entry) from error
        if isinstance(found, Missing):
            always = found.data_is_error and isinstance(entry, DataEntry)
            if always or policy is DeletionPolicy.Retain:
                remedy = "create it, or set deletionPolicy to Merge or Delete so that it may be missing"
                raise SecretNotFound(found.reason, place=_place(entry), remedy=remedy)
            missing.append(MissingSecret(entry.field, _key(entry), found.reason))
        else:
            data.update(found)
    return Assembled(data, tuple(missing), tuple(versions.values()))


def _entry(entry: Entry, answer: Answer, versions: Versions) -> Mapping[str, bytes] | Missing:
    result = answer.result
    if isinstance(result, SecretSyncError):
        raise result
    if isinstance(result, Missing):
        return result
    provider = answer.provider
    if isinstance(entry, GeneratorEntry) or provider is None:
        return secret_keys.check(
            _rewritten(_values(result), entry.rewrite if isinstance(entry, GeneratorEntry) else ())
        )
    if isinstance(entry, FindEntry):
        return _found(entry, result, versions)
    if not isinstance(result, Fetched):
        raise TypeError(entry.field)
    _note(versions, entry.store, entry.ref.key, result.version)
    if isinstance(entry, ExtractEntry):
        members = provider.members(result, entry.ref)
        if isinstance(members, Missing):
            return members
        ref = entry.ref
        if not entry.rewrite:
            members = conversion.convert_keys(members, ref.conversion_strategy)
        return _checked(_rewritten(members, entry.rewrite), ref.decoding_strategy, ref.null_byte_policy)
    value = provider.value(result, entry.ref)
    if isinstance(value, Missing):
        return value
    return _decoded({entry.secret_key: value}, entry.ref.decoding_strategy, entry.ref.null_byte_policy)


def _found(entry: FindEntry, result: object, versions: Versions) -> Mapping[str, bytes]:
    if not isinstance(result, Mapping):
        raise TypeError(entry.field)
    find = entry.find
    values: dict[str, bytes] = {}
    for name, fetched in result.items():
        values[name] = fetched.value
        _note(versions, entry.store, name, fetched.version)
    if not entry.rewrite:
        values = conversion.convert_keys(values, find.conversion_strategy)
    return _checked(_rewritten(values, entry.rewrite), find.decoding_strategy, find.null_byte_policy)


def _values(result: object) -> dict[str, bytes]:
    return (
        {key: value for key, value in result.items() if isinstance(value, bytes)} if isinstance(result, Mapping) else {}
    )


def _rewritten(values: Mapping[str, bytes], operations: tuple[Rewrite, ...]) -> dict[str, bytes]:
    # ESO gives only templates of the target the option missingkey=error.
    lenient = functools.partial(render, missing_keys=True)
    return rewriting.rewrite(operations, values, lenient) if operations else dict(values)


def _checked(values: Mapping[str, bytes], strategy: DecodingStrategy, policy: NullBytePolicy) -> dict[str, bytes]:
    return _decoded(secret_keys.check(values), strategy, policy)


def _decoded(values: Mapping[str, bytes], strategy: DecodingStrategy, policy: NullBytePolicy) -> dict[str, bytes]:
    decoded: dict[str, bytes] = {}
    for key, value in values.items():
        decoded[key] = decoding.decode(value, strategy)
        null_bytes.check(key, decoded[key], policy)
    return decoded


def _key(entry: Entry) -> str:
    return entry.ref.key if isinstance(entry, DataEntry | ExtractEntry) else ""


def _place(entry: Entry) -> str:
    key = _key(entry)
    return f"{entry.field} (key: {key})" if key else entry.field


def _located(error: SecretSyncError, entry: Entry) -> SecretSyncError:
    """A copy with the entry's place in front: one error may answer several askers."""
    copied = type(error).__new__(type(error))
    Exception.__init__(copied, error.problem)
    copied.__dict__.update(error.__dict__)
    return copied.at(_place(entry))


def _note(versions: Versions, store: StoreRef, key: str, version: str) -> None:
    """Remember a version once, however many entries it served."""
    identity = (store.kind, store.name, key, version)
    if identity not in versions:
        versions[identity] = RefVersion(f"{store.kind}/{store.name}", key, version)

"""What each entry of a declaration gives, one by one, so that the failure of one hides no other."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsync.errors import SecretSyncError
from secretsync.sync.assembling import assemble
from secretsync.sync.plan import DataEntry, FindEntry, GeneratorEntry, Plan, plan
from secretsync.sync.synchronize import fetch
from secretsync.sync.types import Assembled, RefVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.api import ExternalSecret
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.assembling import Answer
    from secretsync.sync.fetching import FetchWindow
    from secretsync.sync.plan import Entry
    from secretsync.sync.types import MissingSecret


@dataclass(frozen=True, slots=True)
class Read:
    """What one entry gives.

    Attributes:
        entry: the entry.
        answer: what the backend or the generator answered.
        assembled: its data; None where there is an error.
        error: why it gives none, without the entry's place.
    """

    entry: Entry
    answer: Answer
    assembled: Assembled | None = field(repr=False)
    error: SecretSyncError | None = None


async def read(
    external_secret: ExternalSecret, *, cluster: Cluster, fetches: FetchWindow, not_before: float
) -> tuple[Read, ...]:
    """Every entry, in the order in which they count.

    Raises:
        StoreInvalid: an entry names no store.
    """
    planned = plan(external_secret)
    answers = await fetch(external_secret, planned, cluster=cluster, fetches=fetches, not_before=not_before)
    return tuple(_read(external_secret, entry, answers[entry.field]) for entry in planned.entries)


def _read(external_secret: ExternalSecret, entry: Entry, answer: Answer) -> Read:
    if isinstance(answer.result, SecretSyncError):
        return Read(entry, answer, None, answer.result)
    try:
        return Read(entry, answer, assemble(external_secret, Plan((entry,)), {entry.field: answer}))
    except SecretSyncError as error:
        return Read(entry, answer, None, _without_place_of(entry, error))


def _without_place_of(entry: Entry, error: SecretSyncError) -> SecretSyncError:
    """The error without the entry in its place: findings name that themselves."""
    key = "" if isinstance(entry, FindEntry | GeneratorEntry) else entry.ref.key
    own = f"{entry.field} (key: {key})" if key else entry.field
    if not f"{error.place}, ".startswith(f"{own}, "):
        return error
    copied = copy.copy(error)
    copied.place = error.place[len(own) + 2 :]
    return copied


def merged(reads: Sequence[Read]) -> Assembled | None:
    """All data, later entries over earlier ones; None where an entry has an error."""
    data: dict[str, bytes] = {}
    missing: list[MissingSecret] = []
    versions: dict[RefVersion, None] = {}
    for each in reads:
        if each.assembled is None:
            return None
        data.update(each.assembled.data)
        missing.extend(each.assembled.missing)
        versions.update(dict.fromkeys(each.assembled.versions))
    return Assembled(data, tuple(missing), tuple(versions))


def produced(reads: Sequence[Read]) -> frozenset[str] | None:
    """The keys that entries give or, where a ``data`` entry cannot be read, will give; None where that is not known."""
    keys: set[str] = set()
    for each in reads:
        if each.assembled is not None and not each.assembled.missing:
            keys.update(each.assembled.data)
        elif isinstance(each.entry, DataEntry):
            keys.add(each.entry.secret_key)
        else:
            return None
    return frozenset(keys)

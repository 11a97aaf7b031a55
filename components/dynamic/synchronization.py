"""What synced Secrets do in the provider's process: look upstream, write, compare, take back.

`look` looks upstream and at the live Secret and finds versions, key names, a keyed fingerprint, what upstream rotated
and what somebody edited; as inputs, the engine shows them as a real difference. `write` writes. State holds those, and
no value (D3, D4). The resources, one by one or as a set, are thin around this.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from components.dynamic import background, engine_log
from components.dynamic.boundary import without_leaks
from components.dynamic.connection import Connection, fingerprint_key
from components.dynamic.records import Item, Record, read_declaration, same_document, store_digests
from components.dynamic.session import shared
from secretsync.api import RefreshPolicy
from secretsync.checks.examine import Examined, examine
from secretsync.checks.findings import Severity
from secretsync.checks.options import Options, Previous
from secretsync.errors import ProviderUnavailable, SecretSyncError
from secretsync.sync import drift, lane
from secretsync.sync.volatile import volatile_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping

    from pulumi.dynamic import Config

    from components.dynamic.records import Declared
    from components.dynamic.session import Session
    from secretsync.api import ExternalSecret
    from secretsync.sync.lane import Observation

_T = TypeVar("_T")
_R = TypeVar("_R")

_AT_ONCE: Final = 24
"""Declarations of a set that are written at the same time; the API server and the backend bound their own requests."""
_DEADLINE: Final = 60.0
_DEADLINE_EACH: Final = 0.25
"""Seconds that a call may take, and those it gets for each further declaration of a set."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a check asks, beside the declarations.

    Attributes:
        stores: the stores' manifests, a JSON list.
        old_stores: digests of the stores of the last update, by name.
        places: identity → path of a field → ``file:line``; the empty path is the declaration's own.
        preview: whether the program runs in a preview; then what is shown only there is told, too.
        restarts: whether the program restarts the workloads that ask for it.
    """

    stores: str
    old_stores: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    preview: bool = True
    restarts: bool = False

    @classmethod
    def read(cls, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Question:
        """From what `check` is given; a program that does not say is taken to be in a preview."""
        places = json.loads(news["places"]) if news.get("places") else {}
        old_stores, preview = store_digests(olds.get("stores")), bool(news.get("preview", True))
        return cls(news["stores"], old_stores, places, preview, bool(news.get("rollout")))

    def place(self, external_secret: ExternalSecret, path: str) -> str:
        """``file:line`` of a field, of what contains it, or of the declaration; its identity where none is known."""
        identity = f"{external_secret.metadata.namespace}/{external_secret.metadata.name}"
        known = self.places.get(identity) or {}
        inside = [name for name in known if path == name or path.startswith((f"{name}.", f"{name}[")) or not name]
        return known[max(inside, key=len)] if inside else f"ExternalSecret {identity}"


class Synchronization:
    """The operations of synced Secrets, each of them idempotent; one per process and type, shared by its threads.

    Args:
        config: the stack's configuration.
        keeper: the resource type, so that what moves from one type to another is not taken back by the first.
    """

    @without_leaks
    def __init__(self, config: Config, keeper: str) -> None:
        """Remember where the cluster is, and the fingerprint's key; nothing is opened yet."""
        self._connection = Connection.from_config(config)
        self._key = fingerprint_key(config)
        self._keeper = keeper
        self._read: set[str] = set()
        self._differs: dict[str, bool] = {}

    # ------------------------------------------------------------------ look

    def look(self, news: Mapping[str, Item], olds: Mapping[str, Item], question: Question) -> dict[str, Item]:
        """What upstream and the cluster hold.

        Args:
            news: identity → declared.
            olds: identity → inputs of the last update.
            question: what else is asked.

        Returns:
            Identity → inputs. What is new or declared anew and cannot be looked at yet says so in `drift`; what was
            synced before and cannot be looked at now has a `problem`, as has everything that is wrong.

        Raises:
            ManifestError: something is no declaration.
        """
        declared = {identity: read_declaration(item.declaration) for identity, item in news.items()}
        self._read -= set(declared)
        return _run(self._look(declared, news, olds, question), len(declared))

    async def _look(
        self,
        declared: Mapping[str, Declared],
        news: Mapping[str, Item],
        olds: Mapping[str, Item],
        question: Question,
    ) -> dict[str, Item]:
        session = await shared(self._connection, question.stores)
        session.cluster.expect(each.target for each in declared.values())
        for identity, each in declared.items():
            session.keep(identity, each.target, self._keeper)
        same = {name for name in declared if name in olds and _is_same(olds[name], news[name])}
        stores_are_same = _all_known(store_digests(question.stores), question.old_stores)
        looked: dict[str, Item] = {}
        asked: list[ExternalSecret] = []
        for name, each in declared.items():
            if name in same and olds[name].fingerprint and _is_fetched_once(each.external_secret):
                looked[name] = await self._kept(session, each, olds[name], news[name])
            else:
                asked.append(each.external_secret)
        previous = {name: _previous(olds[name], settled=name in same and stores_are_same) for name in olds}
        examined = (
            await examine(
                asked,
                cluster=session.cluster,
                fetches=session.fetches,
                key=self._key,
                not_before=session.began,
                previous=previous,
                options=Options(stores=session.providers.declared, place=question.place, restarts=question.restarts),
                shared=session.shared,
            )
            if asked
            else {}
        )
        for name, result in examined.items():
            settled = name in previous and previous[name].settled
            item = _judged(result, news[name], known=name in olds, settled=settled)
            if name in olds and volatile_parts(declared[name].external_secret) and _same_sources(olds[name], item):
                item = await self._kept(session, declared[name], olds[name], item)
            looked[name] = item
        for name, item in looked.items():
            self._differs[_memory(name, declared[name].target)] = bool(item.drift or item.rotated or item.problem)
        self._tell(examined)
        if question.preview:
            return looked
        return {name: replace(item, drift="", rotated=()) for name, item in looked.items()}

    async def _kept(self, session: Session, declared: Declared, old: Item, new: Item) -> Item:
        """What the last update looked at, because new values alone are no change; but is the Secret still so?"""
        found = await lane.live_drift(declared.external_secret, cluster=session.cluster, keys=old.keys)
        return replace(
            new,
            target=old.target,
            keys=old.keys,
            versions=old.versions,
            fingerprint=old.fingerprint,
            drift=drift.MISSING if found is None else found,
            rotated=(),
        )

    def _tell(self, examined: Mapping[str, Examined]) -> None:
        for result in examined.values():
            for finding in result.findings:
                if finding.severity is Severity.Warning:
                    engine_log.warn(str(finding))
                elif finding.severity is Severity.Unknown and result.observation is not None:
                    engine_log.warn(f"{finding.place}: not known: {finding.problem}")
                elif finding.severity is Severity.Note:
                    engine_log.inform(str(finding))

    # ------------------------------------------------------------------ compare

    def differs(self, new: Item, record: Record) -> bool:
        """Whether an update has something to do: another content, drift, another declaration, or a problem.

        An upstream version alone is no difference. Where generators or templates make new values each time, the content
        is what they are made from.
        """
        declared = read_declaration(new.declaration)
        by_source = bool(volatile_parts(declared.external_secret))
        content = new.versions != record.versions if by_source else new.fingerprint != record.fingerprint
        seen = self._differs.get(_memory(declared.identity, declared.target), False)
        shown = new.drift or new.rotated or new.problem
        return bool(content or shown or seen or record.drift or record.problem or declared.digest != record.digest)

    def was_read(self, identities: Collection[str]) -> bool:
        """Whether these were just read by a refresh: it asks for a difference, too, without a check before."""
        return bool(identities) and self._read.issuperset(identities)

    # ------------------------------------------------------------------ write, read, take back

    def write(self, news: Mapping[str, Item], stores: object = None) -> dict[str, Record | SecretSyncError]:
        """Fetch and write, side by side; a failure of one leaves the others alone.

        Args:
            news: identity → what `look` gave.
            stores: the stores' manifests, where `look` was not asked before in this process; the engine always does.

        Returns:
            Identity → what was written, or why not.
        """
        return _run(self._write_all(news, stores if isinstance(stores, str) else ""), len(news))

    async def _write_all(self, news: Mapping[str, Item], stores: str) -> dict[str, Record | SecretSyncError]:
        session = await shared(self._connection, stores)
        declared = {name: read_declaration(item.declaration) for name, item in news.items()}
        session.cluster.expect(each.target for each in declared.values())

        async def write(each: Declared) -> Record:
            session.keep(each.identity, each.target, self._keeper)
            observed = await lane.write(
                each.external_secret,
                cluster=session.cluster,
                fetches=session.fetches,
                key=self._key,
                not_before=session.began,
                targets=session.targets,
            )
            self._differs.pop(_memory(each.identity, each.target), None)
            return _record(each, observed)

        return await _each(declared, write)

    def read(self, records: Mapping[str, Record]) -> dict[str, Record | None]:
        """Whether the Secrets are still as they were written, in `drift`; None for one that is gone.

        No backend is asked.
        """
        read = _run(self._read_all(records), len(records))
        self._read |= set(records)
        return read

    async def _read_all(self, records: Mapping[str, Record]) -> dict[str, Record | None]:
        session = await shared(self._connection)
        session.cluster.expect(record.target for record in records.values())

        async def read(record: Record) -> Record | None:
            found = await lane.live_drift(record.external_secret, cluster=session.cluster, keys=record.keys)
            return None if found is None else replace(record, drift=found)

        return await _each_or_raise(records, read)

    def remove(
        self, records: Mapping[str, Record], keep: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, bool | SecretSyncError]:
        """Take back what was written, as the creationPolicy says.

        Args:
            records: what was written.
            keep: ``namespace/name`` of Secrets → keys that others give them now.

        Returns:
            Identity → whether something was taken back, or why it could not be.
        """
        return _run(self._remove_all(records, keep or {}), len(records))

    async def _remove_all(
        self, records: Mapping[str, Record], keep: Mapping[str, Collection[str]]
    ) -> dict[str, bool | SecretSyncError]:
        session = await shared(self._connection)

        async def remove(record: Record) -> bool:
            if session.is_kept(record.identity, record.target, self._keeper):
                return False
            keys = keep.get(record.target, ())
            return await lane.remove(record.external_secret, cluster=session.client, keep=keys)

        return await _each(records, remove)


def _run(coroutine: Coroutine[Any, Any, _R], count: int) -> _R:
    return background.run(coroutine, deadline=_DEADLINE + _DEADLINE_EACH * count)


async def _each(
    things: Mapping[str, _T], act: Callable[[_T], Coroutine[Any, Any, _R]]
) -> dict[str, _R | SecretSyncError]:
    """The result or error of each, a few at a time, each within the deadline of a single call."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def guarded(thing: _T) -> _R | SecretSyncError:
        async with places:
            try:
                return await asyncio.wait_for(act(thing), _DEADLINE)
            except TimeoutError:
                return ProviderUnavailable(f"no result within {_DEADLINE:.0f} s", remedy="run again")
            except SecretSyncError as error:
                return error

    results = await asyncio.gather(*(guarded(thing) for thing in things.values()))
    return dict(zip(things, results, strict=True))


async def _each_or_raise(things: Mapping[str, _T], act: Callable[[_T], Coroutine[Any, Any, _R]]) -> dict[str, _R]:
    done: dict[str, _R] = {}
    for name, result in (await _each(things, act)).items():
        if isinstance(result, SecretSyncError):
            raise result
        done[name] = result
    return done


def _memory(identity: str, target: str) -> str:
    return f"{identity} {target}"


def _judged(result: Examined, new: Item, *, known: bool, settled: bool) -> Item:
    """What was found about a declaration, as its inputs."""
    errors = [str(finding) for finding in result.findings if finding.severity is Severity.Error]
    unknown = [str(finding) for finding in result.findings if finding.severity is Severity.Unknown]
    observed = result.observation
    if errors or (observed is None and settled):
        item = new if observed is None else _with(new, observed)
        return replace(item, drift="", rotated=(), problem="\n".join(errors or unknown or ["it cannot be looked at"]))
    if observed is None:
        return replace(new, drift=f"not known yet: {'; '.join(unknown)}")
    item = _with(new, observed)
    return item if known else replace(item, drift="", rotated=())  # nothing was written yet that could have changed


def _with(new: Item, observed: Observation) -> Item:
    return replace(
        new,
        target=observed.target,
        keys=observed.keys,
        versions=_versions(observed),
        fingerprint=observed.fingerprint,
        drift=observed.drift,
        rotated=observed.rotated,
    )


def _record(declared: Declared, observed: Observation) -> Record:
    return replace(
        Record.of(declared), keys=observed.keys, versions=_versions(observed), fingerprint=observed.fingerprint
    )


def _versions(observed: Observation) -> dict[str, str]:
    return {f"{version.store} {version.key}": version.version for version in observed.versions}


def _previous(old: Item, *, settled: bool) -> Previous:
    return Previous(old.target, old.keys, old.versions if old.fingerprint else None, settled)


def _is_same(old: Item, new: Item) -> bool:
    return same_document(old.declaration, new.declaration)


def _all_known(stores: Mapping[str, str], old_stores: Mapping[str, str]) -> bool:
    """Whether all these stores were there at the last update, each as it is now."""
    return all(old_stores.get(name) == digest for name, digest in stores.items())


def _same_sources(old: Item, new: Item) -> bool:
    return bool(old.fingerprint) and _is_same(old, new) and old.versions == new.versions


def _is_fetched_once(external_secret: ExternalSecret) -> bool:
    """Whether the declaration wants its first values kept: CreatedOnce, OnChange, or an interval of 0."""
    spec = external_secret.spec
    if spec.refresh_policy in (RefreshPolicy.CreatedOnce, RefreshPolicy.OnChange):
        return True
    return spec.refresh_interval.total_seconds() <= 0


def problems_text(problems: Mapping[str, str], total: int) -> str:
    """One text for all that failed, by identity; the same problem of many is told once."""
    by_text: dict[str, list[str]] = {}
    for identity in sorted(problems):
        by_text.setdefault(problems[identity], []).append(identity)
    lines: Iterable[str] = (f"{', '.join(names)}: {text}" for text, names in by_text.items())
    return f"{len(problems)} of {total} ExternalSecrets are not synced:\n  " + "\n  ".join(lines)

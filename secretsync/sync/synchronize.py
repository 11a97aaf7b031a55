"""One sync of one ExternalSecret, from the plan to the write. Both lanes, the command line and the tests call this."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secretsync.api import CreationPolicy, DeletionPolicy
from secretsync.errors import (
    ClusterConflict,
    ClusterRefused,
    SecretSyncError,
    TargetError,
    TargetImmutable,
    TargetOwned,
)
from secretsync.kube.resources import SECRETS
from secretsync.sync import generating, refresh, target, writing
from secretsync.sync.assembling import Answer, assemble
from secretsync.sync.names import created_by
from secretsync.sync.plan import FindEntry, GeneratorEntry, plan
from secretsync.sync.targets import ClusterTargets
from secretsync.sync.templating import apply_template, read_sources
from secretsync.sync.types import (
    Action,
    Assembled,
    Event,
    EventReason,
    Outcome,
    Phrase,
    Reason,
    Retry,
    TargetContent,
    Written,
)

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret, JsonObject, StoreRef
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider, RemoteKey
    from secretsync.sync.fetching import FetchWindow
    from secretsync.sync.plan import Plan
    from secretsync.sync.targets import Targets

_ATTEMPTS = 4
_NO_CONTENT = TargetContent("", {}, {}, {})


class StepFailed(Exception):
    """A step failed; carries the phrase for the condition. Never leaves this module."""

    def __init__(self, phrase: Phrase, error: SecretSyncError, *, retry: Retry = Retry.Backoff) -> None:
        super().__init__(phrase)
        self.phrase = phrase
        self.error = error
        self.retry = retry


async def synchronize(
    external_secret: ExternalSecret,
    *,
    cluster: Cluster,
    fetches: FetchWindow,
    targets: Targets | None = None,
    not_before: float | None = None,
) -> Outcome:
    """Fetch, assemble, render and write, whether or not it is due (`refresh.decide` says that).

    Args:
        external_secret: what to sync.
        cluster: where it is written, and where templates and generators are read.
        fetches: where values come from.
        targets: how targets are looked at; by default straight from `cluster`.
        not_before: how fresh a shared read must be, on the clock of `fetches`; by default it must begin now.

    Returns:
        What came of it. Every `SecretSyncError` ends up in the outcome; other exceptions are defects and are raised.
    """
    sync = _Sync(external_secret, cluster, fetches, targets or ClusterTargets(cluster), not_before)
    try:
        outcome = await sync.run()
    except StepFailed as failure:
        outcome = sync.failed(failure)
    return (
        outcome
        if external_secret.spec.target.manifest is None
        else replace(outcome, reason=outcome.reason.of_resource())
    )


async def fetch(
    external_secret: ExternalSecret,
    planned: Plan,
    *,
    cluster: Cluster,
    fetches: FetchWindow,
    not_before: float | None = None,
) -> dict[str, Answer]:
    """The answer to every entry of a plan, by its field; errors are answers too."""
    namespace = external_secret.metadata.namespace
    since = fetches.now() if not_before is None else not_before
    opened = await _open(planned, namespace, fetches)
    keys: dict[Provider, dict[RemoteKey, None]] = {}
    for entry in planned.store_entries:
        provider = opened[_identity(entry.store)]
        if not isinstance(entry, FindEntry) and not isinstance(provider, SecretSyncError):
            keys.setdefault(provider, {})[provider.remote_key(entry.ref)] = None
    reads = await asyncio.gather(*(fetches.get(provider, keys[provider], not_before=since) for provider in keys))
    found = dict(zip(keys, reads, strict=True))
    answers: dict[str, Answer] = {}
    for item in planned.entries:
        if isinstance(item, GeneratorEntry):
            answers[item.field] = await _generated(item, namespace, cluster)
    for entry in planned.store_entries:
        provider = opened[_identity(entry.store)]
        if isinstance(provider, SecretSyncError):
            answers[entry.field] = Answer(None, provider)
        elif isinstance(entry, FindEntry):
            answers[entry.field] = await _searched(entry, provider, fetches, since)
        else:
            answers[entry.field] = Answer(provider, found[provider][provider.remote_key(entry.ref)])
    return answers


async def _open(
    planned: Plan, namespace: str, fetches: FetchWindow
) -> dict[tuple[str, str], Provider | SecretSyncError]:
    opened: dict[tuple[str, str], Provider | SecretSyncError] = {}
    for ref in planned.stores:
        try:
            opened[_identity(ref)] = await fetches.providers.open(ref, namespace)
        except SecretSyncError as error:
            opened[_identity(ref)] = error
    return opened


async def _searched(entry: FindEntry, provider: Provider, fetches: FetchWindow, since: float) -> Answer:
    try:
        return Answer(provider, await fetches.find(provider, entry.find, not_before=since))
    except SecretSyncError as error:
        return Answer(provider, error)


async def _generated(entry: GeneratorEntry, namespace: str, cluster: Cluster) -> Answer:
    try:
        return Answer(None, await generating.generate(entry.generator, namespace=namespace, cluster=cluster))
    except SecretSyncError as error:
        return Answer(None, error)


def _identity(ref: StoreRef) -> tuple[str, str]:
    return str(ref.kind), ref.name or ""


@dataclass(slots=True)
class _Sync:
    """The steps of one sync and what they leave behind for the outcome."""

    external_secret: ExternalSecret
    cluster: Cluster
    fetches: FetchWindow
    targets: Targets
    not_before: float | None
    events: tuple[Event, ...] = ()
    assembled: Assembled | None = None
    live: JsonObject | None = None
    writing: bool = False

    async def run(self) -> Outcome:
        spec = self.external_secret.spec.target
        if spec.manifest is not None:
            problem = f"targets of kind {spec.manifest.kind} are not offered"
            error = TargetError(problem, place="spec.target.manifest", remedy="use a Secret as the target")
            raise StepFailed(Phrase.UpdateFailed, error, retry=Retry.No)
        await self._look(certain=spec.creation_policy in (CreationPolicy.Merge, CreationPolicy.None_))
        self.assembled = await self._assemble()
        for missing in self.assembled.missing:
            self._record(EventReason.MissingProviderSecret, missing.message)
        if not self.assembled.data and spec.deletion_policy is DeletionPolicy.Delete:
            return await self._delete()
        if not self.assembled.data and spec.deletion_policy is DeletionPolicy.Retain:
            return self._done(Action.Retained, Phrase.Retained)
        if spec.creation_policy is CreationPolicy.None_:
            return self._done(Action.NotWritten, Phrase.Synced)
        if spec.creation_policy is CreationPolicy.Merge and self.live is None:
            return self._done(Action.Missing, Phrase.Missing, Reason.SecretMissing)
        if spec.creation_policy is CreationPolicy.Owner:
            await self._delete_orphaned()
        self.writing = True
        written = await self._write(self.assembled)
        if written is None:
            return self._done(Action.Missing, Phrase.Missing, Reason.SecretMissing)
        keys = tuple(sorted((written.target or {}).get("data") or ()))
        return self._done(written.action, Phrase.Synced, bound=True, keys=keys)

    def failed(self, failure: StepFailed) -> Outcome:
        """The outcome of a sync that a step ended."""
        error = failure.error
        self._record(EventReason.UpdateFailed, str(error), warning=True)
        return Outcome(
            Action.Failed,
            ready=False,
            reason=Reason.SecretSyncedError,
            message=failure.phrase,
            synced=False,
            bound=self.writing and self.live is not None,
            events=self.events,
            retry=failure.retry,
            error=error,
            versions=self.assembled.versions if self.assembled is not None else (),
        )

    def _done(
        self,
        action: Action,
        phrase: Phrase,
        reason: Reason = Reason.SecretSynced,
        *,
        bound: bool = False,
        keys: tuple[str, ...] = (),
    ) -> Outcome:
        return Outcome(
            action,
            ready=True,
            reason=reason,
            message=phrase,
            synced=True,
            bound=bound,
            events=self.events,
            again_after=refresh.interval(self.external_secret),
            versions=self.assembled.versions if self.assembled is not None else (),
            keys=keys,
        )

    def _record(self, reason: EventReason, message: str, *, warning: bool = False) -> None:
        self.events = (*self.events, Event(reason, message, warning))

    async def _look(self, *, certain: bool) -> None:
        meta = self.external_secret.metadata
        name = target.target_name(self.external_secret)
        try:
            self.live = await self.targets.get(meta.namespace, name, certain=certain)
            await self._adopt()
        except SecretSyncError as error:
            raise StepFailed(Phrase.UpdateFailed, error) from error

    async def _adopt(self) -> None:
        if self.live is not None and not target.is_managed(self.live):
            self.live = await writing.mark_managed(self.cluster, self.external_secret, self.live)
            self.targets.stored(self.live)

    async def _assemble(self) -> Assembled:
        try:
            planned = plan(self.external_secret)
            answers = await fetch(
                self.external_secret, planned, cluster=self.cluster, fetches=self.fetches, not_before=self.not_before
            )
            return assemble(self.external_secret, planned, answers)
        except SecretSyncError as error:
            raise StepFailed(Phrase.GetFailed, error) from error

    async def _delete(self) -> Outcome:
        if self.external_secret.spec.target.creation_policy is not CreationPolicy.Owner:
            problem = "all its data is gone, but only a target with creationPolicy Owner may be deleted"
            remedy = "use creationPolicy Owner, or deletionPolicy Retain or Merge"
            error = TargetError(problem, place=self._place(), remedy=remedy)
            raise StepFailed(Phrase.DeleteFailed, error, retry=Retry.No)
        if self.live is not None:
            try:
                deleted = await self._delete_secret(self.live)
            except SecretSyncError as error:
                raise StepFailed(Phrase.DeleteFailed, error) from error
            if deleted:
                self._record(EventReason.Deleted, Phrase.Deleted)
        return self._done(Action.Deleted, Phrase.Deleted, Reason.SecretDeleted)

    async def _delete_secret(self, live: JsonObject) -> bool:
        metadata = live["metadata"]
        if not target.is_owned_by(self.external_secret, live):
            remedy = "delete it by hand if it is no longer needed"
            raise TargetOwned("it is not controlled by this ExternalSecret", place=self._place(), remedy=remedy)
        return await self.cluster.delete(SECRETS, metadata["name"], metadata["namespace"], uid=metadata.get("uid", ""))

    async def _delete_orphaned(self) -> None:
        """Delete what this ExternalSecret created under another name."""
        meta = self.external_secret.metadata
        current = target.target_name(self.external_secret)
        try:
            for secret in await self.targets.created_by(meta.namespace, created_by(meta.namespace, meta.name)):
                name = secret["metadata"]["name"]
                if name != current and await self.cluster.delete(SECRETS, name, meta.namespace):
                    self._record(EventReason.Deleted, "secret deleted because it was orphaned")
        except SecretSyncError as error:
            raise StepFailed(Phrase.DeleteOrphanedFailed, error) from error

    async def _write(self, assembled: Assembled) -> Written | None:
        """Write until nobody comes in between; None where the target of a Merge has gone meanwhile."""
        content: TargetContent | None = None
        try:
            for _ in range(_ATTEMPTS):
                target.check_owner(self.external_secret, self.live)
                if content is None and not target.is_frozen(self.external_secret, self.live):
                    content = await self._render(assembled)
                wanted = target.desired(self.external_secret, content or _NO_CONTENT, self.live)
                try:
                    return self._written(await writing.write(self.cluster, self.external_secret, wanted, self.live))
                except ClusterConflict as error:
                    conflict = error
                except ClusterRefused as error:
                    if self.live is None or not writing.is_gone(error):
                        raise
                    conflict = ClusterConflict(error.problem, place=error.place)
                meta = self.external_secret.metadata
                self.live = await self.targets.fresh(meta.namespace, target.target_name(self.external_secret))
                await self._adopt()
                if self.live is None and self.external_secret.spec.target.creation_policy is CreationPolicy.Merge:
                    return None
        except TargetOwned as error:
            other = "ExternalSecret" in error.problem
            phrase = Phrase.Owned if other else Phrase.OwnershipFailed
            raise StepFailed(phrase, error, retry=Retry.No) from error
        except TargetImmutable as error:
            raise StepFailed(Phrase.ImmutableFailed, error, retry=Retry.No) from error
        except SecretSyncError as error:
            raise StepFailed(Phrase.UpdateFailed, error) from error
        raise StepFailed(Phrase.UpdateFailed, conflict, retry=Retry.Soon) from conflict

    async def _render(self, assembled: Assembled) -> TargetContent:
        sources = await read_sources(self.external_secret, self.cluster)
        return apply_template(self.external_secret, assembled.data, sources)

    def _written(self, written: Written) -> Written:
        if written.target is not None and written.action is not Action.Unchanged:
            self.targets.stored(written.target)
        if written.action is Action.Created:
            self._record(EventReason.Created, "secret created")
        elif written.action is Action.Updated:
            self._record(EventReason.Updated, "secret updated")
        return written

    def _place(self) -> str:
        return f"Secret {self.external_secret.metadata.namespace}/{target.target_name(self.external_secret)}"

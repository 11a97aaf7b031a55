"""One visit to one ExternalSecret: is it ours, is it due, sync it, say so, and when to come back."""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from secretsync.api import DeletionPolicy, ExternalSecret, parse
from secretsync.controller.queue import Priority
from secretsync.errors import ClusterError, ClusterRefused, ManifestError, ManifestErrors, SecretSyncError
from secretsync.kube.resources import EXTERNAL_SECRETS, SECRETS
from secretsync.sync import generating, refresh, target
from secretsync.sync.names import CLEANUP_FINALIZER, CONTROLLER_MANAGER
from secretsync.sync.status import merge_condition, status_patch
from secretsync.sync.synchronize import synchronize
from secretsync.sync.types import Event, EventReason, Phrase, Reason, Retry

if TYPE_CHECKING:
    from secretsync.api import JsonObject
    from secretsync.controller.events import EventRecorder
    from secretsync.controller.informer import Informer, Key
    from secretsync.controller.metrics import Metrics
    from secretsync.controller.queue import WorkQueue
    from secretsync.controller.stores import StoreRegistry
    from secretsync.controller.targets import CachedTargets
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.fetching import FetchWindow
    from secretsync.sync.types import Outcome

log = logging.getLogger(__name__)

_LATE_LOOK = timedelta(minutes=1)
"""Least pause before an ExternalSecret is looked at again whose failure only a change can mend."""
_TICKS = 10
_LONGEST_TICK = timedelta(seconds=12)
_EARLIEST = 1.25
"""Ticks that a timer is set early at most: one, and what a visit may be late without counting as off its tick."""
_NOISE = timedelta(milliseconds=50)
_SHORTEST_SHARED = timedelta(seconds=5)
"""Shorter intervals are kept to the moment: sharing saves less there than it would blur."""


@dataclass(slots=True)
class Memory:
    """What is remembered about one ExternalSecret between visits; seconds are those of the fetch window's clock.

    Attributes:
        noticed: when its current version was noticed: a read for it must begin later.
        attempted: when the last attempt ended.
        due: when the running timer was to fire; the reads of everything due at the same tick are shared.
        blocked: whether the last attempt failed in a way that only a change can mend.
    """

    noticed: float = 0.0
    attempted: float = 0.0
    due: float | None = None
    blocked: bool = False


@dataclass(slots=True)
class Reconciler:
    """Everything that visits share."""

    cluster: Cluster
    informer: Informer
    stores: StoreRegistry
    targets: CachedTargets
    fetches: FetchWindow
    queue: WorkQueue[Key]
    events: EventRecorder
    metrics: Metrics
    memories: dict[Key, Memory]

    async def work(self) -> None:
        """Visit what is due, for ever. A defect in one visit is logged and does not end the worker."""
        while True:
            key, priority = await self.queue.get()
            started = time.monotonic()
            try:
                await self.visit(key, priority)
            except ClusterError as error:
                self._failed(key, error)
            except Exception:
                log.exception("visiting ExternalSecret %s/%s failed", *key)
                self.queue.add_failed(key)
            finally:
                self.queue.done(key)
                self.metrics.visited(time.monotonic() - started)

    async def visit(self, key: Key, priority: Priority) -> None:
        """Bring one ExternalSecret up to date, if it is due.

        Raises:
            ClusterError: the API server did not take the status or the finalizer.
        """
        raw = self.informer.get(key)
        if raw is None:
            self._forget(key)
            return
        external_secret = await self._parsed(key, raw)
        if external_secret is None:
            return
        if external_secret.metadata.deletion_timestamp is not None:
            await self._finalize(external_secret)
            return
        if self._uses_foreign_store(external_secret):
            await self._add_finalizer(external_secret)
            return
        memory = self.memories.setdefault(key, Memory(noticed=self.fetches.now()))
        now = datetime.now(UTC)
        name = target.target_name(external_secret)
        live = self.targets.managed.get((key[0], name))
        decision = refresh.decide(external_secret, live, now)
        on_tick = priority is Priority.Refresh and memory.due is not None
        if not decision.refresh and not (on_tick and self._is_early(external_secret, decision)):
            self.queue.succeeded(key)
            if decision.again_after is not None:
                self._schedule(key, external_secret, memory, decision.again_after)
            return
        await self._sync(key, external_secret, memory, now, on_tick=on_tick)

    async def _sync(
        self, key: Key, external_secret: ExternalSecret, memory: Memory, started: datetime, *, on_tick: bool
    ) -> None:
        since = max(memory.noticed, memory.attempted)
        if on_tick and memory.due is not None:
            since = max(since, memory.due)
        memory.due = None
        begun = time.monotonic()
        await self._add_finalizer(external_secret)
        if await self._uses_foreign_generator(external_secret):
            self.queue.succeeded(key)
            return
        outcome = await synchronize(
            external_secret,
            cluster=self.cluster,
            fetches=self.fetches,
            targets=self.targets,
            not_before=min(since, self.fetches.now()),
        )
        memory.attempted = self.fetches.now()
        memory.blocked = outcome.error is not None and outcome.retry is Retry.No
        for event in outcome.events:
            self.events.record(external_secret, event)
        self._log(key, outcome)
        patch = status_patch(external_secret, outcome, started=started, now=datetime.now(UTC))
        if patch:
            await self._patch_status(external_secret.metadata.namespace, external_secret.metadata.name, patch)
        self.metrics.synced(key, outcome, time.monotonic() - begun)
        self._come_back(key, external_secret, memory, outcome, started)

    def _come_back(
        self, key: Key, external_secret: ExternalSecret, memory: Memory, outcome: Outcome, started: datetime
    ) -> None:
        if outcome.error is None:
            self.queue.succeeded(key)
            if outcome.again_after is not None:
                self._schedule(key, external_secret, memory, outcome.again_after - (datetime.now(UTC) - started))
        elif outcome.retry is Retry.Soon:
            self.queue.add(key, Priority.Retry)
        elif outcome.retry is Retry.Backoff:
            self.queue.add_failed(key)
        else:
            every = refresh.interval(external_secret) or _LATE_LOOK
            self.queue.succeeded(key)
            self.queue.add_after(key, max(every, _LATE_LOOK).total_seconds(), Priority.Retry)

    def _schedule(self, key: Key, external_secret: ExternalSecret, memory: Memory, rest: timedelta) -> None:
        """Set the timer to the tick at or before the due time.

        All ExternalSecrets that read the same key at the same interval have one beat, so that they come to share its
        reads. Whoever is off the beat comes to a tick first, where it shares with those beside it, and then a tick
        earlier each time, until it is on the beat; from then on its interval is whole. It is never early by more than
        an eighth of the interval.
        """
        now = self.fetches.now()
        due = now + max(rest.total_seconds(), 0.0)
        every = refresh.interval(external_secret)
        if every is not None and every >= _SHORTEST_SHARED:
            period = every.total_seconds()
            tick = _tick(every).total_seconds()
            if due - now > _EARLIEST * tick:
                off_beat = (due - _phase(external_secret) * period) % period
                late = off_beat % tick
                earlier = late if late > (_EARLIEST - 1) * tick else late + tick
                due -= min(off_beat, earlier)
        memory.due = due
        self.queue.add_after(key, due - now)

    @staticmethod
    def _is_early(external_secret: ExternalSecret, decision: refresh.Decision) -> bool:
        """Whether it is not quite due, but its tick has come."""
        every = refresh.interval(external_secret)
        if every is None or every < _SHORTEST_SHARED or decision.again_after is None or decision.why != "not due yet":
            return False
        # refreshTime is in whole seconds, so the rest may look up to a second shorter; longer only by the clocks' noise
        return decision.again_after <= _EARLIEST * _tick(every) + _NOISE

    async def _parsed(self, key: Key, raw: JsonObject) -> ExternalSecret | None:
        try:
            parsed = parse(raw)
            if not isinstance(parsed, ExternalSecret):
                raise ManifestErrors([ManifestError("is not an ExternalSecret", place="kind")])
        except ManifestErrors as error:
            log.warning("ExternalSecret %s/%s cannot be read: %s", *key, error)
            await self._mark_undecodable(key, raw, error)
            return None
        return parsed

    async def _mark_undecodable(self, key: Key, raw: JsonObject, error: ManifestErrors) -> None:
        """Say on the object itself that it cannot be read; no other object is concerned."""
        if raw["metadata"].get("deletionTimestamp"):
            await self._remove_finalizer(*key, raw["metadata"].get("finalizers") or ())
            return
        before = list((raw.get("status") or {}).get("conditions") or ())
        now = datetime.now(UTC)
        message = f"{Phrase.Undecodable}: {error}"
        conditions = merge_condition(
            before, "Ready", ready=False, reason=Reason.SecretSyncedError, message=message, now=now
        )
        if conditions != before:
            await self._patch_status(*key, {"conditions": conditions})

    def _uses_foreign_store(self, external_secret: ExternalSecret) -> bool:
        """Whether any store that it names is another controller's, read or not.

        Such an ExternalSecret is left alone but for its finalizer (ESO v2.9.0).
        """
        spec = external_secret.spec
        sources = [*(datum.source_ref for datum in spec.data), *(item.source_ref for item in spec.data_from)]
        refs = [spec.secret_store_ref, *(source.store_ref for source in sources if source is not None)]
        found = [self.stores.find(ref, external_secret.metadata.namespace) for ref in refs if ref is not None]
        return any(store is not None and self.stores.is_foreign(store) for store in found)

    async def _uses_foreign_generator(self, external_secret: ExternalSecret) -> bool:
        """Whether any generator that it names is another controller's."""
        namespace = external_secret.metadata.namespace
        for item in external_secret.spec.data_from:
            ref = item.source_ref.generator_ref if item.source_ref is not None else None
            if ref is None:
                continue
            named = await generating.controller_class(ref, namespace=namespace, cluster=self.cluster)
            if self.stores.is_foreign_class(named):
                return True
        return False

    async def _add_finalizer(self, external_secret: ExternalSecret) -> None:
        meta = external_secret.metadata
        if CLEANUP_FINALIZER in meta.finalizers:
            return
        metadata: JsonObject = {"finalizers": [*meta.finalizers, CLEANUP_FINALIZER]}
        if meta.finalizers:
            metadata["resourceVersion"] = meta.resource_version  # do not undo what somebody else adds meanwhile
        stored = await self.cluster.merge_patch(
            EXTERNAL_SECRETS, meta.name, meta.namespace, {"metadata": metadata}, field_manager=CONTROLLER_MANAGER
        )
        self.informer.store(stored)

    async def _finalize(self, external_secret: ExternalSecret) -> None:
        meta = external_secret.metadata
        if CLEANUP_FINALIZER not in meta.finalizers:
            return
        if external_secret.spec.target.deletion_policy is DeletionPolicy.Delete:
            try:
                await self._delete_target(external_secret)
            except SecretSyncError as error:
                self.events.record(external_secret, Event(EventReason.UpdateFailed, str(error), warning=True))
                raise
        await self._remove_finalizer(meta.namespace, meta.name, meta.finalizers)

    async def _delete_target(self, external_secret: ExternalSecret) -> None:
        namespace, name = external_secret.metadata.namespace, target.target_name(external_secret)
        live = await self.targets.get(namespace, name, certain=True)
        if live is not None and target.is_owned_by(external_secret, live):
            await self.cluster.delete(SECRETS, name, namespace, uid=live["metadata"].get("uid", ""))

    async def _remove_finalizer(self, namespace: str, name: str, finalizers: tuple[str, ...] | list[str]) -> None:
        if CLEANUP_FINALIZER not in finalizers:
            return
        kept = [finalizer for finalizer in finalizers if finalizer != CLEANUP_FINALIZER]
        patch = {"metadata": {"finalizers": kept or None}}
        try:
            stored = await self.cluster.merge_patch(
                EXTERNAL_SECRETS, name, namespace, patch, field_manager=CONTROLLER_MANAGER
            )
        except ClusterRefused as error:
            if error.status != 404:  # noqa: PLR2004 - HTTP: it has gone already
                raise
            return
        if kept:
            self.informer.store(stored)

    async def _patch_status(self, namespace: str, name: str, patch: JsonObject) -> None:
        try:
            stored = await self.cluster.merge_patch(
                EXTERNAL_SECRETS,
                name,
                namespace,
                {"status": patch},
                field_manager=CONTROLLER_MANAGER,
                subresource="status",
            )
        except ClusterRefused as error:
            if error.status != 404:  # noqa: PLR2004 - HTTP: it was deleted meanwhile
                raise
            return
        self.informer.store(stored)

    def _forget(self, key: Key) -> None:
        self.memories.pop(key, None)
        self.queue.forget(key)
        self.metrics.forget(key)

    def _failed(self, key: Key, error: ClusterError) -> None:
        pause = self.queue.add_failed(key)
        log.warning("ExternalSecret %s/%s: %s; again in %.0f s", *key, error, pause)

    @staticmethod
    def _log(key: Key, outcome: Outcome) -> None:
        if outcome.error is not None:
            log.warning("ExternalSecret %s/%s: %s: %s", *key, outcome.message, outcome.error)
        else:
            log.info("ExternalSecret %s/%s: %s, target %s", *key, outcome.message, outcome.action)


def _tick(every: timedelta) -> timedelta:
    return min(every / _TICKS, _LONGEST_TICK)


def _phase(external_secret: ExternalSecret) -> float:
    """Where in the interval the beat of a key lies, between 0 and 1: keys are not all read at the same moment.

    The first key that is declared counts for the whole ExternalSecret.
    """
    spec = external_secret.spec
    ref = spec.secret_store_ref
    store = f"{ref.kind}/{ref.name}" if ref is not None else ""
    keys = [entry.remote_ref.key for entry in spec.data] or [
        source.extract.key for source in spec.data_from if source.extract is not None
    ]
    name = f"{external_secret.metadata.namespace}/{store}/{keys[0] if keys else ''}"
    return zlib.crc32(name.encode()) / 2**32


async def gather_cancelled(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

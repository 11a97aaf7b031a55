"""SecretStores and ClusterSecretStores: validated, their status kept, opened for whoever may use them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from secretsync.api import ClusterSecretStore, SecretStore, StoreKind, go_duration, parse
from secretsync.controller.informer import Informer
from secretsync.controller.queue import WorkQueue
from secretsync.errors import (
    ClusterError,
    ManifestErrors,
    SecretSyncError,
    StoreError,
    StoreInvalid,
    StoreNotFound,
    StoreNotReady,
)
from secretsync.kube.resources import CLUSTER_SECRET_STORES, NAMESPACES, SECRET_STORES
from secretsync.providers.protocol import Invalid, Unknown
from secretsync.sync import stores
from secretsync.sync.names import CONTROLLER_MANAGER
from secretsync.sync.status import merge_condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsync.api import JsonObject, Store, StoreRef
    from secretsync.controller.informer import Change, Key
    from secretsync.controller.metrics import Metrics
    from secretsync.controller.provider_cache import ProviderCache, StoreKey
    from secretsync.controller.settings import ControllerSettings
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider

log = logging.getLogger(__name__)

_RESOURCES = {"SecretStore": SECRET_STORES, "ClusterSecretStore": CLUSTER_SECRET_STORES}

LONGEST_STORE_PAUSE = 30.0
"""Seconds between validations of a store that fails: one look serves all who wait for it, so it need not be rare."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the last validation of one generation of a store found.

    Attributes:
        uid: of the store.
        generation: of the store.
        ready: whether it may be asked.
        reason: of the Ready condition.
        message: of the Ready condition.
        cause: why it is not ready; for the log and for whoever wants to use it.
        capabilities: what it can do; empty where that is not known.
        retry: whether validating again soon may help.
    """

    uid: str
    generation: int
    ready: bool
    reason: str
    message: str
    cause: str = ""
    capabilities: str = ""
    retry: bool = False


class StoreRegistry:
    """All stores of this controller's class, as their informers show them.

    Args:
        cluster: where.
        settings: scope, class and intervals.
        providers: open providers.
        metrics: counts validations.
        on_usable: called with a store that has just become usable or has changed, for those who wait for it.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: ControllerSettings,
        providers: ProviderCache,
        metrics: Metrics,
        on_usable: Callable[[StoreKey], None],
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._providers = providers
        self._metrics = metrics
        self._on_usable = on_usable
        self._parsed: dict[StoreKey, Store] = {}
        self._verdicts: dict[StoreKey, Verdict] = {}
        self._validating: dict[StoreKey, asyncio.Task[Verdict]] = {}
        self.queue: WorkQueue[StoreKey] = WorkQueue(longest_pause=LONGEST_STORE_PAUSE)
        namespaces = settings.namespaces
        self._informers = {
            "SecretStore": Informer(cluster, SECRET_STORES, self._changed_in_namespace, namespaces=namespaces)
        }
        self._namespaces: Informer | None = None
        if settings.cluster_stores:
            self._informers["ClusterSecretStore"] = Informer(cluster, CLUSTER_SECRET_STORES, self._changed_in_cluster)
            self._namespaces = Informer(cluster, NAMESPACES, lambda _: None, metadata_only=True, keep=_labelled)

    @property
    def informers(self) -> tuple[Informer, ...]:
        """What has to run."""
        namespaces = (self._namespaces,) if self._namespaces is not None else ()
        return (*self._informers.values(), *namespaces)

    def find(self, ref: StoreRef, namespace: str) -> Store | None:
        """The store that a reference names, or None."""
        return self._parsed.get(self.key(ref, namespace))

    @staticmethod
    def key(ref: StoreRef, namespace: str) -> StoreKey:
        """The key of the store that a reference in `namespace` names."""
        cluster_wide = ref.kind is StoreKind.ClusterSecretStore
        return str(ref.kind), "" if cluster_wide else namespace, ref.name or ""

    def is_foreign(self, store: Store) -> bool:
        """Whether another controller class is in charge of a store."""
        return self.is_foreign_class(store.spec.controller)

    def is_foreign_class(self, name: str) -> bool:
        """Whether a controller class is another one than this controller's; none at all is everybody's."""
        return name not in ("", self._settings.controller_class)

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        """The provider of a store, as an ExternalSecret of `namespace` may use it.

        Raises:
            StoreNotFound: there is no such store.
            StoreNotAllowed: its conditions do not admit the namespace.
            StoreNotReady: it is known not to work.
            StoreInvalid: it cannot work.
        """
        place = stores.describe(ref, namespace)
        store = self.find(ref, namespace)
        if store is None:
            if ref.kind is StoreKind.ClusterSecretStore and not self._settings.cluster_stores:
                remedy = "use a SecretStore, or run the controller without --no-cluster-stores"
                raise StoreInvalid("this controller serves no cluster-wide stores", place=place, remedy=remedy)
            raise StoreNotFound("there is no such store", place=place, remedy="create it")
        if store.spec.conditions:
            stores.check_allowed(store, namespace, self._labels(namespace))
        if self._settings.floodgate:
            verdict = await self._verdict(store)
            if not verdict.ready:
                problem = f"the store is not ready: {verdict.cause or verdict.message}"
                raise StoreNotReady(problem, place=place, remedy="see the conditions of the store")
        return self._providers.provider(store, namespace)

    async def work(self) -> None:
        """Validate stores as they change and as their interval elapses, for ever."""
        while True:
            key, _ = await self.queue.get()
            try:
                await self._visit(key)
            except ClusterError as error:
                log.warning("cannot write the status of %s %s/%s: %s", *key, error)
                self.queue.add_failed(key)
            except Exception:
                log.exception("validating %s %s/%s failed", *key)
                self.queue.add_failed(key)
            finally:
                self.queue.done(key)

    def credentials_changed(self, obj: Key) -> None:
        """Open the stores anew that refer to an object."""
        for key in self._providers.drop_users_of(obj):
            log.info("credentials of %s %s/%s changed", *key)
            self._verdicts.pop(key, None)
            self.queue.add(key)

    def _labels(self, namespace: str) -> dict[str, str]:
        found = self._namespaces.get(("", namespace)) if self._namespaces is not None else None
        return dict((found or {"metadata": {}})["metadata"].get("labels") or {})

    def _changed_in_namespace(self, change: Change) -> None:
        self._changed(change, "SecretStore")

    def _changed_in_cluster(self, change: Change) -> None:
        self._changed(change, "ClusterSecretStore")

    def _changed(self, change: Change, kind: str) -> None:
        key: StoreKey = (kind, *change.key)
        if change.new is None:
            self._parsed.pop(key, None)
            self._verdicts.pop(key, None)
            self._providers.drop_store(key)
            self.queue.forget(key)
            self._metrics.forget_store(key)
            return
        if change.old is not None and _version(change.old) == _version(change.new) and key in self._parsed:
            return  # a status of our own
        self._providers.drop_store(key)
        self._verdicts.pop(key, None)
        try:
            store = parse(change.new)
        except ManifestErrors as error:
            log.warning("%s %s/%s cannot be read: %s", *key, error)
            self._parsed.pop(key, None)
            return
        if not isinstance(store, SecretStore | ClusterSecretStore):
            return
        self._parsed[key] = store
        if not self.is_foreign(store):
            self.queue.add(key)

    async def _visit(self, key: StoreKey) -> None:
        store = self._parsed.get(key)
        if store is None:
            return
        before = self._verdicts.pop(key, None)
        verdict = await self._verdict(store)
        await self._write_status(key, verdict)
        self._metrics.store_visited(key, ready=verdict.ready, reason=verdict.reason)
        if verdict.ready:
            self.queue.succeeded(key)
            self.queue.add_after(key, self._interval(store).total_seconds())
            if before is None or not before.ready:
                self._on_usable(key)
        elif verdict.retry:
            self.queue.add_failed(key)
        else:
            self.queue.add_after(key, self._interval(store).total_seconds())

    async def _verdict(self, store: Store) -> Verdict:
        """The verdict on this generation; validated once for all who ask at the same time."""
        key: StoreKey = (store.kind, store.metadata.namespace, store.metadata.name)
        known = self._verdicts.get(key)
        if known is not None and (known.uid, known.generation) == (store.metadata.uid, store.metadata.generation):
            return known
        running = self._validating.get(key)
        if running is None:
            running = asyncio.ensure_future(self._validate(store))
            self._validating[key] = running
            running.add_done_callback(lambda _: self._validating.pop(key, None))
        verdict = await asyncio.shield(running)
        if (verdict.uid, verdict.generation) == (store.metadata.uid, store.metadata.generation):
            self._verdicts[key] = verdict
        return verdict

    async def _validate(self, store: Store) -> Verdict:
        uid, generation = store.metadata.uid, store.metadata.generation
        try:
            provider = self._providers.provider(store, store.metadata.namespace)
        except SecretSyncError as error:
            message = "unable to create client"
            return Verdict(
                uid, generation, ready=False, reason="InvalidProviderConfig", message=message, cause=str(error)
            )
        try:
            validity = await provider.validate()
        except StoreError as error:
            message = "unable to create client"
            return Verdict(
                uid,
                generation,
                ready=False,
                reason="InvalidProviderConfig",
                message=message,
                cause=str(error),
                retry=True,
            )
        except SecretSyncError as error:
            message = "unable to validate store"
            return Verdict(
                uid,
                generation,
                ready=False,
                reason="InvalidProviderConfig",
                message=message,
                cause=str(error),
                retry=True,
            )
        if isinstance(validity, Invalid):
            message = "unable to validate store"
            return Verdict(
                uid,
                generation,
                ready=False,
                reason="InvalidProviderConfig",
                message=message,
                cause=validity.reason,
                retry=True,
            )
        capabilities = str(provider.capabilities)
        if isinstance(validity, Unknown):
            message = "store isn't currently able to validate"
            return Verdict(
                uid,
                generation,
                ready=True,
                reason="ValidationUnknown",
                message=message,
                cause=validity.reason,
                capabilities=capabilities,
            )
        return Verdict(
            uid, generation, ready=True, reason="Valid", message="store validated", capabilities=capabilities
        )

    async def _write_status(self, key: StoreKey, verdict: Verdict) -> None:
        kind, namespace, name = key
        informer = self._informers[kind]
        raw = informer.get((namespace, name))
        if raw is None:
            return
        if not verdict.ready:
            log.warning("%s %s/%s is not usable: %s", *key, verdict.cause)
        status = raw.get("status") or {}
        before = list(status.get("conditions") or ())
        now = datetime.now(UTC)
        conditions = merge_condition(
            before, "Ready", ready=verdict.ready, reason=verdict.reason, message=verdict.message, now=now
        )
        patch: JsonObject = {} if conditions == before else {"conditions": conditions}
        if verdict.capabilities and status.get("capabilities") != verdict.capabilities:
            patch["capabilities"] = verdict.capabilities
        if patch:
            stored = await self._cluster.merge_patch(
                _RESOURCES[kind],
                name,
                namespace or None,
                {"status": patch},
                field_manager=CONTROLLER_MANAGER,
                subresource="status",
            )
            informer.store(stored)

    def _interval(self, store: Store) -> timedelta:
        text = store.spec.refresh_interval
        in_seconds = isinstance(text, int) or text.isdecimal()
        every = timedelta(seconds=int(text)) if in_seconds else go_duration.parse(str(text))
        return every if every > timedelta(0) else self._settings.store_requeue_interval


def _version(obj: JsonObject) -> tuple[str, int]:
    return obj["metadata"].get("uid", ""), obj["metadata"].get("generation", 0)


def _labelled(obj: JsonObject) -> JsonObject:
    metadata = obj["metadata"]
    return {"metadata": {part: metadata[part] for part in ("name", "resourceVersion", "labels") if part in metadata}}

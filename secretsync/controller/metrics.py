"""Metrics: ESO's names for what ESO measures, our own beside them.

Labels never carry a secret value; series end with their object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from secretsync.controller.informer import Key
    from secretsync.controller.provider_cache import StoreKey
    from secretsync.sync.fetching import Counts
    from secretsync.sync.types import Outcome

_OBJECT = ("name", "namespace")
_CONDITION = (*_OBJECT, "condition", "status")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """All metrics of one controller, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._sync_calls = Counter("externalsecret_sync_calls", "Syncs", _OBJECT, registry=registry)
        self._sync_errors = Counter("externalsecret_sync_calls_error", "Syncs that failed", _OBJECT, registry=registry)
        self._condition = Gauge(
            "externalsecret_status_condition", "Condition of an ExternalSecret", _CONDITION, registry=registry
        )
        self._duration = Gauge(
            "externalsecret_reconcile_duration", "Nanoseconds of the last sync", _OBJECT, registry=registry
        )
        stores = ("secretstore", "clustersecretstore")
        self._store_condition = {
            name: Gauge(f"{name}_status_condition", "Condition of a store", _CONDITION, registry=registry)
            for name in stores
        }
        self._reconcile = Histogram(
            "secretsync_visit_seconds", "Seconds of one visit", buckets=_BUCKETS, registry=registry
        )
        self._actions = Counter("secretsync_targets", "What syncs did to targets", ("action",), registry=registry)
        self._reads = Counter("secretsync_reads", "Reads that syncs asked for", ("served",), registry=registry)
        self._waiting = Gauge("secretsync_queue_length", "ExternalSecrets that wait for a worker", registry=registry)
        self._leader = Gauge("secretsync_leader", "1 where this process is the one that works", registry=registry)
        self._counted = (0, 0)

    def visited(self, seconds: float) -> None:
        """One visit to an ExternalSecret took so long."""
        self._reconcile.observe(seconds)

    def synced(self, key: Key, outcome: Outcome, seconds: float) -> None:
        """One sync came to this."""
        namespace, name = key
        self._sync_calls.labels(name, namespace).inc()
        self._duration.labels(name, namespace).set(round(seconds * 1e9))
        self._actions.labels(str(outcome.action)).inc()
        if outcome.error is not None:
            self._sync_errors.labels(name, namespace).inc()
        for status in ("True", "False"):
            self._condition.labels(name, namespace, "Ready", status).set(outcome.ready == (status == "True"))

    def store_visited(self, key: StoreKey, *, ready: bool, reason: str) -> None:  # noqa: ARG002 - a label would go stale
        """One validation of a store came to this."""
        kind, namespace, name = key
        for status in ("True", "False"):
            gauge = self._store_condition[kind.lower()]
            gauge.labels(name, namespace, "Ready", status).set(ready == (status == "True"))

    def forget(self, key: Key) -> None:
        """End the series of an ExternalSecret that is gone."""
        namespace, name = key
        for metric in (self._sync_calls, self._sync_errors, self._duration):
            _remove(metric, name, namespace)
        for status in ("True", "False"):
            _remove(self._condition, name, namespace, "Ready", status)

    def forget_store(self, key: StoreKey) -> None:
        """End the series of a store that is gone."""
        kind, namespace, name = key
        for status in ("True", "False"):
            _remove(self._store_condition[kind.lower()], name, namespace, "Ready", status)

    def leading(self, *, leads: bool) -> None:
        """Whether this process works."""
        self._leader.set(leads)

    def render(self, *, waiting: int, reads: Counts) -> bytes:
        """The text that Prometheus scrapes."""
        self._waiting.set(waiting)
        asked, upstream = self._counted
        self._reads.labels("upstream").inc(reads.upstream - upstream)
        self._reads.labels("shared").inc((reads.asked - reads.upstream) - (asked - upstream))
        self._counted = (reads.asked, reads.upstream)
        return generate_latest(self.registry)


def _remove(metric: Counter | Gauge, *labels: str) -> None:
    try:
        metric.remove(*labels)
    except KeyError:
        return

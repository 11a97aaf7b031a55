"""The kinds that run Pods, where each keeps its pod template, and which of them restart their Pods when it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secretsync.kube.resources import DEPLOYMENTS, PODS, Resource

if TYPE_CHECKING:
    from secretsync.api import JsonObject

STATEFUL_SETS: Final = Resource("apps", "v1", "statefulsets", "StatefulSet", namespaced=True)
DAEMON_SETS: Final = Resource("apps", "v1", "daemonsets", "DaemonSet", namespaced=True)
REPLICA_SETS: Final = Resource("apps", "v1", "replicasets", "ReplicaSet", namespaced=True)
JOBS: Final = Resource("batch", "v1", "jobs", "Job", namespaced=True)
CRON_JOBS: Final = Resource("batch", "v1", "cronjobs", "CronJob", namespaced=True)


@dataclass(frozen=True, slots=True)
class WorkloadKind:
    """One kind that runs Pods.

    Attributes:
        resource: how the API server serves it.
        template: fields that lead to the pod template; none for a Pod, which is its own.
        rolls: whether a changed template replaces its Pods.
    """

    resource: Resource
    template: tuple[str, ...]
    rolls: bool = False


WORKLOAD_KINDS: Final = {
    kind.resource.kind: kind
    for kind in (
        WorkloadKind(DEPLOYMENTS, ("spec", "template"), rolls=True),
        WorkloadKind(STATEFUL_SETS, ("spec", "template"), rolls=True),
        WorkloadKind(DAEMON_SETS, ("spec", "template"), rolls=True),
        WorkloadKind(CRON_JOBS, ("spec", "jobTemplate", "spec", "template")),
        WorkloadKind(JOBS, ("spec", "template")),
        WorkloadKind(REPLICA_SETS, ("spec", "template")),
        WorkloadKind(PODS, ()),
    )
}
"""By name of the kind."""


def pod_template(obj: JsonObject) -> JsonObject:
    """The pod template of an object of one of these kinds; empty where it has none."""
    found: JsonObject = obj
    for field in WORKLOAD_KINDS[obj["kind"]].template:
        found = found.get(field) or {}
    return found

"""Which workloads of a namespace use a Secret, told by the one that owns the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.workloads import marks
from secretsync.workloads.kinds import WORKLOAD_KINDS, pod_template
from secretsync.workloads.references import uses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster
    from secretsync.workloads.references import Use

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that uses a Secret.

    Attributes:
        kind: ``Deployment``, ``StatefulSet``, ``DaemonSet``, ``CronJob``, ``Job``, ``ReplicaSet`` or ``Pod``.
        name: its name.
        uses: how it uses the Secret, by its template and by its running Pods.
        restarts_itself: whether new content reaches it without anybody's doing: a CronJob's next run reads it, and
            Stakater's Reloader restarts what is annotated for this Secret.
        namespace: where it is.
        asks_for_rollout: whether its annotations ask for a restart by the program.
        checksum: what its pod template says of the content it was restarted for; empty where nothing.
    """

    kind: str
    name: str
    uses: tuple[Use, ...]
    restarts_itself: bool
    namespace: str
    asks_for_rollout: bool = False
    checksum: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def notices(self) -> bool:
        """Whether new content reaches all its containers without a restart by somebody else."""
        return self.restarts_itself or all(use.follows for use in self.uses)

    @property
    def can_restart(self) -> bool:
        """Whether a change of its pod template replaces its Pods."""
        return WORKLOAD_KINDS[self.kind].rolls


class Dependents:
    """Answers for many Secrets from one list request per kind and namespace; made for one preview or one update."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._listed: dict[str, asyncio.Task[list[JsonObject]]] = {}

    async def find(self, namespace: str, secret: str) -> tuple[Workload, ...]:
        """The workloads that use a Secret; see `find`."""
        if namespace not in self._listed:
            self._listed[namespace] = asyncio.ensure_future(_list(self._cluster, namespace))
        return dependents_of(await asyncio.shield(self._listed[namespace]), secret)


async def find(cluster: Cluster, namespace: str, secret: str) -> tuple[Workload, ...]:
    """The workloads that use a Secret, sorted by kind and name.

    Raises:
        ClusterDenied: one of the kinds must not be listed; the answer would not be complete.
        ClusterError: the API server did not answer.
    """
    return await Dependents(cluster).find(namespace, secret)


def dependents_of(objects: Iterable[JsonObject], secret: str) -> tuple[Workload, ...]:
    """The workloads among `objects`, all of one namespace, that use a Secret; pure.

    What controls others stands for them. A template counts where nothing listed controls its object, and a Pod counts
    wherever it runs: what admission put into it is in no template, and an old ReplicaSet's template is in no Pod.
    """
    known = {_identity(obj): obj for obj in objects}
    found: dict[tuple[str, str], dict[Use, None]] = {}
    for identity, obj in known.items():
        root = _root(identity, known)
        if (root != identity and obj["kind"] != "Pod") or _has_ended(obj):
            continue
        for use in uses(pod_template(obj), secret):
            found.setdefault(root, {})[use] = None
    return tuple(_workload(known[root], secret, tuple(found[root])) for root in sorted(found))


def _workload(obj: JsonObject, secret: str, how: tuple[Use, ...]) -> Workload:
    of_template = (pod_template(obj).get("metadata") or {}).get("annotations") or {}
    both = {**of_template, **(obj["metadata"].get("annotations") or {})}
    return Workload(
        kind=obj["kind"],
        name=obj["metadata"]["name"],
        uses=how,
        restarts_itself=obj["kind"] == "CronJob" or marks.is_reloaded(both, secret),
        namespace=str(obj["metadata"].get("namespace", "")),
        asks_for_rollout=marks.asks_for_rollout(both),
        checksum=str(of_template.get(marks.checksum_of(secret), "")),
    )


async def _list(cluster: Cluster, namespace: str) -> list[JsonObject]:
    requests = (cluster.list(kind.resource, namespace) for kind in WORKLOAD_KINDS.values())
    listings = await asyncio.gather(*requests, return_exceptions=True)
    objects: list[JsonObject] = []
    for listing in listings:
        if isinstance(listing, BaseException):
            raise listing
        objects += listing.items
    return objects


def _identity(obj: JsonObject) -> tuple[str, str]:
    return obj["kind"], obj["metadata"]["name"]


def _root(identity: tuple[str, str], known: Mapping[tuple[str, str], JsonObject]) -> tuple[str, str]:
    """The outermost of the known objects that control this one; itself where none does."""
    seen = {identity}
    while True:
        owners = known[identity]["metadata"].get("ownerReferences") or ()
        owner = next(((ref["kind"], ref["name"], ref.get("uid")) for ref in owners if ref.get("controller")), None)
        controller = known.get(owner[:2]) if owner is not None else None
        if owner is None or controller is None or controller["metadata"].get("uid") != owner[2] or owner[:2] in seen:
            return identity
        identity = owner[:2]
        seen.add(identity)


def _has_ended(obj: JsonObject) -> bool:
    """Whether nothing of it runs or will run again."""
    status = obj.get("status") or {}
    if obj["kind"] == "Pod":
        return status.get("phase") in _ENDED
    conditions = status.get("conditions") or ()
    return obj["kind"] == "Job" and any(
        condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"
        for condition in conditions
    )

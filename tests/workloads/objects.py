"""Kubernetes objects for these tests, with as little in them as each case needs."""

from __future__ import annotations

from typing import Any

from secretsync.kube.fake import MemoryCluster
from secretsync.workloads.kinds import WORKLOAD_KINDS

NAMESPACE = "team"
SECRET = "credentials"


async def cluster(*objects: dict[str, Any]) -> MemoryCluster:
    """A cluster that serves the kinds which run Pods, with these objects in it."""
    made = MemoryCluster()
    for kind in WORKLOAD_KINDS.values():
        made.register(kind.resource)
    for obj in objects:
        stored = await made.create(WORKLOAD_KINDS[obj["kind"]].resource, obj, field_manager="test-setup")
        await set_status(made, stored, obj["status"])
    return made


async def set_status(cluster: MemoryCluster, live: dict[str, Any], status: dict[str, Any]) -> None:
    """What a controller reports."""
    resource = WORKLOAD_KINDS[live["kind"]].resource
    metadata = live["metadata"]
    await cluster.merge_patch(
        resource,
        metadata["name"],
        metadata["namespace"],
        {"status": status},
        field_manager="controller",
        subresource="status",
    )


def from_env(key: str = "password", *, secret: str = SECRET, name: str = "main") -> dict[str, Any]:
    """A container with one variable from a Secret."""
    reference = {"secretKeyRef": {"name": secret, "key": key}}
    return {"name": name, "image": "i", "env": [{"name": "V", "valueFrom": reference}]}


def template(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A pod template."""
    return {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": list(containers), **spec}}


def workload(kind: str, name: str, pod: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An object of one of the kinds, around a pod template.

    Args:
        kind: which kind.
        name: its name.
        pod: its pod template.
        fields: ``owner`` (an object that controls it), ``annotations``, ``status``, and fields of its ``spec``.
    """
    metadata: dict[str, Any] = {"name": name, "namespace": NAMESPACE, "uid": f"{kind}-{name}"}
    owner = fields.pop("owner", None)
    if owner is not None:
        metadata["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
    if "annotations" in fields:
        metadata["annotations"] = fields.pop("annotations")
    status = fields.pop("status", {})
    path = WORKLOAD_KINDS[kind].template
    body: dict[str, Any] = {}
    inner = body
    for field in path[:-1]:
        inner = inner.setdefault(field, {})
    if path:
        inner[path[-1]] = pod
        body["spec"] = {**body["spec"], **fields}
    else:
        body = {"spec": {**pod["spec"], **fields}}
    api_version = WORKLOAD_KINDS[kind].resource.api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body, "status": status}

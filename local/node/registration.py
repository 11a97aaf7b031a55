"""The Node object and its Lease: how the cluster knows that the node is there."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.node.addresses import HOST
from local.node.api import Api, ApiError, JsonObject
from local.node.status import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEASE_SECONDS = 40
_RENEW_SECONDS = 10.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_CONFLICT = 409
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_NOT_READY = "node.kubernetes.io/not-ready"

logger = logging.getLogger(__name__)


class Registration:
    """Registers a node and keeps its Lease.

    Args:
        api: The API server.
        name: The node's name.
        images: The image names it knows, shown in its status.
    """

    def __init__(self, api: Api, name: str, images: Mapping[str, str]) -> None:
        self._api = api
        self._name = name
        self._images = images
        self._since = timestamp(datetime.now(UTC))

    @property
    def labels(self) -> dict[str, str]:
        """The node's labels, which a pod's nodeSelector is compared with."""
        machine = platform.machine().lower()
        return {
            "kubernetes.io/os": platform.system().lower(),
            "kubernetes.io/arch": _ARCHITECTURES.get(machine, machine),
            "kubernetes.io/hostname": self._name,
        }

    async def register(self) -> None:
        """Creates the Node, or takes over the one that is there, and says that it is ready.

        Raises:
            ApiError: The API server refused or went away.
        """
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self._name, "labels": self.labels},
            "spec": {},
        }
        try:
            await self._api.create("/api/v1/nodes", node)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
        await self.renew()
        await self.say(ready=True)
        # Admission taints each new node until somebody has seen it ready; no scheduler or node controller is here to.
        held = await self._api.get(f"/api/v1/nodes/{self._name}") or {}
        taints = [taint for taint in held.get("spec", {}).get("taints") or [] if taint["key"] != _NOT_READY]
        patch = {"metadata": {"labels": self.labels}, "spec": {"taints": taints}}
        await self._api.patch(f"/api/v1/nodes/{self._name}", patch)

    async def say(self, *, ready: bool) -> None:
        """Writes the node's status."""
        await self._api.patch(f"/api/v1/nodes/{self._name}/status", {"status": self._status(ready=ready)})

    async def keep(self) -> None:
        """Renews the Lease until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await self.renew()
            except ApiError as error:
                logger.warning("lease not renewed: %s", error)

    async def renew(self) -> None:
        """Creates or renews the Lease."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": self._name, "leaseDurationSeconds": _LEASE_SECONDS, "renewTime": now}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name},
            "spec": spec,
        }
        try:
            await self._api.patch(f"{_LEASES}/{self._name}", {"spec": spec})
        except ApiError as error:
            if error.status != 404:  # noqa: PLR2004  HTTP status
                raise
            await self._api.create(_LEASES, lease)

    def _status(self, *, ready: bool) -> JsonObject:
        resources = {
            "cpu": str(os.cpu_count() or 1),
            "memory": str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
            "pods": "110",
        }
        reason, message = (
            ("NodeReady", "known images are run as processes") if ready else ("NodeStopped", "the node was stopped")
        )
        return {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [{"type": "InternalIP", "address": HOST}, {"type": "Hostname", "address": self._name}],
            "conditions": [
                self._condition("Ready", "True" if ready else "False", reason, message),
                self._condition("MemoryPressure", "False", "NotMeasured", "memory is not limited"),
                self._condition("DiskPressure", "False", "NotMeasured", "disk is not limited"),
                self._condition("PIDPressure", "False", "NotMeasured", "processes are not limited"),
            ],
            "images": [{"names": [name]} for name in sorted(self._images)],
            "nodeInfo": {
                "architecture": self.labels["kubernetes.io/arch"],
                "bootID": "",
                "containerRuntimeVersion": f"process://python-{platform.python_version()}",
                "kernelVersion": platform.release(),
                "kubeProxyVersion": "",
                "kubeletVersion": "process",
                "machineID": "",
                "operatingSystem": platform.system().lower(),
                "osImage": platform.platform(terse=True),
                "systemUUID": "",
            },
        }

    def _condition(self, kind: str, status: str, reason: str, message: str) -> dict[str, str]:
        now = timestamp(datetime.now(UTC))
        since = self._since if status == "True" or kind != "Ready" else now
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": since,
        }

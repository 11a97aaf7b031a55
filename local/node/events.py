"""Events: what the node tells about pods, for ``kubectl describe`` and ``pulumi up``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from local.node.api import Api, ApiError, JsonObject
from local.node.status import timestamp

_COMPONENT = "external-secrets-on-pulumi-node"
_REMEMBERED = 1000

logger = logging.getLogger(__name__)


class Events:
    """Writes events; a repeated one is counted up instead of written again. Losing one never matters.

    Args:
        api: The API server.
        node: The node's name.
    """

    def __init__(self, api: Api, node: str) -> None:
        self._api = api
        self._node = node
        self._written: dict[tuple[str, str, str], tuple[str, int]] = {}

    async def tell(self, pod: JsonObject, reason: str, message: str, *, warning: bool = False) -> None:
        """Writes an event about a pod.

        Args:
            pod: The pod.
            reason: One word, as the kubelet has it: ``Started``, ``Killing``, ``BackOff``, ``Unhealthy``.
            message: For a person; never a value.
            warning: Whether it is of type Warning.
        """
        namespace, uid = pod["metadata"]["namespace"], pod["metadata"]["uid"]
        key = (uid, reason, message)
        now = timestamp(datetime.now(UTC))
        path = f"/api/v1/namespaces/{namespace}/events"
        try:
            if known := self._written.get(key):
                name, count = known
                await self._api.patch(f"{path}/{name}", {"count": count + 1, "lastTimestamp": now})
                self._written[key] = (name, count + 1)
                return
            written = await self._api.create(path, self._event(pod, reason, message, now, warning=warning))
        except ApiError as error:
            self._written.pop(key, None)
            logger.debug("event %s for pod %s was not written: %s", reason, uid, error)
            return
        if len(self._written) >= _REMEMBERED:
            self._written.pop(next(iter(self._written)))
        self._written[key] = (written["metadata"]["name"], 1)

    def _event(self, pod: JsonObject, reason: str, message: str, now: str, *, warning: bool) -> JsonObject:
        metadata = pod["metadata"]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "source": {"component": _COMPONENT, "host": self._node},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

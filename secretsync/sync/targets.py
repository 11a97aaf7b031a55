"""How a sync looks at targets: straight at the API server, or through a cache that the controller keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from secretsync.kube.resources import SECRETS
from secretsync.sync.names import CREATED_BY_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster


class Targets(Protocol):
    """Reads target Secrets."""

    async def get(self, namespace: str, name: str, *, certain: bool) -> JsonObject | None:
        """The Secret as known; with `certain`, None means that the API server has none, not only the cache."""
        ...

    async def fresh(self, namespace: str, name: str) -> JsonObject | None:
        """The Secret as the API server has it now."""
        ...

    async def created_by(self, namespace: str, label: str) -> Sequence[JsonObject]:
        """The Secrets that carry this created-by label; metadata suffices."""
        ...

    def stored(self, target: JsonObject) -> None:
        """Take note of what was just written."""
        ...


@dataclass(frozen=True, slots=True)
class ClusterTargets:
    """Reads every time from the API server."""

    cluster: Cluster

    async def get(self, namespace: str, name: str, *, certain: bool) -> JsonObject | None:  # noqa: ARG002 - always is
        """The Secret."""
        return await self.fresh(namespace, name)

    async def fresh(self, namespace: str, name: str) -> JsonObject | None:
        """The Secret."""
        return await self.cluster.get(SECRETS, name, namespace)

    async def created_by(self, namespace: str, label: str) -> Sequence[JsonObject]:
        """Those that carry the label."""
        selector = f"{CREATED_BY_LABEL}={label}"
        return (await self.cluster.list(SECRETS, namespace, label_selector=selector, metadata_only=True)).items

    def stored(self, target: JsonObject) -> None:
        """Nothing is kept."""

"""Small declarations, a backend that can be told what to hold, and Secrets as the API server keeps them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secretsync.api import Capabilities, ExternalSecret, Find, RemoteRef, StoreRef, parse
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import EXTERNAL_SECRETS, SECRETS
from secretsync.providers.protocol import Fetched, Missing, Provider, RemoteKey, Valid, Validity
from secretsync.sync.fetching import FetchWindow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.errors import SecretSyncError

NAMESPACE = "team"


def external_secret(name: str = "app", **spec: Any) -> ExternalSecret:
    """An ExternalSecret that reads ``k`` into ``own``, unless `spec` says otherwise."""
    metadata: dict[str, Any] = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "generation": 1}
    metadata |= spec.pop("metadata", {})
    body = {
        "secretStoreRef": {"name": "store"},
        "data": [{"secretKey": "own", "remoteRef": {"key": "k"}}],
        **spec,
    }
    status = body.pop("status", {})
    raw = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata, "spec": body}
    parsed = parse({**raw, "status": status})
    assert isinstance(parsed, ExternalSecret)
    return parsed


def secret(name: str = "app", data: Mapping[str, bytes] | None = None, **metadata: Any) -> dict[str, Any]:
    """A Secret."""
    encoded = {key: base64.b64encode(value).decode() for key, value in (data or {}).items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "type": "Opaque",
        "data": encoded,
    }


@dataclass(eq=False)
class Backend:
    """Holds values by key; counts its calls; fails where it is told to."""

    values: dict[str, bytes] = field(default_factory=lambda: {"k": b"v1"})
    errors: dict[str, Exception] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    finds: int = 0
    find_error: Exception | None = None
    closed: bool = False
    open_error: SecretSyncError | None = None
    capabilities: Capabilities = Capabilities.ReadOnly

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        if self.open_error is not None:
            raise self.open_error
        return self

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        return RemoteKey(ref.key, ref.version)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        return Missing("no such property") if ref.property == "absent" else fetched.value

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        if ref.property == "absent":
            return Missing("no such property")
        pairs = (pair.split(b"=", 1) for pair in fetched.value.split(b","))
        return {key.decode(): value for key, value in pairs}

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        self.calls.append(sorted(key.key for key in keys))
        for key in keys:
            if key.key in self.errors:
                raise self.errors[key.key]
        return {
            key: Fetched(self.values[key.key], "1") if key.key in self.values else Missing(f"no {key.key}")
            for key in keys
        }

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        self.finds += 1
        if self.find_error is not None:
            raise self.find_error
        return {key: Fetched(value, "1") for key, value in self.values.items()}

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        return dict.fromkeys(keys, "1")

    async def validate(self) -> Validity:
        return Valid()

    async def aclose(self) -> None:
        self.closed = True


class Stage:
    """A cluster in memory, a backend, and the window between them."""

    def __init__(self, declared: ExternalSecret, *objects: dict[str, Any], backend: Backend | None = None) -> None:
        self.declared = declared
        self.backend = backend or Backend()
        self.cluster = MemoryCluster([{**declared.to_json()}, *objects])
        self.fetches = FetchWindow(self.backend)

    async def live(self, name: str = "app") -> dict[str, Any]:
        found = await self.cluster.get(SECRETS, name, NAMESPACE)
        assert found is not None
        return found

    async def status(self) -> dict[str, Any]:
        found = await self.cluster.get(EXTERNAL_SECRETS, self.declared.metadata.name, NAMESPACE)
        assert found is not None
        return dict(found.get("status") or {})


def texts(live: Mapping[str, Any]) -> dict[str, str]:
    """The data of a Secret as text."""
    return {key: base64.b64decode(value).decode() for key, value in (live.get("data") or {}).items()}

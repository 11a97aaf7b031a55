"""The cluster's side of the load: namespace, store, ExternalSecrets, and the targets that came of them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.load.concurrency import for_each
from bench.load.declarations import STORE
from secretsync.api import crds
from secretsync.errors import ClusterError
from secretsync.kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    EVENTS,
    EXTERNAL_SECRETS,
    NAMESPACES,
    SECRET_STORES,
    SECRETS,
)

if TYPE_CHECKING:
    from bench.load.backend import Backend
    from bench.load.declarations import Declarations
    from bench.load.settings import LoadSettings
    from secretsync.api import JsonObject
    from secretsync.kube.client import KubeClient
    from secretsync.kube.resources import Resource

MANAGER = "esbench"
"""Field manager of everything written here."""

_AT_ONCE = 32
_CREDENTIAL = "bench-credential"
_GONE_SECONDS = 60
_SERVED_SECONDS = 30
_POLL_SECONDS = 0.1


async def install_kinds(cluster: KubeClient) -> None:
    """Installs the CRDs, and waits until the API server serves them.

    Raises:
        BenchError: it does not within half a minute.
    """
    for definition in crds():
        await cluster.apply(CUSTOM_RESOURCE_DEFINITIONS, definition, field_manager=MANAGER, force=True)
    deadline = time.monotonic() + _SERVED_SECONDS
    for resource in (EXTERNAL_SECRETS, SECRET_STORES):
        while True:
            try:
                await cluster.list(resource)
                break
            except ClusterError:
                if time.monotonic() > deadline:
                    raise BenchError(
                        "the API server does not serve it", place=resource.kind, remedy="look at the API server's log"
                    ) from None
                await asyncio.sleep(_POLL_SECONDS)


async def create(cluster: KubeClient, backend: Backend, settings: LoadSettings, declarations: Declarations) -> None:
    """Empties the namespace, then makes credential, store and all ExternalSecrets in it."""
    namespace = settings.namespace
    await cluster.apply(NAMESPACES, {"metadata": {"name": namespace}}, field_manager=MANAGER, force=True)
    await clean(cluster, namespace)
    credential, authentication = await _login(backend, settings)
    await cluster.create(
        SECRETS,
        {"metadata": {"name": _CREDENTIAL, "namespace": namespace}, "stringData": credential},
        field_manager=MANAGER,
    )
    vault = {
        "server": settings.servers.openbao, "path": settings.mount, "version": "v2", "auth": authentication,
    }  # fmt: skip
    await cluster.create(
        SECRET_STORES,
        {"metadata": {"name": STORE, "namespace": namespace}, "spec": {"provider": {"vault": vault}}},
        field_manager=MANAGER,
    )

    async def make(manifest: JsonObject) -> None:
        await cluster.create(EXTERNAL_SECRETS, manifest, field_manager=MANAGER)

    await for_each(declarations.manifests(), make, at_once=_AT_ONCE)


async def _login(backend: Backend, settings: LoadSettings) -> tuple[dict[str, str], JsonObject]:
    """A fresh credential as a Secret's texts, and the store's ``auth`` that refers to it."""
    if settings.authentication == "approle":
        role = {
            "path": "approle",
            "roleId": await backend.role_id(),
            "secretRef": {"name": _CREDENTIAL, "key": "secret-id"},
        }
        return {"secret-id": await backend.new_secret_id()}, {"appRole": role}
    return {"token": await backend.new_token()}, {"tokenSecretRef": {"name": _CREDENTIAL, "key": "token"}}


async def clean(cluster: KubeClient, namespace: str) -> None:
    """Removes ExternalSecrets, stores, Secrets and Events of the namespace; finalizers are taken off.

    Raises:
        BenchError: something stays, or comes back.
    """
    for resource in (EXTERNAL_SECRETS, SECRET_STORES, SECRETS, EVENTS):
        await _remove_all(cluster, resource, namespace)
    deadline = time.monotonic() + _GONE_SECONDS
    while left := [
        item
        for resource in (EXTERNAL_SECRETS, SECRETS)
        for item in (await cluster.list(resource, namespace, metadata_only=True)).items
    ]:
        if time.monotonic() > deadline:
            raise BenchError(
                f"{len(left)} objects are left", place=f"namespace {namespace}", remedy="stop whoever makes them anew"
            )
        await asyncio.sleep(_POLL_SECONDS)


async def _remove_all(cluster: KubeClient, resource: Resource, namespace: str) -> None:
    async def remove(item: JsonObject) -> None:
        metadata = item["metadata"]
        await cluster.delete(resource, metadata["name"], namespace)
        if metadata.get("finalizers"):
            try:
                await cluster.merge_patch(
                    resource, metadata["name"], namespace, {"metadata": {"finalizers": None}}, field_manager=MANAGER
                )
            except ClusterError:
                if await cluster.get(resource, metadata["name"], namespace) is not None:
                    raise

    listing = await cluster.list(resource, namespace, metadata_only=True)
    await for_each(listing.items, remove, at_once=_AT_ONCE)


async def count_right(cluster: KubeClient, namespace: str, declarations: Declarations) -> int:
    """How many targets hold exactly what they have to hold, by one last list."""
    listing = await cluster.list(SECRETS, namespace)
    found = {item["metadata"]["name"]: item.get("data") or {} for item in listing.items}
    return sum(found.get(name) == data for name, data in declarations.expected().items())

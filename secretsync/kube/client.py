"""The client of the Kubernetes API server: every call is bounded in time, retried where that is harmless."""

from __future__ import annotations

import asyncio
import json
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import aiohttp

from secretsync.errors import ClusterError, ClusterRefused, ClusterUnavailable
from secretsync.kube import failures
from secretsync.kube.protocol import Listing, Token, WatchEvent, WatchExpired
from secretsync.kube.resources import SERVICE_ACCOUNTS, Resource
from secretsync.kube.transport import Answer, Limits, Request, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType

    from secretsync.api import JsonObject
    from secretsync.kube.config import ClusterConfig

_PAGE: Final = 500
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_MERGE_PATCH: Final = "application/merge-patch+json"
_APPLY_PATCH: Final = "application/apply-patch+yaml"
_GONE: Final = 410
_NOT_FOUND: Final = 404
_WATCH_SECONDS: Final = (240, 480)
"""How long one watch request lasts before it is renewed; drawn, so that many clients do not renew at once."""
_RESTARTS: Final = 3
"""How often a list that outlived its continue token starts over."""


class KubeClient:
    """One API server; implements `secretsync.kube.protocol.Cluster`, where the methods are described.

    Args:
        config: where the server is and who asks.
        limits: deadlines, retries, concurrency.
    """

    def __init__(self, config: ClusterConfig, limits: Limits | None = None) -> None:
        self.config = config
        self._limits = limits or Limits()
        self._transport = Transport(config, self._limits)
        self._discovered: dict[tuple[str, str], Resource] = {}
        self._discovering: dict[str, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> JsonObject | None:
        """See `Cluster.get`."""
        request = Request(
            "GET",
            _path(resource, namespace, name),
            failures.place_of(resource, namespace, name),
            "get",
            resource,
        )
        answer = await self._transport.send(request)
        return None if answer.status == _NOT_FOUND else _typed(self._object(request, answer), resource)

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Listing:
        """See `Cluster.list`."""
        parameters = {"limit": str(_PAGE)}
        if label_selector:
            parameters["labelSelector"] = label_selector
        if field_selector:
            parameters["fieldSelector"] = field_selector
        request = Request(
            "GET",
            _path(resource, namespace),
            failures.place_of(resource, namespace),
            "list",
            resource,
            parameters,
            accept=_METADATA_LIST if metadata_only else "application/json",
        )
        for _ in range(_RESTARTS):
            listing = await self._pages(request, resource)
            if listing:
                return listing
        raise ClusterUnavailable(
            "the list changed faster than its pages could be read",
            place=request.place,
            remedy="it is tried again",
            status=_GONE,
        )

    async def _pages(self, request: Request, resource: Resource) -> Listing | None:
        """All pages; None where the continue token expired on the way (HTTP 410)."""
        items: list[JsonObject] = []
        parameters = dict(request.parameters)
        while True:
            page = Request(
                request.method,
                request.path,
                request.place,
                request.verb,
                resource,
                parameters,
                accept=request.accept,
            )
            answer = await self._transport.send(page)
            if answer.status == _GONE:
                return None
            body = self._object(page, answer)
            items += [_typed(item, resource) for item in body.get("items") or ()]
            metadata = body.get("metadata") or {}
            if not metadata.get("continue"):
                return Listing(items, str(metadata.get("resourceVersion") or ""))
            parameters["continue"] = metadata["continue"]

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """See `Cluster.watch`."""
        failing_since: float | None = None
        failures_in_a_row = 0
        while True:
            parameters = {
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": resource_version,
                "timeoutSeconds": str(random.randint(*_WATCH_SECONDS)),  # noqa: S311 - spreads load, no secret
            }
            if label_selector:
                parameters["labelSelector"] = label_selector
            request = Request(
                "GET",
                _path(resource, namespace),
                failures.place_of(resource, namespace),
                "watch",
                resource,
                parameters,
                accept=_METADATA if metadata_only else "application/json",
            )
            try:
                async for event in self._events(request, resource):
                    failing_since, failures_in_a_row = None, 0
                    resource_version = event.resource_version or resource_version
                    yield event
            except ClusterError as error:
                now = time.monotonic()
                failing_since = failing_since or now
                failures_in_a_row += 1
                if not error.retryable or now - failing_since > self._limits.watch_patience:
                    raise
                delay = min(self._limits.longest_delay, self._limits.first_delay * 2 ** min(failures_in_a_row, 10))
                await asyncio.sleep(delay * random.random())  # noqa: S311 - jitter, not a secret

    async def _events(self, request: Request, resource: Resource) -> AsyncIterator[WatchEvent]:
        """The events of one watch request, until the server ends it."""
        try:
            async with self._transport.open(request, silence=self._limits.watch_silence) as response:
                if response.status != 200:  # noqa: PLR2004 - OK
                    answer = Answer(response.status, await response.read(), None)
                    if answer.status == _GONE:
                        raise WatchExpired
                    if answer.status == 401 and await self.config.credentials.refresh():  # noqa: PLR2004 - unauthorized
                        raise ClusterUnavailable(
                            "the credentials were refused and renewed", place=request.place, status=answer.status
                        )
                    raise self._transport.failure(request, answer)
                buffer = bytearray()
                async for chunk in response.content.iter_any():
                    buffer += chunk
                    while (end := buffer.find(b"\n")) >= 0:
                        line = bytes(buffer[:end])
                        del buffer[: end + 1]
                        if line:
                            yield self._event(line, request, resource)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ClusterUnavailable(
                f"the watch broke off ({type(error).__name__})", place=request.place, remedy="it is resumed"
            ) from None

    def _event(self, line: bytes, request: Request, resource: Resource) -> WatchEvent:
        event = json.loads(line)
        kind, obj = str(event["type"]), event["object"]
        if kind == "ERROR":
            if obj.get("code") == _GONE:
                raise WatchExpired
            raise failures.from_status(
                int(obj.get("code") or 500), obj, verb="watch", resource=resource, place=request.place
            )
        return WatchEvent(kind, _typed(obj, resource))

    async def create(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, dry_run: bool = False
    ) -> JsonObject:
        """See `Cluster.create`."""
        metadata = obj.get("metadata") or {}
        namespace = metadata.get("namespace") if resource.namespaced else None
        request = Request(
            "POST",
            _path(resource, namespace),
            failures.place_of(resource, namespace, str(metadata.get("name") or metadata.get("generateName") or "")),
            "create",
            resource,
            _write_parameters(field_manager, dry_run=dry_run),
            _typed(dict(obj), resource),
            repeatable=False,
        )
        return await self._write(request, resource)

    async def replace(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, subresource: str = "", dry_run: bool = False
    ) -> JsonObject:
        """See `Cluster.replace`."""
        name, namespace = _identity(resource, obj)
        request = Request(
            "PUT",
            _path(resource, namespace, name, subresource),
            failures.place_of(resource, namespace, name),
            "update",
            resource,
            _write_parameters(field_manager, dry_run=dry_run),
            _typed(dict(obj), resource),
        )
        return await self._write(request, resource)

    async def apply(
        self,
        resource: Resource,
        obj: JsonObject,
        *,
        field_manager: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> JsonObject:
        """See `Cluster.apply`."""
        name, namespace = _identity(resource, obj)
        request = Request(
            "PATCH",
            _path(resource, namespace, name, subresource),
            failures.place_of(resource, namespace, name),
            "patch",
            resource,
            {**_write_parameters(field_manager, dry_run=dry_run), "force": str(force).lower()},
            _typed(dict(obj), resource),
            content_type=_APPLY_PATCH,
        )
        return await self._write(request, resource)

    async def merge_patch(
        self,
        resource: Resource,
        name: str,
        namespace: str | None,
        patch: JsonObject,
        *,
        field_manager: str,
        subresource: str = "",
    ) -> JsonObject:
        """See `Cluster.merge_patch`."""
        request = Request(
            "PATCH",
            _path(resource, namespace, name, subresource),
            failures.place_of(resource, namespace, name),
            "patch",
            resource,
            _write_parameters(field_manager, dry_run=False),
            patch,
            content_type=_MERGE_PATCH,
        )
        return await self._write(request, resource)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
    ) -> bool:
        """See `Cluster.delete`."""
        options: JsonObject = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if any(preconditions.values()):
            options["preconditions"] = {key: value for key, value in preconditions.items() if value}
        request = Request(
            "DELETE",
            _path(resource, namespace, name),
            failures.place_of(resource, namespace, name),
            "delete",
            resource,
            body=options,
        )
        answer = await self._transport.send(request)
        return answer.status != _NOT_FOUND

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], expiration_seconds: int
    ) -> Token:
        """See `Cluster.service_account_token`."""
        spec: JsonObject = {"expirationSeconds": expiration_seconds}
        if audiences:
            spec["audiences"] = list(audiences)
        request = Request(
            "POST",
            _path(SERVICE_ACCOUNTS, namespace, name, "token"),
            failures.place_of(SERVICE_ACCOUNTS, namespace, name),
            "create",
            SERVICE_ACCOUNTS,
            body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
        )
        answer = await self._transport.send(request)
        if answer.status == _NOT_FOUND:
            raise ClusterRefused(
                "does not exist", place=request.place, remedy="create the ServiceAccount", status=_NOT_FOUND
            )
        status = self._object(request, answer).get("status") or {}
        return Token(str(status.get("token") or ""), _time(str(status.get("expirationTimestamp") or "")))

    async def discover(self, api_version: str, kind: str) -> Resource | None:
        """See `Cluster.discover`."""
        async with self._discovering.setdefault(api_version, asyncio.Lock()):
            if (api_version, kind) not in self._discovered:
                await self._discover(api_version)
        return self._discovered.get((api_version, kind))

    async def _discover(self, api_version: str) -> None:
        group, _, version = api_version.rpartition("/")
        path = f"/apis/{quote(group)}/{quote(version)}" if group else f"/api/{quote(version)}"
        request = Request("GET", path, f"API group {api_version}", "discover")
        answer = await self._transport.send(request)
        if answer.status == _NOT_FOUND:
            return
        for entry in self._object(request, answer).get("resources") or ():
            plural = str(entry.get("name") or "")
            if "/" not in plural:
                found = Resource(group, version, plural, str(entry["kind"]), namespaced=bool(entry.get("namespaced")))
                self._discovered[api_version, found.kind] = found

    async def _write(self, request: Request, resource: Resource) -> JsonObject:
        answer = await self._transport.send(request)
        if answer.status in {_NOT_FOUND, _GONE}:
            problem = "its kind or its namespace is not there" if request.verb == "create" else "does not exist"
            raise ClusterRefused(
                problem,
                place=request.place,
                remedy="create what is missing first",
                status=answer.status,
                reason="NotFound",
            )
        return _typed(self._object(request, answer), resource)

    def _object(self, request: Request, answer: Answer) -> JsonObject:
        if answer.status in {_NOT_FOUND, _GONE}:
            raise self._transport.failure(request, answer)
        body: Any = answer.json(request.place)
        if not isinstance(body, dict):
            raise ClusterUnavailable(
                "the answer is not a JSON object",
                place=request.place,
                remedy="check that the address is that of an API server",
            )
        return body


def _path(resource: Resource, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
    parts = [resource.root]
    if resource.namespaced and namespace:
        parts.append(f"namespaces/{quote(namespace, safe='')}")
    parts.append(resource.plural)
    if name:
        parts.append(quote(name, safe=""))
    if subresource:
        parts.append(subresource)
    return "/".join(parts)


def _identity(resource: Resource, obj: JsonObject) -> tuple[str, str | None]:
    metadata = obj.get("metadata") or {}
    return str(metadata.get("name") or ""), metadata.get("namespace") if resource.namespaced else None


def _typed(obj: JsonObject, resource: Resource) -> JsonObject:
    """The object with its kind: the API server leaves it out inside lists and calls metadata-only ones otherwise."""
    obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
    return obj


def _write_parameters(field_manager: str, *, dry_run: bool) -> dict[str, str]:
    return {"fieldManager": field_manager, **({"dryRun": "All"} if dry_run else {})}


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)

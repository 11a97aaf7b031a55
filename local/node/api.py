"""The few calls the node makes to the API server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from local.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType

    from local.node.kubeconfig import Connection

JsonObject = dict[str, Any]
"""A raw Kubernetes object."""

_ANSWER_SECONDS = 30.0
_WATCH_SECONDS = 300
_PAGE = 500
_GONE = 410
_NOT_FOUND = 404
_ERRORS_FROM = 400


class ApiError(NodeError):
    """The API server refused, or could not be reached.

    Attributes:
        status: The HTTP status; 0 if there was no answer.
    """

    def __init__(self, problem: str, *, status: int, place: str) -> None:
        self.status = status
        super().__init__(problem, place=place, remedy="see the API server's log" if status == 0 else "")

    @property
    def lasting(self) -> bool:
        """Whether the same call would be refused again: a 4xx answer that is neither a conflict nor throttling."""
        return _ERRORS_FROM <= self.status < 500 and self.status not in (409, 429)  # noqa: PLR2004  HTTP statuses


class WatchExpired(NodeError):
    """The server no longer has the history a watch asked for; list again."""


class Api:
    """The API server, as one session. Use it as an asynchronous context manager.

    Args:
        connection: Where and as whom.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Accept": "application/json", "User-Agent": "external-secrets-on-pulumi-node"}
        if self.connection.token:
            headers["Authorization"] = f"Bearer {self.connection.token}"
        self._opened = aiohttp.ClientSession(
            base_url=self.connection.server,
            headers=headers,
            connector=aiohttp.TCPConnector(ssl=self.connection.ssl_context(), limit=20),
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            raise NodeError("used outside its context", place="API session")
        return self._opened

    async def get(self, path: str) -> JsonObject | None:
        """The object at a path; None if there is none."""
        try:
            return await self._call("GET", path)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def list(self, path: str) -> tuple[list[JsonObject], str]:
        """All objects of a collection, and the resource version they were read at."""
        items: list[JsonObject] = []
        token = ""
        while True:
            answer = await self._call("GET", path, query={"limit": str(_PAGE), "continue": token})
            items += answer.get("items") or []
            token = answer["metadata"].get("continue", "")
            if not token:
                return items, answer["metadata"]["resourceVersion"]

    async def create(self, path: str, body: JsonObject) -> JsonObject:
        """Posts an object, or a call such as a binding or a token request."""
        return await self._call("POST", path, body=body)

    async def patch(self, path: str, body: JsonObject) -> JsonObject:
        """Merges into a built-in object (strategic merge: lists such as conditions are merged by their key)."""
        return await self._call("PATCH", path, body=body, content_type="application/strategic-merge-patch+json")

    async def delete(self, path: str, *, uid: str, grace_seconds: int) -> bool:
        """Deletes an object if it still is the one of that uid; False if it is gone or another."""
        body = {"gracePeriodSeconds": grace_seconds, "preconditions": {"uid": uid}}
        try:
            await self._call("DELETE", path, body=body)
        except ApiError as error:
            if error.status in (_NOT_FOUND, 409):
                return False
            raise
        return True

    async def watch(self, path: str, resource_version: str) -> AsyncIterator[tuple[str, JsonObject]]:
        """The changes of a collection since a version: ``(type, object)``; ends when the server ends it.

        Raises:
            WatchExpired: The version is too old.
            ApiError: The server refused or went away.
        """
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_ANSWER_SECONDS, sock_read=_WATCH_SECONDS + 30)
        try:
            async with self._session.get(path, params=query, timeout=timeout) as answer:
                if answer.status == _GONE:
                    raise WatchExpired("history is gone", place=path)
                if answer.status >= _ERRORS_FROM:
                    raise await _refusal(answer, f"GET {path}")
                rest = b""
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            if event["object"].get("code") == _GONE:
                                raise WatchExpired("history is gone", place=path)
                            raise ApiError("the watch failed", status=event["object"].get("code", 0), place=path)
                        yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(f"the watch broke off ({type(error).__name__})", status=0, place=path) from error

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: JsonObject | None = None,
        content_type: str = "application/json",
    ) -> JsonObject:
        place = f"{method} {path}"
        data = None if body is None else json.dumps(body).encode()
        try:
            async with self._session.request(
                method, path, params=query, data=data, headers={"Content-Type": content_type} if data else None
            ) as answer:
                if answer.status >= _ERRORS_FROM:
                    raise await _refusal(answer, place)
                content: JsonObject = await answer.json()
                return content
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:  # noqa: UP041  aiohttp raises its own subclass
            raise ApiError(f"no answer ({type(error).__name__})", status=0, place=place) from error


async def _refusal(answer: aiohttp.ClientResponse, place: str) -> ApiError:
    try:
        message = str((await answer.json()).get("message", ""))
    except (aiohttp.ClientError, ValueError, AttributeError):
        message = ""
    return ApiError(message or f"answered {answer.status}", status=answer.status, place=place)


def pod_path(pod: JsonObject, subresource: str = "") -> str:
    """The address of a pod."""
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
    return f"{path}/{subresource}" if subresource else path

"""An HTTP server that plays an API server which misbehaves in a given way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.fixtures.connections import Connections

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The base URL of a server that answers everything with `handler`."""
    connections = Connections()

    async def noted(request: web.Request) -> web.StreamResponse:
        connections.note(request)
        return await handler(request)

    server = web.Server(noted)  # type: ignore[arg-type]  # a server hands out BaseRequest
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        await connections.abort()


def status(code: int, message: str = "", reason: str = "", **details: Any) -> web.Response:
    """An answer with a ``Status`` object."""
    body = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code}
    if details:
        body["details"] = details
    return web.json_response(body, status=code)


def listing(*names: str, version: str = "10", token: str = "") -> web.Response:
    """A page of a list."""
    items = [{"metadata": {"name": name, "resourceVersion": version}} for name in names]
    metadata = {"resourceVersion": version, **({"continue": token} if token else {})}
    return web.json_response({"kind": "SecretList", "metadata": metadata, "items": items})


def event(event_type: str, version: str, **obj: Any) -> bytes:
    """A line of a watch."""
    return (
        json.dumps({"type": event_type, "object": {"metadata": {"resourceVersion": version}, **obj}}).encode() + b"\n"
    )

"""HTTP with keep-alive, one connection per thread; the answers are JSON."""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import grpc

from local.pulumi.plugin_errors import PluginError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

REQUEST_TIMEOUT = 30.0
"""Seconds that one request may take; a local API answers in milliseconds."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A response: its status and its JSON body (an empty dictionary where there is none)."""

    status: int
    body: dict[str, Any]

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"

    @property
    def failed(self) -> bool:
        """Whether the status is an error."""
        return self.status >= http.client.BAD_REQUEST


class HttpConnection:
    """Connections to one server.

    Args:
        base: `http(s)://host[:port][/prefix]`.
        context: TLS settings for https.
        headers: Called for each request, so that a token that expires can be read again.
        server_name: Name to verify the certificate against, where it is not the host.
    """

    def __init__(
        self,
        base: str,
        *,
        context: ssl.SSLContext | None = None,
        headers: Callable[[], Mapping[str, str]] = dict,
        server_name: str = "",
    ) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PluginError(
                f"{base!r} is not an http(s) address; give scheme, host and port", grpc.StatusCode.INVALID_ARGUMENT
            )
        self._tls = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._context = context
        self._headers = headers
        self._server_name = server_name
        self._local = threading.local()

    def _connect(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=REQUEST_TIMEOUT)
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=REQUEST_TIMEOUT)
        if self._server_name and self._context is not None:
            plain = http.client.HTTPConnection(self._host, self._port, timeout=REQUEST_TIMEOUT)
            plain.connect()
            connection.sock = self._context.wrap_socket(plain.sock, server_hostname=self._server_name)
        return connection

    def request(self, method: str, path: str, body: object = None, *, content_type: str = "application/json") -> Answer:
        """Send one request; a kept-alive connection that the server has closed is opened again once.

        Raises:
            PluginError: UNAVAILABLE, where the server cannot be reached.
        """
        headers = {"Accept": "application/json", **self._headers()}
        data = None
        if body is not None:
            # Not escaped: the API server reads an apply body as YAML, which knows no surrogate pairs.
            data = json.dumps(body, ensure_ascii=False).encode()
            headers["Content-Type"] = content_type
        while True:
            connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
            fresh = connection is None
            try:
                if connection is None:
                    connection = self._local.connection = self._connect()
                connection.request(method, self._prefix + path, data, headers)
                response = connection.getresponse()
                status, raw = response.status, response.read()
            except (http.client.HTTPException, OSError) as error:
                if connection is not None:
                    connection.close()
                self._local.connection = None
                # The server may have closed an idle connection; only then is a second try safe for every verb.
                if not fresh and isinstance(error, ConnectionResetError | BrokenPipeError):
                    continue
                reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__
                raise PluginError(
                    f"cannot reach {self._host}:{self._port}: {reason}", grpc.StatusCode.UNAVAILABLE
                ) from None
            return Answer(status, _parse(raw))


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        document = json.loads(raw)
    except ValueError:
        return {"message": "the answer is not JSON"}
    return document if isinstance(document, dict) else {"items": document}

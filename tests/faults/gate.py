"""A door in front of a real HTTP server, which a test closes at the request it names."""

from __future__ import annotations

import contextlib
import http.client
import threading
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "LIST", "HEAD")
_NOT_FORWARDED = ("connection", "host", "content-length", "transfer-encoding", "accept-encoding")


class Fault(Enum):
    """What becomes of a request."""

    Refused = "the server is not reached: the connection is closed"
    Lost = "the server does what it is asked, and the connection is closed before it can answer"
    Held = "the server does what it is asked, and its answer waits until the gate opens"


class Answer(NamedTuple):
    """What the real server says."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes


class Gate:
    """A server on a port of its own that passes every request on, but for those that `rule` gives a fault.

    Args:
        target: URL of the real server.
        tls: for a target with https; callers speak plain http to the gate, as whoever this shows.

    Attributes:
        rule: method and path → fault; None passes the request on.
        seen: method and path of every request, in order.
        held: set once an answer is held.
    """

    def __init__(self, target: str, *, tls: ssl.SSLContext | None = None) -> None:
        self.rule: Callable[[str, str], Fault | None] = lambda _method, _path: None
        self.seen: list[tuple[str, str]] = []
        self.held = threading.Event()
        self._open = threading.Event()
        self._target, self._tls = urlsplit(target), tls
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close_for(self, fault: Fault, *methods: str, containing: str = "") -> None:
        """Give a fault to all requests with one of these methods (none for all) and this in their path."""
        self.held.clear()
        self._open.clear()
        self.rule = lambda method, path: fault if (not methods or method in methods) and containing in path else None

    def open(self) -> None:
        """Pass everything on, also what was held."""
        self.rule = lambda _method, _path: None
        self._open.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """One request to the real server."""
        host, port = self._target.hostname or "", self._target.port
        connection = (
            http.client.HTTPConnection(host, port, timeout=60)
            if self._tls is None
            else http.client.HTTPSConnection(host, port, timeout=60, context=self._tls)
        )
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())

    def wait_open(self) -> None:
        """Until the gate opens."""
        self.held.set()
        self._open.wait(60)


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            gate.seen.append((self.command, self.path))
            fault = gate.rule(self.command, self.path)
            if fault is Fault.Refused:
                self.close_connection = True
                return
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
            answer = gate.ask(self.command, self.path, kept, body)
            if fault is Fault.Held:
                gate.wait_open()
            if fault is Fault.Lost:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                if name.lower() not in _NOT_FORWARDED:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

    for method in _METHODS:
        setattr(Handler, f"do_{method}", Handler.forward)
    return Handler

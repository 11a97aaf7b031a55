"""What a part of the environment is: how it is started, when it is ready, what must run before it."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
OPENBAO = "openbao"
NODE = "node"
MOTO = "moto"

ORDER = (ETCD, API_SERVER, CONTROLLER_MANAGER, OPENBAO, NODE)
"""The parts that an environment has unless it says otherwise, each after what it needs."""

OPTIONAL = (MOTO,)
"""The parts that only environments have that ask for them."""

EVERY = (*ORDER, *OPTIONAL)
"""All parts there are, each after what it needs."""

REQUIRES: Mapping[str, tuple[str, ...]] = {
    ETCD: (),
    API_SERVER: (ETCD,),
    CONTROLLER_MANAGER: (API_SERVER,),
    OPENBAO: (),
    NODE: (API_SERVER,),
    MOTO: (),
}
"""Which parts must be ready before one is started, and outlive it."""

TOOLS: Mapping[str, str] = {
    ETCD: "etcd",
    API_SERVER: "kube-apiserver",
    CONTROLLER_MANAGER: "kube-controller-manager",
    OPENBAO: "bao",
}
"""The tool behind a part; the node is a module of this project, moto a Python package."""

PORTS: Mapping[str, tuple[str, ...]] = {
    ETCD: ("etcd", "etcd-peer"),
    API_SERVER: ("kube-apiserver",),
    CONTROLLER_MANAGER: ("kube-controller-manager",),
    OPENBAO: ("openbao", "openbao-cluster"),
    NODE: (),
    MOTO: ("moto",),
}
"""The ports of a part; the first one is its address."""

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process of the environment.

    Attributes:
        name: one of ``EVERY``.
        command: program and arguments.
        environment: variables it gets beside the few that every part inherits.
        folder: working directory, or None for the caller's.
        address: where it is reached, for people.
        obstacle: asks it whether it is ready; what keeps it from being ready, or an empty string.
        prepare: run before each start.
        initialise: run again and again after the process started until it returns True; only then readiness is
            asked for.
        ready_within: seconds it may take to become ready.
        grace: seconds it may take to end after SIGTERM.
        stuck: asked of one that runs already: whether only a new start can make it ready. None where none can.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    address: str = ""
    obstacle: Callable[[], str]
    prepare: Callable[[], None] | None = None
    initialise: Callable[[], bool] | None = None
    ready_within: float = 60
    grace: float = 10
    stuck: Callable[[], bool] | None = None


def inherited_environment() -> dict[str, str]:
    """The variables every part gets from its starter: those of place and language, none that may hold a credential."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a local HTTP server answered.

    Attributes:
        status: HTTP status; 0 if there was no answer.
        body: the body; if there was no answer, the reason.
    """

    status: int
    body: str

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one if it is none."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


def ask(
    url: str,
    *,
    tls: ssl.SSLContext | None = None,
    method: str = "GET",
    payload: dict[str, Any] | None = None,
    seconds: float = 2,
) -> Answer:
    """One request to a server on the loopback address; proxies are never asked.

    Args:
        url: ``http`` or ``https`` address.
        tls: whom to trust and what to show, for ``https``.
        method: HTTP method.
        payload: JSON object to send.
        seconds: how long to wait for each step.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPConnection(host, port, timeout=seconds)
        if tls is None
        else http.client.HTTPSConnection(host, port, timeout=seconds, context=tls)
    )
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path or "/", None if payload is None else json.dumps(payload))
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, f"no answer yet ({type(error).__name__})")
    finally:
        connection.close()


def health(url: str, *, tls: ssl.SSLContext | None = None) -> str:
    """What keeps a server with a Kubernetes-style health page from being ready; empty if nothing does."""
    answer = ask(url, tls=tls)
    if answer.status == http.HTTPStatus.OK:
        return ""
    failed = [line for line in answer.body.splitlines() if line.startswith("[-]")]
    return "; ".join(failed) or answer.body.strip()[:200] or f"HTTP {answer.status}"

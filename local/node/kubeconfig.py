"""How the node reaches the API server."""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from local.errors import NodeError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Connection:
    """An API server and who we are there.

    Attributes:
        server: Base address, ``https://127.0.0.1:6443``.
        certificate_authority: PEM of who vouches for the server.
        certificate: PEM of our client certificate; empty if there is a token.
        key: PEM of its key.
        token: Bearer token; empty if there is a certificate.
    """

    server: str
    certificate_authority: str
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """The server's host, as a pod is told it."""
        return urlsplit(self.server).hostname or ""

    @property
    def port(self) -> int:
        """The server's port, as a pod is told it."""
        return urlsplit(self.server).port or 443

    def ssl_context(self) -> ssl.SSLContext:
        """A context that trusts the server's authority only and shows our certificate."""
        context = ssl.create_default_context(cadata=self.certificate_authority or None)
        if self.certificate:
            # The ssl module reads a key from a file only.
            with tempfile.NamedTemporaryFile("w", prefix="node-", suffix=".pem") as pair:
                pair.write(f"{self.certificate}\n{self.key}\n")
                pair.flush()
                context.load_cert_chain(pair.name)
        return context


def load(path: Path) -> Connection:
    """Reads the current context of a kubeconfig.

    Raises:
        NodeError: The file cannot be read, is not a kubeconfig, or signs in in a way the node does not know.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise NodeError(f"cannot be read: {error.strerror}", place=str(path), remedy="name the kubeconfig") from error
    except yaml.YAMLError as error:
        raise NodeError("is not YAML", place=str(path)) from error
    try:
        context = _named(content["contexts"], content["current-context"])["context"]
        cluster = _named(content["clusters"], context["cluster"])["cluster"]
        user = _named(content["users"], context["user"])["user"]
        connection = Connection(
            server=str(cluster["server"]).rstrip("/"),
            certificate_authority=_pem(cluster, "certificate-authority", path),
            certificate=_pem(user, "client-certificate", path),
            key=_pem(user, "client-key", path),
            token=str(user.get("token", "")),
        )
    except (KeyError, TypeError, StopIteration) as error:
        raise NodeError(
            "is not a kubeconfig with a current context", place=str(path), remedy="make it anew with the environment"
        ) from error
    if not connection.token and not (connection.certificate and connection.key):
        raise NodeError("its user has neither a client certificate with key nor a token", place=str(path))
    return connection


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _pem(section: dict[str, Any], name: str, path: Path) -> str:
    """PEM text given in place (``<name>-data``) or as a file, relative to the kubeconfig."""
    try:
        if data := section.get(f"{name}-data"):
            return base64.b64decode(data, validate=True).decode()
        if file := section.get(name):
            return path.parent.joinpath(file).read_text()
    except (OSError, binascii.Error, UnicodeDecodeError) as error:
        raise NodeError(f"its {name} cannot be read", place=str(path)) from error
    return ""

"""How requests to the API server prove who they are."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from secretsync.errors import ClusterDenied

_TOKEN_FILE_LIFETIME: Final = 60.0
"""Seconds a token file's content is used before it is read again; kubelets rotate it well before it expires."""


class Credentials(Protocol):
    """Where the Authorization header comes from."""

    async def authorization(self) -> str:
        """The header's value; empty for none.

        Raises:
            ClusterDenied: the credentials cannot be had.
        """
        ...

    async def refresh(self) -> bool:
        """Get the credentials anew after a 401; False where that cannot give others."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class StaticAuthorization:
    """A header value that does not change: a token, a user with a password, or nothing (client certificate)."""

    value: str = ""

    @classmethod
    def bearer(cls, token: str) -> StaticAuthorization:
        """From a bearer token."""
        return cls(f"Bearer {token}" if token else "")

    @classmethod
    def basic(cls, username: str, password: str) -> StaticAuthorization:
        """From a user name and a password."""
        return cls("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii"))

    async def authorization(self) -> str:
        """The value."""
        return self.value

    async def refresh(self) -> bool:
        """There is nothing newer."""
        return False

    def __repr__(self) -> str:
        return "StaticAuthorization(***)"


@dataclass(slots=True, repr=False)
class TokenFile:
    """A token in a file that somebody else keeps fresh, as a kubelet does with projected tokens.

    Attributes:
        path: the file.
    """

    path: Path
    _token: str = field(default="", init=False)
    _read_at: float = field(default=float("-inf"), init=False)

    async def authorization(self) -> str:
        """The token, read again after a minute."""
        if time.monotonic() - self._read_at > _TOKEN_FILE_LIFETIME:
            self._read()
        return f"Bearer {self._token}"

    async def refresh(self) -> bool:
        """Read the file at once; whether it holds another token now."""
        before = self._token
        self._read()
        return self._token != before

    def _read(self) -> None:
        try:
            token = self.path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ClusterDenied(
                f"the service account token cannot be read ({type(error).__name__})",
                place=str(self.path),
                remedy="check that the token volume is mounted and readable",
            ) from None
        self._token = token
        self._read_at = time.monotonic()

    def __repr__(self) -> str:
        return f"TokenFile({str(self.path)!r})"


@dataclass(slots=True, repr=False)
class OfficialClientCredentials:
    """Credentials of exec plugins and auth providers, through the official ``kubernetes`` package.

    It knows their protocols and versions; its import costs far more than everything else here, so it happens when such
    a user is met and not before.

    Attributes:
        config: the merged kubeconfig.
        context: the context's name.
        base_path: the folder relative paths in it start from.
        certificate: PEM client certificate and key that a plugin gave, after the first `authorization`.
    """

    config: dict[str, object]
    context: str
    base_path: str
    certificate: bytes = b""
    _value: str = field(default="", init=False)
    _loaded: bool = field(default=False, init=False)

    async def authorization(self) -> str:
        """What the plugin gave, asked once and again after `refresh`."""
        if not self._loaded:
            self._value, self.certificate = await asyncio.to_thread(self._load)
            self._loaded = True
        return self._value

    async def refresh(self) -> bool:
        """Ask the plugin again."""
        before = self._value
        self._value, self.certificate = await asyncio.to_thread(self._load)
        return self._value != before

    def _load(self) -> tuple[str, bytes]:
        from kubernetes.client import Configuration  # noqa: PLC0415 - an import of seconds, for few users
        from kubernetes.config import load_kube_config_from_dict  # noqa: PLC0415 - as above

        configuration = Configuration()
        try:
            load_kube_config_from_dict(
                self.config, context=self.context, client_configuration=configuration, persist_config=False
            )
        except Exception as error:  # noqa: BLE001 - plugins fail in any way; their text may hold a token
            raise self._denied(f"the credential plugin failed ({type(error).__name__})") from None
        value = str(configuration.api_key.get("BearerToken", ""))
        certificate = b""
        if configuration.cert_file and configuration.key_file:
            certificate = Path(configuration.cert_file).read_bytes() + Path(configuration.key_file).read_bytes()
        if not value and not certificate:
            raise self._denied("the credential plugin gave neither a token nor a certificate")
        return value, certificate

    def _denied(self, problem: str) -> ClusterDenied:
        return ClusterDenied(
            problem,
            place=f"kubeconfig context {self.context}",
            remedy="run `kubectl auth whoami` with the same kubeconfig to see what the plugin reports",
        )

    def __repr__(self) -> str:
        return f"OfficialClientCredentials(context={self.context!r})"

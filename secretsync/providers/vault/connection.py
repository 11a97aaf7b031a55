"""Requests to a Vault or OpenBao server: headers, namespaces, consistency, and what the answers mean."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from yarl import URL

from secretsync.errors import ProviderDenied, ProviderError, ProviderRefused, ProviderUnavailable, ValueRuleError
from secretsync.providers.http import Answer, BackendSession, Limits
from secretsync.providers.vault.paths import url_path
from secretsync.values import go_json
from secretsync.values.go_json import NumberStyle

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from secretsync.api import VaultProvider

_UNAVAILABLE: Final = frozenset({408, 412, 425, 429, 472, 473, 500, 501, 502, 503, 504})
_KNOWN: Final = {
    b"Vault is sealed": "is sealed",
    b"invalid role or secret ID": "knows no such role id and secret id",
    b"could not be found": "knows no such role",
    b"service account name not authorized": "does not bind the role to this service account",
    b"namespace not authorized": "does not bind the role to this namespace",
    b"invalid username or password": "does not accept the user name and password",
    b"missing client token": "got no token",
    b"invalid token": "does not know the token",
    b"invalid audience": "expects another audience in the token",
}
"""Phrases of the server that say more than the status and hold nothing of anybody's; ours stand beside them."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked for, and how an error calls it.

    Attributes:
        method: HTTP method.
        path: API path below ``/v1/``, not quoted.
        capability: what the token needs there, in Vault's words; empty for logins.
        parameters: query parameters.
        body: a JSON object.
        namespace: Vault namespace; None for the store's.
    """

    method: str
    path: str
    capability: str = "read"
    parameters: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    namespace: str | None = None


class Connection:
    """The HTTP side of one store.

    Args:
        config: the store's provider.
        place: the store, for errors.
        context: TLS settings.
        headers: further headers.
        limits: deadlines and retries.
    """

    def __init__(
        self,
        config: VaultProvider,
        place: str,
        context: ssl.SSLContext | None,
        headers: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self._config = config
        self._place = place
        self._session = BackendSession(place, f"the server {config.server}", context, limits)
        self._headers = {"X-Vault-Request": "true", **headers}
        if config.read_your_writes and config.forward_inconsistent:
            self._headers["X-Vault-Inconsistent"] = "forward-active-node"
        self._states: dict[str, tuple[int, int, str]] = {}
        self._base = config.server.rstrip("/")

    async def send(self, call: Call, token: str) -> Answer:
        """The answer with a status below 300, or 403 or 404: the caller knows what those mean.

        Raises:
            ProviderUnavailable: the server cannot be reached, is sealed, throttles or fails.
            ProviderRefused: any other refusal.
        """
        headers = dict(self._headers)
        namespace = self._config.namespace if call.namespace is None else call.namespace
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        if token:
            headers["X-Vault-Token"] = token
        if self._consistent and self._states:
            headers["X-Vault-Index"] = ",".join(state for _, _, state in self._states.values())
        body = None
        if call.body is not None:
            body = go_json.dumps(dict(call.body))
            headers["Content-Type"] = "application/json"
        query = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in call.parameters)
        url = URL(self._base + url_path(call.path) + (f"?{query}" if query else ""), encoded=True)
        answer = await self._session.request(
            call.method, url, headers=headers, body=body, repeatable=call.method == "GET"
        )
        if self._consistent:
            self._remember(answer)
        if answer.status < 300 or answer.status in {403, 404}:  # noqa: PLR2004 - success
            return answer
        raise self.failure(call, answer)

    @property
    def _consistent(self) -> bool:
        return self._config.read_your_writes or self._config.forward_inconsistent

    def failure(self, call: Call, answer: Answer) -> ProviderError:
        """The error for an answer that is none."""
        known = next((ours for phrase, ours in _KNOWN.items() if phrase in answer.body), "")
        server = f"the server {self._config.server}"
        if answer.status in _UNAVAILABLE:
            return ProviderUnavailable(
                f"{server} {known or f'answers {answer.status}'}",
                place=self._place,
                remedy="unseal it" if known == "is sealed" else "it is tried again; look at the server's health",
            )
        if not call.capability:
            return ProviderDenied(
                f"the login at {call.path} is refused: {server} {known or f'answers {answer.status}'}",
                place=self._place,
                remedy="check the auth method's mount, the role and the credentials",
            )
        if answer.status == 403:  # noqa: PLR2004 - forbidden
            return ProviderDenied(
                f"the token does not allow {call.capability} on {call.path}",
                place=self._place,
                remedy=f"add a policy with the capability {call.capability} on {call.path}, or renew the token",
            )
        return ProviderRefused(
            f"{server} refuses {call.capability} on {call.path}: {known or f'HTTP {answer.status}'}",
            place=self._place,
            remedy="check path and version of the KV engine in the store, and the remoteRef",
        )

    def json(self, call: Call, answer: Answer) -> dict[str, Any]:
        """The body of an answer, numbers kept as written; empty for an empty or broken one of a 404."""
        try:
            loaded = go_json.loads(answer.body, numbers=NumberStyle.Raw) if answer.body.strip() else {}
        except ValueRuleError:
            loaded = None
        if isinstance(loaded, dict):
            return loaded
        if answer.status == 404:  # noqa: PLR2004 - not found
            return {}
        raise ProviderRefused(
            f"the answer of the server {self._config.server} for {call.path} is not a JSON object",
            place=self._place,
            remedy="check that the address is that of a Vault or OpenBao server",
        )

    def _remember(self, answer: Answer) -> None:
        """Keep the newest replication state of each cluster, to be sent along with the next read."""
        for header in answer.headers.get("X-Vault-Index", "").split(","):
            try:
                _, cluster, local, replicated, _ = base64.b64decode(header.strip()).decode("ascii").split(":")
                state = (int(local), int(replicated), header.strip())
            except (binascii.Error, ValueError):
                continue
            if state > self._states.get(cluster, (-1, -1, "")):
                self._states[cluster] = state

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.aclose()

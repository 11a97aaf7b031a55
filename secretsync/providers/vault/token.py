"""The token of one store: one login for all reads, renewed in time, given back in the end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from secretsync.errors import ProviderDenied, ProviderError, ProviderUnavailable
from secretsync.providers.vault.connection import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.providers.vault.connection import Connection
    from secretsync.providers.vault.login import Credentials

_RENEW_BEFORE: Final = 60.0
"""Seconds before its end at which a token is renewed; a third of a shorter life."""


class TokenKeeper:
    """Gets, renews, replaces and revokes the token. All who need one at the same time share one login.

    Args:
        connection: the server.
        credentials: what the store's `auth` refers to.
    """

    def __init__(self, connection: Connection, credentials: Credentials) -> None:
        self._connection = connection
        self._credentials = credentials
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._own = False
        self._renewable = False
        self._ends = float("inf")
        self._renew_at = float("inf")

    async def token(self) -> str:
        """A token that is good for the next request; empty where the store has no `auth`.

        Raises:
            ProviderDenied: the login is refused.
            ProviderUnavailable: the server cannot be asked.
            StoreInvalid: the credentials cannot be resolved.
        """
        if self._token is not None and time.monotonic() < self._renew_at:
            return self._token
        async with self._lock:
            if self._token is None or (time.monotonic() >= self._renew_at and not await self._renew()):
                await self._acquire()
            return self._token or ""

    async def replaced(self, denied: str) -> bool:
        """Whether there is another token now than the one a request was denied with.

        The token is looked up first: where the server still knows it, the policy is what denies, and a login would give
        nothing new.
        """
        async with self._lock:
            if self._token != denied:
                return True
            if denied and await self.known(denied):
                return False
            before = self._token
            await self._acquire()
            return self._token != before

    async def known(self, token: str) -> bool:
        """Whether the server knows a token (lookup-self).

        Raises:
            ProviderUnavailable: the server cannot be asked.
        """
        call = Call("GET", "auth/token/lookup-self", namespace=self._credentials.auth_namespace)
        try:
            answer = await self._connection.send(call, token)
        except ProviderUnavailable:
            raise
        except ProviderError:
            return False
        return answer.status == 200  # noqa: PLR2004 - OK

    async def _acquire(self) -> None:
        token = await self._credentials.static_token()
        if token is not None:
            self._token, self._own = token, False
            self._renew_at = self._ends = float("inf")
            return
        call = await self._credentials.login()
        answer = await self._connection.send(call, "")
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise self._connection.failure(call, answer)
        self._keep(self._connection.json(call, answer).get("auth") or {}, call)

    def _keep(self, auth: Mapping[str, object], call: Call) -> None:
        token = str(auth.get("client_token") or "")
        if not token:
            raise ProviderDenied(
                f"the login at {call.path} gives no token",
                remedy="the auth method may ask for a second factor, which an operator cannot give",
            )
        self._token, self._own = token, True
        self._renewable = bool(auth.get("renewable"))
        self._expect(float(str(auth.get("lease_duration") or 0)))

    def _expect(self, seconds: float) -> None:
        """Plan the renewal of a token that lives this long; 0 means for ever."""
        now = time.monotonic()
        self._ends = now + seconds if seconds else float("inf")
        self._renew_at = self._ends - min(_RENEW_BEFORE, seconds / 3)

    async def _renew(self) -> bool:
        """Renew the token; False where a new login is needed, because it cannot be renewed or not for long enough."""
        if not self._renewable or self._token is None:
            return False
        call = Call("POST", "auth/token/renew-self", "update", body={}, namespace=self._credentials.auth_namespace)
        before = self._ends
        try:
            answer = await self._connection.send(call, self._token)
        except ProviderError:
            return False
        if answer.status != 200:  # noqa: PLR2004 - OK
            return False
        auth = self._connection.json(call, answer).get("auth") or {}
        self._expect(float(str(auth.get("lease_duration") or 0)))
        return self._ends > before + 1

    async def revoke(self) -> None:
        """Give back a token that came from a login of ours; failures are of no concern: it ends by itself."""
        token, own = self._token, self._own
        self._token = None
        if not own or not token:
            return
        call = Call("POST", "auth/token/revoke-self", "update", namespace=self._credentials.auth_namespace)
        try:
            async with asyncio.timeout(5):
                await self._connection.send(call, token)
        except (ProviderError, TimeoutError):
            return

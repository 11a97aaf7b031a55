"""OpenBao's side of the load: mount, policy, logins, and the KV secrets."""

from __future__ import annotations

import asyncio
import http
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from bench.errors import BenchError
from bench.load.concurrency import for_each
from bench.load.declarations import kv_key, kv_value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from bench.load.settings import LoadSettings

NAME = "esbench"
"""Name of the policy and of the AppRole."""

_AT_ONCE = 16
_UPGRADE_ATTEMPTS = 50
_UPGRADE_PAUSE_SECONDS = 0.2


class Backend:
    """OpenBao, or Vault, as its administrator. Open it with ``async with``.

    Args:
        settings: address, token, mount and sizes.
    """

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"X-Vault-Token": self._settings.servers.token}, timeout=aiohttp.ClientTimeout(total=60)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def prepare(self) -> None:
        """Makes the mount, a policy that reads it, an AppRole with that policy, and every KV secret.

        What is there already is kept, or written again.
        """
        mount = self._settings.mount
        await self._send("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "2"}}, exists=True)
        policy = (
            f'path "{mount}/data/*" {{ capabilities = ["read"] }}\n'
            f'path "{mount}/metadata/*" {{ capabilities = ["read", "list"] }}\n'
        )
        await self._send("PUT", f"sys/policies/acl/{NAME}", {"policy": policy})
        await self._send("POST", "sys/auth/approle", {"type": "approle"}, exists=True)
        role = {"token_policies": NAME, "token_ttl": "1h", "secret_id_num_uses": 0}
        await self._send("POST", f"auth/approle/role/{NAME}", role)
        await self._wait_for_upgrade()
        await self.reset_keys()

    async def _wait_for_upgrade(self) -> None:
        """A fresh KV v2 mount refuses writes until it has upgraded itself in the background."""
        for _ in range(_UPGRADE_ATTEMPTS - 1):
            try:
                await self.write_keys([0], revision=0)
            except BenchError:
                await asyncio.sleep(_UPGRADE_PAUSE_SECONDS)
            else:
                return
        await self.write_keys([0], revision=0)

    async def reset_keys(self) -> None:
        """Writes the first revision of every KV secret."""
        await self.write_keys(range(self._settings.size.keys), revision=0)

    async def write_keys(self, keys: Iterable[int], *, revision: int) -> None:
        """Writes one revision of some KV secrets."""
        properties = self._settings.size.properties

        async def write(key: int) -> None:
            body = {"data": kv_value(key, revision, properties)}
            await self._send("POST", f"{self._settings.mount}/data/{kv_key(key)}", body)

        await for_each(keys, write, at_once=_AT_ONCE)

    async def role_id(self) -> str:
        """The AppRole's id."""
        answer = await self._send("GET", f"auth/approle/role/{NAME}/role-id")
        return str(answer["data"]["role_id"])

    async def new_secret_id(self) -> str:
        """A fresh secret id of the AppRole."""
        answer = await self._send("POST", f"auth/approle/role/{NAME}/secret-id")
        return str(answer["data"]["secret_id"])

    async def new_token(self) -> str:
        """A fresh token that may read the mount."""
        answer = await self._send("POST", "auth/token/create", {"policies": [NAME], "ttl": "24h"})
        return str(answer["auth"]["client_token"])

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, exists: bool = False
    ) -> dict[str, Any]:
        """One request.

        Args:
            method: HTTP method.
            path: below ``/v1/``.
            body: JSON object to send.
            exists: whether "it is there already" (400) is fine.

        Raises:
            BenchError: it was refused, or nobody answered.
        """
        if self._session is None:
            raise RuntimeError("open the backend with `async with` first")
        url = f"{self._settings.servers.openbao.rstrip('/')}/v1/{path}"
        try:
            async with self._session.request(method, url, json=body) as response:
                text = await response.read()
                if response.ok:
                    return dict(await response.json()) if text else {}
                if exists and response.status == http.HTTPStatus.BAD_REQUEST:
                    return {}
                problem = f"HTTP {response.status}"
        except aiohttp.ClientError as error:
            problem = f"no answer ({type(error).__name__})"
        raise BenchError(problem, place=f"{method} {path}", remedy="look at OpenBao's log, and at the token's rights")

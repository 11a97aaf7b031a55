"""HTTP to a backend: one session, deadlines, bounded answers, retries; no error holds a piece of an answer."""

from __future__ import annotations

import asyncio
import io
import random
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from secretsync.errors import ProviderRefused, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETRIED: Final = frozenset({408, 412, 425, 429, 500, 502, 503, 504})
_LARGEST_ANSWER: Final = 32 * 1024 * 1024
_STREAMED: Final = 1_000_000
"""Bytes above which a body is sent piece by piece, so that it does not hold up the event loop."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 3
_LONGEST_DELAY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often.

    Attributes:
        deadline: seconds for one request, its retries included.
        connect: seconds to reach the server.
        retries: how often a read is repeated.
        first_delay: seconds before the first repetition, doubled for each further one, with jitter.
        connections: how many connections are open at the same time.
    """

    deadline: float = 30.0
    connect: float = 5.0
    retries: int = 2
    first_delay: float = 0.25
    connections: int = 32


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A complete answer; the body may hold secret values.

    Attributes:
        status: HTTP status.
        headers: response headers, by case-insensitive name.
        body: the body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class BackendSession:
    """One session to one backend, opened at the first request.

    Args:
        place: the store, for errors.
        server: how errors call the backend.
        context: TLS settings; None for the system's.
        limits: deadlines and retries.
    """

    def __init__(self, place: str, server: str, context: ssl.SSLContext | None, limits: Limits) -> None:
        self._place = place
        self._server = server
        self._context = context
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, url: URL, *, headers: Mapping[str, str], body: bytes | None = None, repeatable: bool = True
    ) -> Answer:
        """The answer, whatever its status, after repetitions where the status asks for them.

        Args:
            method: HTTP method.
            url: already quoted.
            headers: request headers.
            body: request body.
            repeatable: whether sending it twice does no harm.

        Raises:
            ProviderUnavailable: no answer came in time.
            ProviderRefused: the answer is larger than 32 MiB or leads to another server.
        """
        try:
            async with asyncio.timeout(self._limits.deadline):
                return await self._with_retries(method, url, headers, body, repeatable=repeatable)
        except TimeoutError:
            raise ProviderUnavailable(
                f"{self._server} does not answer within {self._limits.deadline:g} s",
                place=self._place,
                remedy="it is tried again; check the backend and the network",
            ) from None

    async def _with_retries(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None, *, repeatable: bool
    ) -> Answer:
        retries = self._limits.retries if repeatable else 0
        for attempt in range(retries + 1):
            wait = self._limits.first_delay * 2**attempt * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
            try:
                answer = await self._redirected(method, url, headers, body)
            except aiohttp.ClientError as error:
                if attempt == retries or isinstance(error, aiohttp.InvalidURL | aiohttp.ClientSSLError):
                    raise self._unreachable(error) from None
            else:
                if answer.status not in _RETRIED or attempt == retries:
                    return answer
                wait = max(wait, _seconds(answer.headers.get("Retry-After", "")))
            await asyncio.sleep(min(wait, _LONGEST_DELAY))
        raise AssertionError("unreachable")

    async def _redirected(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Follows redirects to the same scheme only, as standby servers send them, with the same headers and body."""
        for _ in range(_MOST_REDIRECTS):
            answer = await self._once(method, url, headers, body)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not target:
                return answer
            following = url.join(URL(target, encoded=True))
            if following.scheme != url.scheme or following.host != url.host:
                raise ProviderRefused(
                    f"{self._server} redirects to another host, to which credentials are not sent",
                    place=self._place,
                    remedy="name that host in the store",
                )
            url = following
        raise ProviderRefused(
            f"{self._server} redirects in a circle", place=self._place, remedy="check the address in the store"
        )

    async def _once(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        session = self._opened()
        data = io.BytesIO(body) if body and len(body) > _STREAMED else body
        async with session.request(method, url, headers=headers, data=data, allow_redirects=False) as response:
            chunks = bytearray()
            async for chunk in response.content.iter_any():
                chunks += chunk
                if len(chunks) > _LARGEST_ANSWER:
                    raise ProviderRefused(
                        f"the answer of {self._server} is larger than 32 MiB",
                        place=self._place,
                        remedy="check what the address serves",
                    )
            return Answer(response.status, response.headers, bytes(chunks))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._limits.connections, keepalive_timeout=60, ssl=self._context or True
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent",),
                headers={"User-Agent": "external-secrets-on-pulumi"},
            )
        return self._session

    def _unreachable(self, error: aiohttp.ClientError) -> ProviderUnavailable:
        problem = f"cannot be reached ({type(error).__name__})"
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            cause = error.certificate_error
            detail = f": {cause.verify_message}" if isinstance(cause, ssl.SSLCertVerificationError) else ""
            problem = f"shows a certificate that is not accepted{detail}"
        elif isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
            problem = f"cannot be reached: {error.os_error.strerror}"
        return ProviderUnavailable(
            f"{self._server} {problem}", place=self._place, remedy="check that it runs and the store's address is right"
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0

"""One HTTP session to one API server: authentication, deadlines, retries with jitter, errors of ours."""

from __future__ import annotations

import asyncio
import io
import json
import random
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from secretsync.errors import ClusterError, ClusterUnavailable, SettingsError
from secretsync.kube import failures, tls
from secretsync.kube.credentials import OfficialClientCredentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType

    from secretsync.kube.config import ClusterConfig
    from secretsync.kube.resources import Resource

JSON: Final = "application/json"
_SUCCESS: Final = range(200, 300)
_STREAMED: Final = 1_000_000
"""Bytes above which a body is sent piece by piece, so that it does not hold up the event loop."""
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})
_NOT_EXECUTED: Final = frozenset({429, 503})
"""Statuses with which the API server says that it did not act, so that even a creation may be sent again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often.

    Attributes:
        deadline: seconds for one call, its retries included.
        connect: seconds to reach the server.
        attempts: how often a call is sent at most.
        first_delay: seconds before the second attempt, doubled for each further one; each is drawn between 0 and that.
        longest_delay: upper bound of a delay that the server does not name itself.
        connections: how many requests are under way at the same time.
        watch_silence: seconds without a byte after which a watch is taken for dead; bookmarks come every minute.
        watch_patience: seconds a watch tries to reconnect before it gives up.
    """

    deadline: float = 30.0
    connect: float = 5.0
    attempts: int = 5
    first_delay: float = 0.2
    longest_delay: float = 5.0
    connections: int = 64
    watch_silence: float = 150.0
    watch_patience: float = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent.

    Attributes:
        method: HTTP method.
        path: path below the server's URL, already quoted.
        place: the object in question, for errors.
        verb: the verb in RBAC's words, for errors.
        resource: its kind, for errors; None for discovery.
        parameters: query parameters.
        body: a JSON value, sent where it is not None.
        content_type: of the body.
        accept: what to answer with.
        repeatable: whether sending it twice does no harm.
    """

    method: str
    path: str
    place: str
    verb: str
    resource: Resource | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    content_type: str = JSON
    accept: str = JSON
    repeatable: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A complete answer; its body may hold secret values."""

    status: int
    body: bytes
    retry_after: float | None

    def json(self, place: str) -> Any:  # noqa: ANN401 - a JSON value
        """The body decoded."""
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            raise ClusterUnavailable(
                "the answer is not JSON", place=place, remedy="check that the address is that of an API server"
            ) from None


class Transport:
    """The session. Open it with ``async with`` in the event loop that uses it."""

    def __init__(self, config: ClusterConfig, limits: Limits) -> None:
        self.config = config
        self.limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._refreshing: asyncio.Task[bool] | None = None

    async def __aenter__(self) -> Self:
        certificate, key = self.config.client_certificate, self.config.client_key
        credentials = self.config.credentials
        if isinstance(credentials, OfficialClientCredentials):
            await credentials.authorization()
            if credentials.certificate:
                certificate, key = credentials.certificate, b""
        try:
            context = tls.client_context(ca=self.config.ca, certificate=certificate, key=key, verify=self.config.verify)
        except ValueError as error:
            raise SettingsError(str(error), place=self.config.server, remedy="correct the kubeconfig") from None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0, keepalive_timeout=90),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect),
            auto_decompress=True,
            trust_env=False,
        )
        self._slots = asyncio.Semaphore(self.limits.connections)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    async def send(self, request: Request) -> Answer:
        """The answer with a status below 300, or 404, or 410: the caller knows what those mean.

        Raises:
            ClusterError: anything else.
        """
        try:
            async with asyncio.timeout(self.limits.deadline):
                return await self._with_retries(request)
        except TimeoutError:
            raise ClusterUnavailable(
                f"no answer from {self.config.server} within {self.limits.deadline:g} s",
                place=request.place,
                remedy="check the network and the API server's load",
            ) from None

    async def _with_retries(self, request: Request) -> Answer:
        body = None if request.body is None else json.dumps(request.body, separators=(",", ":")).encode()
        renewed = False
        attempt = 1
        while True:
            delay = min(self.limits.longest_delay, self.limits.first_delay * 2 ** (attempt - 1))
            delay *= random.random()  # noqa: S311 - jitter, not a secret
            try:
                answer = await self._once(request, body)
            except aiohttp.ClientError as error:
                failure = self._unreachable(request, error)
                may_repeat = request.repeatable or isinstance(error, aiohttp.ClientConnectorError)
                if not may_repeat or attempt >= self.limits.attempts or isinstance(error, aiohttp.InvalidURL):
                    raise failure from None
            else:
                if answer.status in _SUCCESS or answer.status in {404, 410}:
                    return answer
                if answer.status == 401 and not renewed and await self._renew():  # noqa: PLR2004 - unauthorized
                    renewed = True
                    continue
                may_repeat = answer.status in (_RETRIED if request.repeatable else _NOT_EXECUTED)
                if not may_repeat or attempt >= self.limits.attempts:
                    raise self.failure(request, answer)
                delay = delay if answer.retry_after is None else answer.retry_after + delay
            attempt += 1
            await asyncio.sleep(delay)

    async def _once(self, request: Request, body: bytes | None) -> Answer:
        async with self._slots, self.open(request, body) as response:
            return Answer(response.status, await response.read(), _retry_after(response))

    @asynccontextmanager
    async def open(
        self, request: Request, body: bytes | None = None, *, silence: float | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One exchange, the body not read yet; for answers that go on (watches).

        Args:
            request: what is sent.
            body: the encoded body.
            silence: seconds without a byte after which reading fails; None for no bound of its own.
        """
        if self._session is None:
            raise RuntimeError("the client is used outside its `async with` block")
        headers = {"Accept": request.accept}
        authorization = await self.config.credentials.authorization()
        if authorization:
            headers["Authorization"] = authorization
        if body is not None:
            headers["Content-Type"] = request.content_type
        async with self._session.request(
            request.method,
            self.config.server + request.path,
            params=dict(request.parameters) or None,
            data=io.BytesIO(body) if body and len(body) > _STREAMED else body,
            headers=headers,
            allow_redirects=False,
            proxy=self.config.proxy or None,
            server_hostname=self.config.server_name or None,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect, sock_read=silence),
        ) as response:
            yield response

    async def _renew(self) -> bool:
        """Refresh the credentials once for all calls that were refused at the same time."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self.config.credentials.refresh())
        return await asyncio.shield(self._refreshing)

    def failure(self, request: Request, answer: Answer) -> ClusterError:
        """The error an answer stands for."""
        try:
            status = json.loads(answer.body)
        except ValueError:
            status = {}
        return failures.from_status(
            answer.status,
            status if isinstance(status, dict) else {},
            verb=request.verb,
            resource=request.resource,
            place=request.place,
        )

    def _unreachable(self, request: Request, error: aiohttp.ClientError) -> ClusterError:
        problem = f"cannot be reached ({type(error).__name__})"
        remedy = "check that the API server runs and the address is right"
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            certificate = getattr(error, "certificate_error", error)
            detail = certificate.verify_message if isinstance(certificate, ssl.SSLCertVerificationError) else ""
            problem = f"its certificate is not accepted{f': {detail}' if detail else ''}"
            remedy = "check the certificate authority of the kubeconfig"
        elif isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
            problem = f"cannot be reached: {error.os_error.strerror}"
        return ClusterUnavailable(f"the API server {self.config.server} {problem}", place=request.place, remedy=remedy)


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """The header's seconds; its other form, a date, is not sent by API servers."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None

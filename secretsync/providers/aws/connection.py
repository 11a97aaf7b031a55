"""Requests to AWS from the event loop: a bounded pool of threads, deadlines, pages, and a login made at first use."""

from __future__ import annotations

import asyncio
import importlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from secretsync.api import go_duration
from secretsync.errors import ProviderRefused, ProviderUnavailable, SecretSyncError, StoreInvalid
from secretsync.providers.aws.failures import CredentialsEnded
from secretsync.providers.http import Limits
from secretsync.providers.references import store_place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from secretsync.api import RetrySettings, Store
    from secretsync.providers.aws.failures import Call
    from secretsync.providers.aws.login import AccessKey, AssumedRole, Login, WebIdentity
    from secretsync.providers.aws.sdk import Session

CONCURRENT_CALLS: Final = 10
"""Threads, and connections, of one store."""
_MOST_RETRIES: Final = 10
_LONGEST_PAUSE: Final = 30.0
_RENEWAL_SECONDS: Final = 60.0
"""A login that gives credentials which have ended is not tried again before."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a session is made of.

    Attributes:
        service: ``secretsmanager`` or ``ssm``.
        region: AWS region.
        roles: assumed one after the other, with the credentials below.
        access_key: static credentials; None for another source.
        web_identity: gives a fresh token of a ServiceAccount; called from worker threads. None for another source;
            where both are None, the SDK's default chain is asked.
        attempts: how often a request is sent at most.
        connect: seconds to reach an endpoint.
        connections: connections kept open.
    """

    service: str
    region: str
    roles: tuple[AssumedRole, ...] = ()
    access_key: AccessKey | None = None
    web_identity: Callable[[], WebIdentity] | None = None
    attempts: int = 3
    connect: float = 5.0
    connections: int = 10


@dataclass(frozen=True, slots=True)
class _Opened:
    session: Session
    pool: ThreadPoolExecutor


class Connection:
    """The AWS side of one store; nothing happens before the first request.

    Throttling and failures are retried by the SDK in its adaptive mode, which also slows down by itself; with
    ``retrySettings.retryInterval`` the pauses are of that length instead, 30 s at most. What the SDK does for one
    request, its retries included, has 30 s.

    Args:
        service: ``secretsmanager`` or ``ssm``.
        region: AWS region.
        store: the store.
        login: resolves its credentials.
    """

    def __init__(self, service: str, region: str, store: Store, login: Login) -> None:
        self._service = service
        self._region = region
        self._place = store_place(store)
        self._login = login
        self._retry_settings = store.spec.retry_settings
        self._limits = Limits(connections=CONCURRENT_CALLS)
        self._slots = asyncio.Semaphore(CONCURRENT_CALLS)
        self._opening = asyncio.Lock()
        self._opened: _Opened | None = None
        self._renewed = float("-inf")

    async def send(self, call: Call) -> dict[str, Any]:
        """The answer; with credentials of a new login where those at hand have ended before their time.

        Raises:
            SecretNotFound: AWS knows nothing of this name.
            VersionNotFound: the parameter has no such version.
            ProviderUnavailable: no answer in time, throttled, or a failure of the service.
            ProviderDenied: the credentials are not accepted or do not suffice.
            ProviderRefused: any other refusal.
            StoreInvalid: a reference of the store fails.
        """
        opened = await self._open()
        retries, pause = self._retries()
        repeated = retries if pause is not None else 0
        for attempt in range(repeated + 1):
            answer = await self._in_thread(opened, call.action, partial(opened.session.perform, call))
            if isinstance(answer, CredentialsEnded) and (renewed := await self._renew(opened)) is not None:
                opened = renewed
                answer = await self._in_thread(opened, call.action, partial(opened.session.perform, call))
            if not isinstance(answer, SecretSyncError):
                return answer
            if attempt == repeated or not isinstance(answer, ProviderUnavailable):
                break
            await asyncio.sleep(pause or 0)
        if isinstance(answer, SecretSyncError):
            raise self._placed(answer)
        return answer

    async def pages(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """The answers of an operation that gives its results in pages.

        Raises:
            ProviderRefused: the pages go round in a circle; and as `send`.
        """
        token: str | None = None
        seen: set[str] = set()
        while True:
            parameters = call.parameters if token is None else {**call.parameters, "NextToken": token}
            answer = await self.send(replace(call, parameters=parameters))
            yield answer
            token = answer.get("NextToken")
            if not token:
                return
            if token in seen:
                raise ProviderRefused(
                    f"{call.action} gives the same page again and again",
                    place=self._place,
                    remedy="check what the endpoint is",
                )
            seen.add(token)

    async def credentials_problem(self) -> SecretSyncError | None:
        """Why there are no credentials; None where there are some.

        Raises:
            StoreInvalid: a reference of the store fails.
        """
        opened = await self._open()
        try:
            problem = await self._in_thread(opened, "the login", opened.session.credentials_problem)
        except ProviderUnavailable as error:
            return error
        return self._placed(problem) if problem is not None else None

    async def _in_thread(self, opened: _Opened, what: str, work: Callable[[], Result]) -> Result:
        async with self._slots:
            try:
                async with asyncio.timeout(self._limits.deadline):
                    return await self._submitted(opened, work)
            except TimeoutError:
                raise ProviderUnavailable(
                    f"{what} takes longer than {self._limits.deadline:g} s",
                    place=self._place,
                    remedy="it is tried again; check the network and the quotas of the service",
                ) from None

    def _submitted(self, opened: _Opened, work: Callable[[], Result]) -> asyncio.Future[Result]:
        try:
            return asyncio.get_running_loop().run_in_executor(opened.pool, work)
        except RuntimeError:  # its threads are gone
            raise ProviderUnavailable(
                "the store is closed", place=self._place, remedy="it is opened again when it is next used"
            ) from None

    def _placed(self, error: SecretSyncError) -> SecretSyncError:
        return error if error.place.startswith(self._place) else error.at(self._place)

    def _retries(self) -> tuple[int, float | None]:
        """How often a request is repeated, and the seconds between; None for the SDK's own pauses."""
        settings: RetrySettings | None = self._retry_settings
        if settings is None:
            return self._limits.retries, None
        retries = self._limits.retries if settings.max_retries is None else settings.max_retries
        pause: float | None = None
        if settings.retry_interval:
            try:
                seconds = go_duration.parse(settings.retry_interval).total_seconds()
                pause = max(0.0, min(seconds, _LONGEST_PAUSE))
            except ValueError:
                raise StoreInvalid(
                    "retrySettings.retryInterval is no duration", place=self._place, remedy="write it like 1s"
                ) from None
        return max(0, min(retries, _MOST_RETRIES)), pause

    async def _open(self) -> _Opened:
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await self._connect()
        return self._opened

    async def _renew(self, ended: _Opened) -> _Opened | None:
        """Another session, from a login of its own; None where the last one is too recent, or the store is closed."""
        async with self._opening:
            if self._opened is not ended:
                return self._opened  # another request was faster
            if time.monotonic() < self._renewed + _RENEWAL_SECONDS:
                return None
            self._renewed = time.monotonic()
            session = await self._logged_in(ended.pool)
            if self._opened is not ended:  # closed in the meantime
                session.close()
                return None
            self._opened = _Opened(session, ended.pool)
            ended.session.retire()
            return self._opened

    async def _connect(self) -> _Opened:
        pool = ThreadPoolExecutor(CONCURRENT_CALLS, thread_name_prefix="aws")
        try:
            return _Opened(await self._logged_in(pool), pool)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise

    async def _logged_in(self, pool: ThreadPoolExecutor) -> Session:
        access_key = await self._login.access_key()
        if self._login.by_web_identity:
            await self._login.service_account_role()  # fails now rather than in a thread
        retries, pause = self._retries()
        settings = Settings(
            self._service,
            self._region,
            self._login.roles,
            access_key,
            self._identity_source() if self._login.by_web_identity else None,
            attempts=1 if pause is not None else retries + 1,
            connect=self._limits.connect,
            connections=CONCURRENT_CALLS,
        )
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, _session, settings)
        except SecretSyncError as error:
            raise self._placed(error) from None

    def _identity_source(self) -> Callable[[], WebIdentity]:
        """The token, for threads: asked for on the event loop, where the Kubernetes client lives."""
        loop = asyncio.get_running_loop()

        def identity() -> WebIdentity:
            asked = asyncio.run_coroutine_threadsafe(self._login.web_identity(), loop)
            try:
                return asked.result(self._limits.deadline)
            except TimeoutError:
                asked.cancel()
                raise ProviderUnavailable(
                    "the Kubernetes API gives no token of the ServiceAccount in time", remedy="it is tried again"
                ) from None

        return identity

    async def aclose(self) -> None:
        """Close connections and threads; a request that still runs is no longer waited for."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        opened.pool.shutdown(wait=False, cancel_futures=True)
        opened.session.close()


def _session(settings: Settings) -> Session:
    sdk = importlib.import_module("secretsync.providers.aws.sdk")  # in a thread: it takes a while
    session: Session = sdk.Session(settings)
    return session

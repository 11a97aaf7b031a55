"""Startup, liveness and readiness probes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_SUCCESS = range(200, 400)


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of a container, with Kubernetes' defaults.

    Attributes:
        url: What is asked by HTTP; empty for a TCP probe.
        headers: Request headers of an HTTP probe.
        host: Where a TCP probe connects.
        port: Its port.
        initial_delay: Seconds after the start before the first.
        period: Seconds between two.
        timeout: Seconds one may take.
        successes: In a row that make it good.
        failures: In a row that make it bad.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    host: str
    port: int
    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def read(cls, probe: dict[str, Any], ports: Sequence[dict[str, Any]], *, address: str) -> Self:
        """Reads a probe of a container that declares these ports and has this address.

        Raises:
            ValueError: It names a port that is not declared.
        """
        http: dict[str, Any] = probe.get("httpGet") or {}
        target = http or probe["tcpSocket"]
        port = _number(target["port"], ports)
        host = target.get("host") or address
        path = http.get("path") or "/"
        slash = "" if path.startswith("/") else "/"
        return cls(
            url=f"{http.get('scheme', 'HTTP').lower()}://{host}:{port}{slash}{path}" if http else "",
            headers=tuple((header["name"], header["value"]) for header in http.get("httpHeaders") or ()),
            host=host,
            port=port,
            initial_delay=probe.get("initialDelaySeconds") or 0,
            period=probe.get("periodSeconds") or 10,
            timeout=probe.get("timeoutSeconds") or 1,
            successes=probe.get("successThreshold") or 1,
            failures=probe.get("failureThreshold") or 3,
        )

    async def ask(self, session: aiohttp.ClientSession) -> str:
        """Asks once.

        Returns:
            The empty string if it is good, else why not.
        """
        try:
            async with asyncio.timeout(self.timeout):
                if not self.url:
                    _, writer = await asyncio.open_connection(self.host, self.port)
                    writer.close()
                    return ""
                # As the kubelet: a probe looks at the answer, not at who vouches for the server.
                async with session.get(
                    self.url, headers=dict(self.headers), ssl=False, allow_redirects=False
                ) as answer:
                    if answer.status in _SUCCESS:
                        return ""
                    return f"HTTP probe failed with statuscode: {answer.status}"
        except TimeoutError:
            return f"no answer within {self.timeout:g} s"
        except (OSError, aiohttp.ClientError) as error:
            return f"cannot connect to {self.url or f'{self.host}:{self.port}'}: {type(error).__name__}"


class Verdict:
    """Counts a probe's answers into good or bad by its thresholds.

    Args:
        probe: Whose.
        good: What holds before the first answers.
    """

    def __init__(self, probe: Probe, *, good: bool) -> None:
        self._probe = probe
        self._row = 0
        self._last: bool | None = None
        self.good = good

    def count(self, *, success: bool) -> bool:
        """Counts one answer; True if the verdict is settled by it or was before."""
        self._row = self._row + 1 if success is self._last else 1
        self._last = success
        reached = self._row >= (self._probe.successes if success else self._probe.failures)
        if reached:
            self.good = success
        return reached


async def watch(
    probe: Probe,
    session: aiohttp.ClientSession,
    *,
    good: bool,
    on_verdict: Callable[[bool, str], Awaitable[bool]],
    on_failure: Callable[[str], None],
) -> None:
    """Asks again and again until told to end.

    Args:
        probe: What is asked.
        session: For HTTP.
        good: What holds before the first answers.
        on_verdict: Told each settled verdict and the last reason; ends the watch by returning True.
        on_failure: Told each failed answer.
    """
    verdict = Verdict(probe, good=good)
    await asyncio.sleep(probe.initial_delay)
    while True:
        reason = await probe.ask(session)
        if reason:
            on_failure(reason)
        if verdict.count(success=not reason) and await on_verdict(verdict.good, reason):
            return
        await asyncio.sleep(probe.period)


def _number(port: int | str, ports: Sequence[dict[str, Any]]) -> int:
    if isinstance(port, int):
        return port
    if port.isdigit():
        return int(port)
    for declared in ports:
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise ValueError(f'the container declares no port "{port}"')

"""Leader election over a Lease: of several processes with one name, one at a time leads.

The protocol is that of client-go: whoever sees a Lease unchanged for its whole duration, by its own clock, may take it.
Clocks of different machines are never compared.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import ClusterConflict, ClusterError, ClusterRefused
from secretsync.kube.resources import LEASES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsync.kube.protocol import Cluster

_JITTER: Final = 0.2
_MICROTIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


class LeaderElection:
    """One candidate.

    Args:
        client: the cluster that holds the Lease.
        name: name of the Lease; all candidates share it.
        namespace: its namespace.
        identity: this candidate, unlike all others, e.g. the pod's name and a random part.
        lease_duration: seconds after which an unchanged Lease may be taken by another.
        renew_deadline: seconds of failing renewals after which this candidate stops leading.
        retry_period: seconds between two attempts.
    """

    def __init__(
        self,
        client: Cluster,
        name: str,
        namespace: str,
        identity: str,
        *,
        lease_duration: float = 15.0,
        renew_deadline: float = 10.0,
        retry_period: float = 2.0,
    ) -> None:
        if not retry_period < renew_deadline < lease_duration:
            raise ValueError("retry_period < renew_deadline < lease_duration must hold")
        self.name = name
        self.namespace = namespace
        self.identity = identity
        self.is_leader = False
        """Whether this candidate leads, as far as it knows."""
        self.holder = ""
        """Who leads, as last seen."""
        self._client = client
        self._lease_duration = lease_duration
        self._renew_deadline = renew_deadline
        self._retry_period = retry_period
        self._observed: tuple[str, float] = ("", 0.0)
        self._lease: dict[str, Any] | None = None

    async def run(self, lead: Callable[[], Awaitable[None]], *, on_lost: Callable[[], None] | None = None) -> None:
        """Wait for the leadership, then run `lead` until it ends or the leadership is lost; in the end, release it.

        Args:
            lead: what only the leader does. It is cancelled when the leadership is lost.
            on_lost: called when the leadership is lost, before `lead` is cancelled.

        Raises:
            ClusterDenied: RBAC does not allow to read or write the Lease.
        """
        await self.acquire()
        work = asyncio.ensure_future(lead())
        hold = asyncio.create_task(self.hold())
        try:
            await asyncio.wait({work, hold}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                if on_lost:
                    on_lost()
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                hold.result()
            else:
                await work
        finally:
            for task in (work, hold):
                task.cancel()
            await asyncio.gather(work, hold, return_exceptions=True)
            await asyncio.shield(self.release())

    async def acquire(self) -> None:
        """Return when this candidate leads; failures of the API server are waited out, refusals are raised."""
        while not await self._attempt():
            await self._pause()

    async def hold(self) -> None:
        """Renew until the leadership is lost, then return."""
        renewed_at = time.monotonic()
        while self.is_leader:
            await self._pause()
            remaining = self._renew_deadline - (time.monotonic() - renewed_at)
            try:
                async with asyncio.timeout(max(remaining, 0.0)):
                    held = await self._attempt()
            except TimeoutError:
                held = False
            if held:
                renewed_at = time.monotonic()
            elif self.holder != self.identity or time.monotonic() - renewed_at >= self._renew_deadline:
                self.is_leader = False

    async def release(self) -> None:
        """Give the leadership up, so that the next candidate need not wait; silent where that fails."""
        lease, self._lease = self._lease, None
        if not self.is_leader or lease is None:
            self.is_leader = False
            return
        self.is_leader = False
        spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            await self._client.replace(LEASES, {**lease, "spec": spec}, field_manager=self.identity)
        except ClusterError:
            return

    async def _attempt(self) -> bool:
        """Take or renew the Lease; whether this candidate holds it now. Only a lasting refusal is raised."""
        try:
            held = await self._take_or_renew()
        except ClusterConflict:
            return False
        except ClusterError as error:
            if error.retryable or (isinstance(error, ClusterRefused) and error.status == 404):  # noqa: PLR2004
                return False
            raise
        self.is_leader = held
        return held

    async def _take_or_renew(self) -> bool:
        lease = await self._client.get(LEASES, self.name, self.namespace)
        if lease is None:
            new = {
                "apiVersion": LEASES.api_version,
                "kind": LEASES.kind,
                "metadata": {"name": self.name, "namespace": self.namespace},
                "spec": self._spec({}),
            }
            self._seen(await self._client.create(LEASES, new, field_manager=self.identity))
            return True
        self._seen(lease)
        spec = lease.get("spec") or {}
        if self.holder not in {"", self.identity} and not self._expired(spec):
            return False
        self._seen(await self._client.replace(LEASES, {**lease, "spec": self._spec(spec)}, field_manager=self.identity))
        return True

    def _spec(self, before: dict[str, Any]) -> dict[str, Any]:
        now = _now()
        kept = before.get("holderIdentity") == self.identity
        transitions = int(before.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._lease_duration)),
            "acquireTime": before.get("acquireTime") or now if kept else now,
            "renewTime": now,
            "leaseTransitions": transitions + (1 if before and not kept else 0),
        }

    def _seen(self, lease: dict[str, Any]) -> None:
        self._lease = lease
        self.holder = str((lease.get("spec") or {}).get("holderIdentity") or "")
        version = str(lease["metadata"].get("resourceVersion", ""))
        if version != self._observed[0]:
            self._observed = (version, time.monotonic())

    def _expired(self, spec: dict[str, Any]) -> bool:
        duration = float(spec.get("leaseDurationSeconds") or self._lease_duration)
        return time.monotonic() - self._observed[1] > duration

    async def _pause(self) -> None:
        await asyncio.sleep(self._retry_period * (1 + _JITTER * random.random()))  # noqa: S311 - jitter, not a secret


def _now() -> str:
    return datetime.now(UTC).strftime(_MICROTIME)

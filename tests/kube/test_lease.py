"""Of several candidates one leads; when it stops, another does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from secretsync.errors import ClusterDenied, ClusterUnavailable
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.lease import LeaderElection
from secretsync.kube.resources import LEASES

pytestmark = pytest.mark.unit


def election(cluster: MemoryCluster, identity: str, duration: float = 1.0) -> LeaderElection:
    return LeaderElection(
        cluster, "lock", "ns", identity, lease_duration=duration, renew_deadline=duration * 0.6, retry_period=0.02
    )


async def spec(cluster: MemoryCluster) -> dict[str, object]:
    lease = await cluster.get(LEASES, "lock", "ns")
    assert lease is not None
    return dict(lease["spec"])


async def test_the_first_candidate_leads_and_the_second_waits() -> None:
    cluster = MemoryCluster()
    one, two = election(cluster, "one"), election(cluster, "two")
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())
    await asyncio.sleep(0.1)
    assert one.is_leader
    assert not waiting.done()
    assert two.holder == "one"
    await one.release()
    async with asyncio.timeout(2):
        await waiting
    assert two.is_leader
    assert not one.is_leader
    assert (await spec(cluster))["leaseTransitions"] == 1


async def test_a_lease_that_nobody_renews_is_taken() -> None:
    cluster = MemoryCluster()
    one, two = election(cluster, "one"), election(cluster, "two")
    await one.acquire()
    async with asyncio.timeout(5):
        await two.acquire()
    found = await spec(cluster)
    assert found["holderIdentity"] == "two"


async def test_a_lease_of_the_past_is_respected_until_it_was_watched_for_its_duration() -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    old = {"holderIdentity": "other", "leaseDurationSeconds": 1, "renewTime": long_ago}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock", "namespace": "ns"}}
    cluster = MemoryCluster([{**lease, "spec": old}])
    one = election(cluster, "one")
    acquiring = asyncio.create_task(one.acquire())
    await asyncio.sleep(0.3)
    assert not acquiring.done()
    async with asyncio.timeout(3):
        await acquiring


async def test_renewing_keeps_the_leadership() -> None:
    cluster = MemoryCluster()
    one, two = election(cluster, "one"), election(cluster, "two")
    await one.acquire()
    holding = asyncio.create_task(one.hold())
    taking = asyncio.create_task(two.acquire())
    await asyncio.sleep(1.5)
    assert one.is_leader
    assert not taking.done()
    for task in (holding, taking):
        task.cancel()
    await asyncio.gather(holding, taking, return_exceptions=True)


async def test_losing_the_lease_ends_the_work_and_calls_back() -> None:
    cluster = MemoryCluster()
    one = election(cluster, "one", 0.3)
    events: list[str] = []
    started = asyncio.Event()

    async def lead() -> None:
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            events.append("stopped")

    running = asyncio.create_task(one.run(lead, on_lost=lambda: events.append("lost")))
    await started.wait()

    def fail(verb: str, plural: str, name: str) -> None:
        raise ClusterUnavailable("down")

    cluster.before = fail
    async with asyncio.timeout(5):
        await running
    assert events == ["lost", "stopped"]
    assert not one.is_leader


async def test_ending_the_work_gives_the_lease_up_at_once() -> None:
    cluster = MemoryCluster()

    async def lead() -> None:
        return

    async with asyncio.timeout(2):
        await election(cluster, "one").run(lead)
        await election(cluster, "two").acquire()
    assert (await spec(cluster))["holderIdentity"] == "two"


async def test_a_failing_leader_gives_the_lease_up_and_says_so() -> None:
    cluster = MemoryCluster()

    async def lead() -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await election(cluster, "one").run(lead)
    assert (await spec(cluster))["holderIdentity"] == ""


async def test_missing_rights_are_raised_not_waited_out() -> None:
    cluster = MemoryCluster()

    def fail(verb: str, plural: str, name: str) -> None:
        raise ClusterDenied("no", status=403)

    cluster.before = fail
    with pytest.raises(ClusterDenied):
        await election(cluster, "one").acquire()


async def test_many_candidates_never_lead_together() -> None:
    cluster = MemoryCluster()
    leading: list[str] = []
    most = 0
    done = asyncio.Event()

    async def candidate(name: str) -> None:
        async def lead() -> None:
            nonlocal most
            leading.append(name)
            most = max(most, len(leading))
            await asyncio.sleep(0.02)
            leading.remove(name)

        await election(cluster, name).run(lead)

    async with asyncio.timeout(20):
        await asyncio.gather(*(candidate(f"c{number}") for number in range(8)))
    done.set()
    assert most == 1

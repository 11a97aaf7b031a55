"""Single parts of the controller: informer, events, ticks, server, settings of addresses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.controller.events import EventRecorder
from secretsync.controller.informer import Change, Informer, version_of
from secretsync.controller.reconcile import Memory, Reconciler, _phase
from secretsync.controller.server import HealthServer
from secretsync.errors import ClusterDenied, ClusterUnavailable, SettingsError
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import EVENTS, SECRETS
from secretsync.sync import refresh
from secretsync.sync.refresh import Decision
from secretsync.sync.types import Event, EventReason
from tests.sync.builders import NAMESPACE, external_secret, secret

if TYPE_CHECKING:
    from secretsync.kube.protocol import Listing

pytestmark = pytest.mark.unit


class Flaky(MemoryCluster):
    """Fails so many lists, and so many event writes."""

    def __init__(self, *objects: dict[str, Any], failures: int = 1) -> None:
        super().__init__(objects)
        self.failures = failures

    async def list(self, *args: Any, **more: Any) -> Listing:
        if self.failures:
            self.failures -= 1
            raise ClusterUnavailable("unreachable")
        return await super().list(*args, **more)

    async def create(self, resource: Any, obj: Any, **more: Any) -> dict[str, Any]:
        if resource == EVENTS and self.failures:
            self.failures -= 1
            raise ClusterDenied("no")
        return await super().create(resource, obj, **more)


async def _settled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_informer_survives_failures_and_a_handler_that_chokes() -> None:
    seen: list[Change] = []

    def handle(change: Change) -> None:
        seen.append(change)
        if change.key[1] == "poison":
            raise ValueError(change.key)

    cluster = Flaky(secret("poison"), secret("fine"))
    informer = Informer(cluster, SECRETS, handle)
    task = asyncio.create_task(informer.run())
    await asyncio.wait_for(informer.synced.wait(), 5)
    await cluster.delete(SECRETS, "fine", NAMESPACE)
    await asyncio.sleep(0.05)
    await _settled(task)
    assert [change.key[1] for change in seen] == ["fine", "poison", "fine"]
    assert seen[-1].new is None
    assert set(informer.objects) == {(NAMESPACE, "poison")}


async def test_a_list_after_a_gap_reports_what_has_gone() -> None:
    seen: list[Change] = []
    cluster = MemoryCluster([secret("a")])
    informer = Informer(cluster, SECRETS, seen.append)
    informer.store(secret("gone", resourceVersion="1"))
    task = asyncio.create_task(informer.run())
    await asyncio.wait_for(informer.synced.wait(), 5)
    await _settled(task)
    assert [(change.key[1], change.new is None) for change in seen] == [("a", False), ("gone", True)]


def test_the_answer_to_a_write_is_newer_than_a_late_event() -> None:
    seen: list[Change] = []
    informer = Informer(MemoryCluster(), SECRETS, seen.append)
    informer.store(secret("a", resourceVersion="7"))
    informer._changed(secret("a", resourceVersion="6"))
    informer._gone((NAMESPACE, "a"), 6)
    assert seen == []
    assert version_of(informer[NAMESPACE, "a"]) == 7
    informer.store(secret("a", resourceVersion="5"))
    assert version_of(informer.get((NAMESPACE, "a"))) == 7
    assert version_of(None) == -1


async def test_repeated_events_are_counted_not_written_again() -> None:
    cluster = MemoryCluster()
    recorder = EventRecorder(cluster)
    event = Event(EventReason.UpdateFailed, "the store is sealed", warning=True)
    for _ in range(5):
        recorder.record(external_secret(), event)
    recorder.record(external_secret(), Event(EventReason.Created, "secret created"))
    await recorder.drain()
    events = (await cluster.list(EVENTS, NAMESPACE)).items
    assert sorted((each["type"], each["reason"]) for each in events) == [
        ("Normal", "Created"),
        ("Warning", "UpdateFailed"),
    ]
    for known in recorder._written.values():
        known.at -= 3600
    recorder.record(external_secret(), event)
    await recorder.drain()
    counts = {each["reason"]: each["count"] for each in (await cluster.list(EVENTS, NAMESPACE)).items}
    assert counts["UpdateFailed"] == 6


async def test_events_that_cannot_be_written_are_let_go_and_a_flood_is_bounded() -> None:
    cluster = Flaky()
    recorder = EventRecorder(cluster)
    event = Event(EventReason.Created, "secret created")
    recorder.record(external_secret(), event)
    await recorder.drain()
    recorder.record(external_secret(), event)
    await recorder.drain()
    assert len((await cluster.list(EVENTS, NAMESPACE)).items) == 1
    for number in range(10_050):
        recorder.record(external_secret(), Event(EventReason.Created, str(number)))
    assert recorder.dropped == 50


class Ticking:
    """A reconciler's clock and queue, and nothing else of it."""

    def __init__(self) -> None:
        self.now_is = 0.0
        self.set: dict[tuple[str, str], float] = {}
        self.fetches = self
        self.queue = self

    def now(self) -> float:
        return self.now_is

    def add_after(self, key: tuple[str, str], seconds: float) -> None:
        self.set[key] = self.now_is + seconds

    def schedule(self, name: str, every: str, rest: float) -> float:
        declared = external_secret(name, refreshInterval=every)
        key = (NAMESPACE, name)
        Reconciler._schedule(self, key, declared, Memory(), timedelta(seconds=rest))  # type: ignore[arg-type]
        return self.set[key]


def test_declarations_of_one_store_and_interval_share_ticks_and_are_never_late() -> None:
    ticking = Ticking()
    due = []
    for number in range(40):
        ticking.now_is = 1000 + number * 0.4
        at = ticking.schedule(f"es-{number}", "16s", 16)
        assert at <= ticking.now_is + 16
        assert at >= ticking.now_is + 16 - 2
        due.append(round(at, 6))
    assert len(set(due)) <= 11


@pytest.mark.parametrize("late", [0.0, 0.004, 0.3])
def test_declarations_of_one_key_come_to_one_beat_and_stay_there(late: float) -> None:
    """However late a timer fires: a beat that is only kept to the microsecond is kept by nobody."""
    ticking = Ticking()
    names = [f"es-{number}" for number in range(12)]
    due = {name: 1000 + number * 1.3 for number, name in enumerate(names)}
    for _ in range(13):
        for number, name in enumerate(names):
            ticking.now_is = due[name] + late * number / len(names)
            at = ticking.schedule(name, "16s", 16)
            assert ticking.now_is + 14 - 1e-6 <= at <= ticking.now_is + 16 + 1e-6
            due[name] = at
    assert len({round(at % 16, 6) for at in due.values()}) == 1
    settled = dict(due)
    for name in names:
        ticking.now_is = due[name] + late
        assert ticking.schedule(name, "16s", 16) == pytest.approx(settled[name] + 16)


def test_different_keys_have_different_beats() -> None:
    beats = set()
    for number in range(8):
        data = [{"secretKey": "k", "remoteRef": {"key": f"key-{number}"}}]
        beats.add(_phase(external_secret("a", data=data)))
    assert len(beats) == 8


def test_short_intervals_are_kept_to_the_moment() -> None:
    ticking = Ticking()
    ticking.now_is = 1000.3
    assert ticking.schedule("a", "2s", 2) == pytest.approx(1002.3)


@pytest.mark.parametrize(
    ("every", "rest", "why", "early"),
    [
        ("16s", 2.0, "not due yet", True),
        ("16s", 2.1, "not due yet", False),
        ("16s", 2.04, "not due yet", True),
        ("1h", 15.0, "not due yet", True),
        ("1h", 16.0, "not due yet", False),
        ("16s", 1.0, "outside the sync windows", False),
        ("2s", 0.1, "not due yet", False),
        ("0", 0.1, "not due yet", False),
    ],
)
def test_a_tick_may_be_early_by_an_eighth_at_most(every: str, rest: float, why: str, *, early: bool) -> None:
    decision = Decision(refresh=False, why=why, again_after=timedelta(seconds=rest))
    assert Reconciler._is_early(external_secret(refreshInterval=every), decision) is early


def test_the_decision_that_ticks_rely_on_says_so() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    declared = external_secret()
    status = {"syncedResourceVersion": refresh.synced_version(declared), "refreshTime": "2026-01-01T00:00:00Z"}
    decision = refresh._due(external_secret(status=status), now)
    assert decision.why == "not due yet"


async def test_an_address_that_cannot_be_had_is_named() -> None:
    always = {"metrics": lambda: b"", "ready": lambda: True, "alive": lambda: True}
    with pytest.raises(SettingsError, match="nonsense is no address"):
        HealthServer("nonsense", **always)  # type: ignore[arg-type]
    first = HealthServer("127.0.0.1:0", **always)  # type: ignore[arg-type]
    await first.start()
    taken = first.address.removeprefix("http://")
    with pytest.raises(SettingsError, match=f"{taken}: cannot listen"):
        await HealthServer(taken, **always).start()  # type: ignore[arg-type]
    await first.aclose()

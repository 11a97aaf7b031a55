"""When an ExternalSecret is due: refreshPolicy, interval, status, target and sync windows."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.sync import refresh, status, sync_windows
from secretsync.sync.refresh import Decision, decide, interval, synced_version
from secretsync.sync.target import desired
from secretsync.sync.types import TargetContent
from tests.sync.builders import external_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def _synced(ago: timedelta | None = timedelta(minutes=1), **spec: Any) -> ExternalSecret:
    """As it stands after a sync."""
    status: dict[str, Any] = {"syncedResourceVersion": synced_version(external_secret(**spec))}
    if ago is not None:
        status["refreshTime"] = (NOW - ago).strftime("%Y-%m-%dT%H:%M:%SZ")
    return external_secret(**spec, status=status)


def _target(declared: ExternalSecret) -> dict[str, Any]:
    return desired(declared, TargetContent("", {"own": b"v"}, {}, {}), None)


def _refreshes(declared: ExternalSecret) -> bool:
    return decide(declared, _target(declared), NOW).refresh


@pytest.mark.parametrize("policy", ["Periodic", "CreatedOnce", "OnChange"])
def test_a_new_one_is_due(policy: str) -> None:
    assert _refreshes(external_secret(refreshPolicy=policy))
    assert _refreshes(external_secret(refreshPolicy=policy, refreshInterval="0"))


def test_periodic_is_due_when_its_interval_has_elapsed() -> None:
    assert not _refreshes(_synced(timedelta(minutes=59)))
    assert _refreshes(_synced(timedelta(minutes=60)))
    rest = decide(_synced(timedelta(minutes=59)), _target(_synced()), NOW)
    assert rest.again_after == timedelta(minutes=1)


def test_a_refresh_time_in_the_future_or_none_is_due() -> None:
    assert _refreshes(_synced(timedelta(minutes=-5)))
    assert _refreshes(_synced(None))


@pytest.mark.parametrize(("policy", "due"), [("Periodic", True), ("OnChange", True), ("CreatedOnce", False)])
def test_a_change_of_spec_or_metadata(policy: str, *, due: bool) -> None:
    before = _synced(refreshPolicy=policy)
    status = before.status.to_json()
    edited = external_secret(refreshPolicy=policy, metadata={"generation": 2}, status=status)
    annotated = external_secret(refreshPolicy=policy, metadata={"annotations": {"force-sync": "1"}}, status=status)
    assert _refreshes(edited) is due
    assert _refreshes(annotated) is due
    assert not _refreshes(before)


def test_interval_zero_ignores_edits_as_upstream_does() -> None:
    status = _synced(refreshInterval="0").status.to_json()
    assert not _refreshes(external_secret(refreshInterval="0", metadata={"generation": 2}, status=status))
    assert interval(external_secret(refreshInterval="0")) is None
    assert interval(external_secret(refreshPolicy="OnChange")) is None


@pytest.mark.parametrize("spec", [{}, {"refreshInterval": "0"}, {"refreshPolicy": "CreatedOnce"}])
def test_a_missing_or_edited_target_is_due_whatever_the_policy(spec: dict[str, Any]) -> None:
    declared = _synced(**spec)
    assert decide(declared, None, NOW).refresh
    edited = _target(declared)
    edited["data"]["own"] = "eA=="
    assert decide(declared, edited, NOW).refresh
    unlabelled = _target(declared)
    unlabelled["metadata"]["labels"] = {}
    assert decide(declared, unlabelled, NOW).refresh


def test_the_synced_version_holds_generation_labels_and_annotations() -> None:
    versions = [
        synced_version(external_secret(metadata=metadata))
        for metadata in ({"generation": 7}, {"generation": None}, {"labels": {"a": "1"}}, {"annotations": {"a": "1"}})
    ]
    assert [version.partition("-")[0] for version in versions] == ["7", "0", "1", "1"]
    assert len({version.partition("-")[2] for version in versions}) == 3


def test_an_orphan_is_not_healed() -> None:
    assert not decide(_synced(target={"creationPolicy": "Orphan"}), None, NOW).refresh


def test_sync_windows_hold_back_the_periodic_refresh_only() -> None:
    windows = {"kind": "deny", "windows": [{"schedule": "* * * * *", "duration": "1h"}]}
    elapsed = _synced(timedelta(hours=2), syncWindows=windows)
    decision = decide(elapsed, _target(elapsed), NOW)
    assert not decision.refresh
    assert decision.again_after == timedelta(minutes=1)
    assert decide(elapsed, None, NOW).refresh
    allowed = _synced(timedelta(hours=2), syncWindows={**windows, "kind": "allow"})
    assert _refreshes(allowed)


ELAPSED = timedelta(hours=2)
CLOSED = {"kind": "deny", "windows": [{"schedule": "* * * * *", "duration": "1h"}]}


@pytest.mark.parametrize(
    ("declared", "decision"),
    [
        (external_secret(refreshPolicy="CreatedOnce"), Decision(refresh=True, why="never synced")),
        (_synced(refreshPolicy="CreatedOnce"), Decision(refresh=False, why="created once")),
        (external_secret(refreshPolicy="OnChange"), Decision(refresh=True, why="changed")),
        (_synced(refreshPolicy="OnChange"), Decision(refresh=False, why="unchanged")),
        (external_secret(refreshInterval="0"), Decision(refresh=True, why="never synced")),
        (_synced(refreshInterval="0"), Decision(refresh=False, why="synced once, interval 0")),
        (external_secret(), Decision(refresh=True, why="never synced")),
        (
            external_secret(status={"syncedResourceVersion": "1-other"}),
            Decision(refresh=True, why="spec, labels or annotations changed"),
        ),
        (_synced(None), Decision(refresh=True, why="no refresh time, or one in the future")),
        (_synced(timedelta(0)), Decision(refresh=False, why="not due yet", again_after=timedelta(hours=1))),
        (_synced(ELAPSED), Decision(refresh=True, why="interval elapsed")),
        (
            _synced(ELAPSED, syncWindows=CLOSED),
            Decision(refresh=False, why="outside the sync windows", again_after=timedelta(minutes=1)),
        ),
        (
            _synced(ELAPSED, syncWindows=CLOSED, refreshInterval="20s"),
            Decision(refresh=False, why="outside the sync windows", again_after=timedelta(seconds=20)),
        ),
    ],
)
def test_every_decision_says_why_and_when_to_look_again(declared: ExternalSecret, decision: Decision) -> None:
    assert decide(declared, _target(declared), NOW) == decision


def test_a_target_that_forces_the_refresh_is_the_reason() -> None:
    forced = Decision(refresh=True, why="the target is missing or was changed")
    assert decide(_synced(refreshInterval="0"), None, NOW) == forced


@pytest.mark.parametrize("hours", [0, 5])
def test_a_time_with_a_zone_keeps_it_and_one_without_is_utc(hours: int) -> None:
    aware = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=hours)))
    assert refresh._utc(aware) == datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=hours)
    assert refresh._utc(aware).utcoffset() == timedelta(hours=hours)
    assert refresh._utc(datetime(2026, 1, 1)) == datetime(2026, 1, 1, tzinfo=UTC)  # noqa: DTZ001 - the point


@pytest.mark.parametrize(
    ("schedule", "duration", "moment", "active"),
    [
        ("0 9 * * *", "1h", "2026-03-02T09:00:00", True),
        ("0 9 * * *", "1h", "2026-03-02T10:00:00", True),
        ("0 9 * * *", "1h", "2026-03-02T10:00:01", False),
        ("0 9 * * *", "1h", "2026-03-02T08:59:59", False),
        ("0 22 * * *", "4h", "2026-03-02T01:30:00", True),
        ("*/15 * * * *", "1m", "2026-03-02T10:46:30", False),
        ("*/15 * * * *", "1m", "2026-03-02T10:45:30", True),
        ("0 0 * * mon-fri", "24h", "2026-03-01T12:00:00", False),
        ("0 0 * * mon-fri", "23h", "2026-03-02T12:00:00", True),
        ("0 0 13 * 5", "1h", "2026-03-13T00:30:00", True),
        ("0 0 13 * 1", "1h", "2026-03-02T00:30:00", True),
        ("0 0 13 * *", "1h", "2026-03-13T00:30:00", True),
        ("0 0 13 * *", "1h", "2026-03-12T00:30:00", False),
        ("0 9 * * *", "1h", "2026-03-02T10:00:00.000001", False),
        ("59 23 31 12 *", "1m", "2026-12-31T23:59:30", True),
        ("0 0 1 1 0", "1h", "2026-01-01T00:30:00", True),
        ("0 0 * * sat", "1h", "2026-03-07T00:30:00", True),
        ("0 0 * * ?", "1h", "2026-03-05T00:30:00", True),
        ("10-20/5 * * * *", "0s", "2026-03-02T10:20:00", True),
        ("10-20/5 * * * *", "0s", "2026-03-02T10:11:00", False),
        ("1,3 * * * *", "0s", "2026-03-02T10:02:00", False),
        ("1,3 * * * *", "0s", "2026-03-02T10:03:00", True),
        ("10-12 * * * *", "0s", "2026-03-02T10:13:00", False),
        ("@EVERY 2h", "30m", "2026-03-02T10:15:00", False),
        ("@every 1ms", "0s", "2026-03-02T11:15:01", True),
        ("0 0 1 jan *", "1h", "2026-01-01T00:30:00", True),
        ("0 0 1 jan *", "1h", "2026-03-01T00:30:00", False),
        ("5/20 * * * *", "1m", "2026-03-02T10:25:10", True),
        ("@daily", "1h", "2026-03-02T00:59:00", True),
        ("@hourly", "1m", "2026-03-02T10:01:00", True),
        ("@every 2h", "30m", "2026-03-02T10:15:00", True),
        ("@every 2h", "30m", "2026-03-02T11:15:00", False),
        ("@every 1ms", "0s", "2026-03-02T11:15:00", True),
        ("0 0 30 2 *", "1h", "2026-03-02T11:15:00", False),
    ],
)
def test_windows_open_and_close(schedule: str, duration: str, moment: str, *, active: bool) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert sync_windows.is_active(schedule, duration, at) is active


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "x * * * *",
        "\u0661 * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "*-3 * * * *",
        "@every x",
        "1,,2 * * * *",
    ],
)
def test_a_schedule_that_cannot_be_read_is_never_open(schedule: str) -> None:
    assert not sync_windows.is_active(schedule, "1h", NOW)
    assert not sync_windows.is_active("* * * * *", "soon", NOW)


def test_without_windows_all_is_permitted() -> None:
    assert sync_windows.permits(None, NOW)


def test_periods_count_from_the_epoch() -> None:
    """So every process sees the same ones; seven hours divide no day, month or year."""
    period = timedelta(hours=7)
    start = datetime(1970, 1, 1, tzinfo=UTC) + 70_000 * period
    assert sync_windows.is_active("@every 7h", "1h", start + timedelta(hours=1))
    assert not sync_windows.is_active("@every 7h", "1h", start - timedelta(seconds=1))
    assert not sync_windows.is_active("@every 7h", "1h", start + timedelta(hours=1, seconds=1))


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process in a zone nine hours from UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_away")
def test_schedules_are_in_utc_wherever_the_process_runs() -> None:
    in_tokyo = datetime.fromisoformat("2026-03-02T18:30:00+09:00")
    assert sync_windows.is_active("0 9 * * *", "1h", in_tokyo)
    assert not sync_windows.is_active("0 18 * * *", "1h", in_tokyo)
    assert status.format_time(in_tokyo) == "2026-03-02T09:30:00Z"

"""What the load test counts, and what it makes of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from bench.errors import BenchError
from bench.load import report
from bench.load.concurrency import for_each
from bench.load.figures import median, percentile
from bench.load.probes import AuditLog, MachineTicks, count_api_requests, increase, kind_of_request

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

METRICS = """\
# TYPE apiserver_request_total counter
apiserver_request_total{code="201",group="",resource="secrets",subresource="",verb="POST",version="v1"} 40
apiserver_request_total{code="409",group="",resource="secrets",subresource="",verb="POST",version="v1"} 2
apiserver_request_total{code="200",resource="externalsecrets",subresource="status",verb="PATCH"} 1.5e+03
apiserver_request_total{code="200",resource="secrets",verb="WATCH"} 7
apiserver_request_total{code="200",resource="leases",verb="PUT"} 9
"""


def entry(path: str, operation: str = "read", kind: str = "request") -> str:
    return json.dumps({"type": kind, "request": {"path": path, "operation": operation}}) + "\n"


@pytest.mark.parametrize(
    ("path", "operation", "kind"),
    [
        ("auth/approle/login", "update", "login"),
        ("auth/token/lookup-self", "read", "lookup-self"),
        ("auth/token/create", "update", "token-other"),
        ("bench/metadata/app", "list", "list"),
        ("bench/metadata/app/k-1", "read", "metadata"),
        ("bench/data/app/k-1", "read", "data-read"),
        ("bench/data/app/k-1", "update", "data-write"),
        ("sys/health", "read", "other"),
    ],
)
def test_a_request_is_told_by_path_and_operation(path: str, operation: str, kind: str) -> None:
    assert kind_of_request(json.loads(entry(path, operation))) == kind


def test_requests_count_from_the_mark_on_and_responses_never(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text(entry("auth/approle/login"))
    log = AuditLog(path)
    log.mark()
    with path.open("a") as file:
        file.write(entry("m/data/a") + entry("m/data/a", kind="response") + entry("m/data/b"))
        file.write(entry("m/data/c")[:-5])  # still being written
    assert log.count() == {"data-read": 2, "total": 2}


def test_without_an_audit_log_nothing_is_counted() -> None:
    log = AuditLog(None)
    log.mark()
    assert log.count() == {}


def test_api_requests_add_up_over_codes_and_leave_watches_out() -> None:
    assert count_api_requests(METRICS) == {"POST secrets": 42, "PATCH externalsecrets/status": 1500}


def test_only_what_was_added_is_told() -> None:
    assert increase({"GET a": 3, "GET b": 1}, {"GET a": 3, "GET b": 4, "GET c": 2}) == {"GET b": 3, "GET c": 2}


def test_busy_is_what_was_not_idle() -> None:
    before, after = MachineTicks(1000, 500, 10), MachineTicks(1400, 600, 30)
    assert (before.busy_percent(after), before.steal_percent(after)) == (75.0, 5.0)


def test_percentiles_are_values_that_were_seen() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, percent) for percent in (0, 50, 99, 100)] == [1.0, 3.0, 5.0, 5.0]
    assert percentile([], 50) is None
    assert median([]) is None


async def test_no_more_than_allowed_happens_at_once() -> None:
    running, most, done = 0, 0, []

    async def act(item: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(item)

    await for_each(range(20), act, at_once=3)
    assert most == 3
    assert sorted(done) == list(range(20))


async def test_a_failure_comes_out_as_itself() -> None:
    async def act(item: int) -> None:
        raise BenchError(f"number {item}")

    with pytest.raises(BenchError, match="number 0"):
        await for_each([0, 1], act, at_once=2)


def result(seconds: float | None, **more: object) -> dict[str, object]:
    return {
        "kind": "cold", "label": "cold", "objects": 10, "keys": 2, "properties": 5, "authentication": "token",
        "controller": "mine", "started": "now", "processors": 4, "all_secrets_seconds": seconds, **more,
    }  # fmt: skip


def test_runs_are_folded_into_minimum_median_and_maximum() -> None:
    runs = [result(seconds, openbao_requests={"total": 7}) for seconds in (3.0, 1.0, 2.5)]
    lines = [line.split() for line in report.fold(runs).splitlines()]
    assert ["all", "secrets", "seconds", "1", "2.5", "3"] in lines
    assert ["openbao", "requests:", "total", "7", "7", "7"] in lines


def test_what_did_not_happen_is_folded_as_nothing() -> None:
    assert "all secrets seconds" not in report.fold([result(None)])
    assert "all secrets seconds" in report.table(result(None))


def test_other_configurations_are_folded_apart() -> None:
    assert report.fold([result(1.0), result(2.0, objects=20)]).count("runs: 1") == 2


def test_a_line_that_is_no_result_is_named(tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    path.write_text(json.dumps(result(1.0)) + "\n[]\n")
    with pytest.raises(BenchError, match=r"load\.jsonl:2"):
        report.read(path)

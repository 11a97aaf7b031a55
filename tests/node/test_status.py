from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.node.container import remembered
from local.node.status import ContainerSnapshot, Running, Terminated, Waiting, compute, phase, terminated, unscheduled

pytestmark = pytest.mark.unit

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=5)
FRESH = ContainerSnapshot("main", "image", "id", Waiting("ContainerCreating"))
UP = replace(FRESH, state=Running(EARLIER, "process://1-1"), started=True, ready=True)


def end(code: int) -> Terminated:
    return terminated(code, started_at=EARLIER, finished_at=NOW, container_id="process://1-1", log="/l")


def ended(code: int) -> ContainerSnapshot:
    return replace(FRESH, state=end(code))


def pod(policy: str = "Always", **status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 3}, "spec": {"restartPolicy": policy}, "status": status}


def computed(obj: dict[str, Any], *snapshots: ContainerSnapshot) -> dict[str, Any]:
    return compute(obj, snapshots, now=NOW, ip="127.0.0.1", started_at=EARLIER)


def conditions(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in status["conditions"]}


@pytest.mark.parametrize(
    ("policy", "snapshots", "expected"),
    [
        ("Always", [FRESH], "Pending"),
        ("Always", [UP, FRESH], "Pending"),
        ("Always", [UP, UP], "Running"),
        ("Always", [ended(0)], "Running"),
        ("Always", [replace(FRESH, state=Waiting("CrashLoopBackOff"), last=end(1))], "Running"),
        ("OnFailure", [ended(1)], "Running"),
        ("OnFailure", [ended(0)], "Succeeded"),
        ("OnFailure", [ended(0), ended(1)], "Running"),
        ("Never", [ended(0), ended(0)], "Succeeded"),
        ("Never", [ended(0), ended(1)], "Failed"),
        ("Never", [ended(1), UP], "Running"),
    ],
)
def test_the_phase_follows_the_containers(policy: str, snapshots: list[ContainerSnapshot], expected: str) -> None:
    assert phase(snapshots, policy) == expected


def test_a_ready_pod_is_ready_in_every_place_a_deployment_looks_at() -> None:
    status = computed(pod(), UP)
    assert status["phase"] == "Running"
    assert {kind: entry["status"] for kind, entry in conditions(status).items()} == {
        "PodScheduled": "True",
        "Initialized": "True",
        "ContainersReady": "True",
        "Ready": "True",
    }
    assert status["containerStatuses"][0]["ready"] is True
    assert status["containerStatuses"][0]["containerID"] == "process://1-1"
    assert status["observedGeneration"] == 3


def test_one_unready_container_makes_the_pod_unready_and_is_named() -> None:
    status = computed(pod(), UP, replace(UP, name="other", ready=False))
    assert conditions(status)["Ready"]["status"] == "False"
    assert conditions(status)["ContainersReady"]["message"] == "containers with unready status: [other]"


def test_a_readiness_gate_holds_back_ready_but_not_containers_ready() -> None:
    obj = pod()
    obj["spec"]["readinessGates"] = [{"conditionType": "example.com/gate"}]
    assert conditions(computed(obj, UP))["Ready"]["reason"] == "ReadinessGatesNotReady"
    assert conditions(computed(obj, UP))["ContainersReady"]["status"] == "True"
    obj["status"]["conditions"] = [{"type": "example.com/gate", "status": "True"}]
    assert conditions(computed(obj, UP))["Ready"]["status"] == "True"


def test_the_transition_time_moves_only_with_the_status() -> None:
    before = {"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    assert conditions(computed(pod(conditions=[before]), UP))["Ready"]["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    unready = computed(pod(conditions=[before]), FRESH)
    assert conditions(unready)["Ready"]["lastTransitionTime"] == "2026-05-01T12:00:00Z"


@pytest.mark.parametrize(
    ("code", "exit_code", "signal", "reason"), [(0, 0, 0, "Completed"), (7, 7, 0, "Error"), (-15, 143, 15, "Error")]
)
def test_how_a_process_ended_is_told_as_a_runtime_tells_it(code: int, exit_code: int, signal: int, reason: str) -> None:
    state = computed(pod("Never"), ended(code))["containerStatuses"][0]["state"]["terminated"]
    assert (state["exitCode"], state.get("signal", 0), state["reason"]) == (exit_code, signal, reason)


def test_a_pod_that_was_refused_is_pending_with_the_reason() -> None:
    status = unscheduled(pod(), "image x is not known", now=NOW)
    scheduled = conditions(status)["PodScheduled"]
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert scheduled["message"] == "image x is not known"


SPEC = {"name": "main", "image": "image"}


def _held(state: dict[str, Any], restarts: int = 0, **fields: Any) -> dict[str, Any]:
    return pod(containerStatuses=[{"name": "main", "state": state, "restartCount": restarts, **fields}])


def test_a_new_pod_starts_from_nothing() -> None:
    assert remembered(SPEC, pod(), "id", now=NOW) == FRESH


def test_a_container_that_ran_under_an_earlier_node_ended_in_a_way_nobody_saw() -> None:
    obj = _held({"running": {"startedAt": "2026-05-01T11:55:00Z"}}, 4, containerID="process://9-9")
    found = remembered(SPEC, obj, "id", now=NOW)
    assert found.restarts == 4
    assert isinstance(found.last, Terminated)
    assert (found.last.reason, found.last.exit_code) == ("ContainerStatusUnknown", 137)
    assert found.last.started_at == EARLIER


def test_a_recorded_end_is_read_back_as_it_was_written() -> None:
    state = computed(pod("Never"), ended(-9))["containerStatuses"][0]["state"]
    assert remembered(SPEC, _held(state), "id", now=NOW).state == ended(-9).state

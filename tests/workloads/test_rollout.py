"""Restarting a workload and waiting for it: what is written, when it is done, and what is said of a stuck one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.errors import RolloutError
from secretsync.kube.resources import PODS
from secretsync.workloads import rollout
from secretsync.workloads.dependents import Workload
from secretsync.workloads.kinds import WORKLOAD_KINDS, pod_template
from secretsync.workloads.marks import checksum_of
from tests.workloads.objects import NAMESPACE, SECRET, cluster, from_env, set_status, template, workload

if TYPE_CHECKING:
    from secretsync.api import JsonObject
    from secretsync.kube.fake import MemoryCluster

pytestmark = pytest.mark.unit

SELECTOR = {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}
DONE = {
    "Deployment": {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
    "StatefulSet": {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
    "DaemonSet": {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2},
}
KINDS = pytest.mark.parametrize("kind", list(DONE))


def _of(kind: str) -> Workload:
    return Workload(kind, "web", (), restarts_itself=False, namespace=NAMESPACE)


def _object(kind: str, **fields: Any) -> dict[str, Any]:
    replicas = {} if kind == "DaemonSet" else {"replicas": 2}
    return workload(kind, "web", template(from_env()), selector=SELECTOR, **replicas, **fields)


async def _live(made: MemoryCluster, kind: str) -> JsonObject:
    live = await made.get(WORKLOAD_KINDS[kind].resource, "web", NAMESPACE)
    assert live is not None
    return live


async def _report(made: MemoryCluster, kind: str, **changes: Any) -> None:
    live = await _live(made, kind)
    await set_status(made, live, {"observedGeneration": live["metadata"]["generation"], **DONE[kind], **changes})


@KINDS
async def test_a_restart_is_one_annotation_of_its_own_manager_and_the_same_checksum_is_none(kind: str) -> None:
    made = await cluster(_object(kind))
    before = await _live(made, kind)
    assert await rollout.restart(made, _of(kind), SECRET, "one")
    after = await _live(made, kind)
    annotations = pod_template(after)["metadata"].pop("annotations")
    assert annotations == {"checksum.external-secrets-on-pulumi/credentials": "one"}
    assert after["spec"] == before["spec"]
    (entry,) = (each for each in after["metadata"]["managedFields"] if each["manager"] == rollout.FIELD_MANAGER)
    fields = entry["fieldsV1"]["f:spec"]["f:template"]["f:metadata"]["f:annotations"]
    assert "f:checksum.external-secrets-on-pulumi/credentials" in fields
    assert not await rollout.restart(made, _of(kind), SECRET, "one")
    assert (await _live(made, kind))["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    assert await rollout.restart(made, _of(kind), SECRET, "two")


async def test_each_secret_has_an_annotation_of_its_own() -> None:
    made = await cluster(_object("Deployment"))
    for secret in ("a", "b"):
        assert await rollout.restart(made, _of("Deployment"), secret, f"of {secret}")
    assert not await rollout.restart(made, _of("Deployment"), "a", "of a")


def test_the_annotations_name_stays_within_kubernetes_limits_and_tells_long_names_apart() -> None:
    longest, other = "a" * 46 + "." + "b" * 206, "a" * 46 + "." + "b" * 205 + "c"
    names = [checksum_of(secret).partition("/")[2] for secret in ("x" * 63, longest, other)]
    assert names[0] == "x" * 63
    assert len(set(names)) == 3
    assert all(len(name) <= 63 and name[0].isalnum() and name[-1].isalnum() for name in names)
    assert names[1].startswith("a" * 46 + "-")


@pytest.mark.parametrize(
    ("live", "why"),
    [
        (_object("StatefulSet", updateStrategy={"type": "OnDelete"}), "updateStrategy OnDelete"),
        (_object("Deployment", paused=True), "paused"),
        (workload("CronJob", "web", template()), "does not replace its Pods"),
        (workload("Pod", "web", template()), "does not replace its Pods"),
    ],
    ids=["OnDelete", "paused", "CronJob", "Pod"],
)
async def test_what_a_template_does_not_restart_is_refused_and_left_alone(live: dict[str, Any], why: str) -> None:
    made = await cluster(live)
    made.requests.clear()
    with pytest.raises(RolloutError, match=why) as caught:
        await rollout.restart(made, _of(live["kind"]), SECRET, "one")
    assert caught.value.place == f"{live['kind']} team/web"
    assert {verb for verb, _, _ in made.requests} == {"get"}


async def test_a_workload_that_has_gone_is_named() -> None:
    with pytest.raises(RolloutError, match="Deployment team/web: it does not exist"):
        await rollout.restart(await cluster(), _of("Deployment"), SECRET, "one")


@KINDS
async def test_a_rollout_has_ended_when_all_pods_are_new_and_available(kind: str) -> None:
    made = await cluster(_object(kind))
    await _report(made, kind)
    await rollout.wait(made, _of(kind), patience=0)


@KINDS
async def test_a_status_from_before_the_change_does_not_count(kind: str) -> None:
    made = await cluster(_object(kind))
    await _report(made, kind)
    await rollout.restart(made, _of(kind), SECRET, "one")
    with pytest.raises(RolloutError, match="has not seen the change"):
        await rollout.wait(made, _of(kind), patience=0)


@pytest.mark.parametrize(
    ("kind", "changes", "why"),
    [
        ("Deployment", {"updatedReplicas": 1}, "1 of 2 Pods updated"),
        ("Deployment", {"availableReplicas": None}, "0 of 2 Pods available"),
        ("Deployment", {"replicas": 3}, "2 of 3 Pods of the new template alone"),
        ("StatefulSet", {"updatedReplicas": 1}, "1 of 2 Pods updated"),
        ("StatefulSet", {"availableReplicas": 1}, "1 of 2 Pods available"),
        ("DaemonSet", {"updatedNumberScheduled": 0}, "0 of 2 Pods updated"),
        ("DaemonSet", {"numberAvailable": 1}, "1 of 2 Pods available"),
    ],
)
async def test_what_is_lacking_is_counted(kind: str, changes: dict[str, Any], why: str) -> None:
    made = await cluster(_object(kind))
    await _report(made, kind, **changes)
    with pytest.raises(RolloutError, match=why):
        await rollout.wait(made, _of(kind), patience=0)


async def test_a_partition_keeps_the_lower_pods_as_they_are() -> None:
    made = await cluster(_object("StatefulSet", updateStrategy={"rollingUpdate": {"partition": 1}}))
    await _report(made, "StatefulSet", updatedReplicas=1)
    await rollout.wait(made, _of("StatefulSet"), patience=0)


async def test_none_wanted_is_done() -> None:
    live = _object("Deployment")
    live["spec"]["replicas"] = 0
    made = await cluster(live)
    await _report(made, "Deployment", replicas=0, updatedReplicas=0, availableReplicas=0)
    await rollout.wait(made, _of("Deployment"), patience=0)


async def test_it_waits_until_the_last_pod_is_there() -> None:
    made = await cluster(_object("Deployment"))
    await _report(made, "Deployment", availableReplicas=1)
    waiting = asyncio.create_task(rollout.wait(made, _of("Deployment"), patience=60))
    await asyncio.sleep(0)
    assert not waiting.done()
    await _report(made, "Deployment")
    await waiting


async def test_a_rollout_that_the_cluster_gave_up_is_not_waited_for() -> None:
    made = await cluster(_object("Deployment"))
    given_up = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    await _report(made, "Deployment", updatedReplicas=1, conditions=given_up)
    with pytest.raises(RolloutError, match="gave its rollout up"):
        await rollout.wait(made, _of("Deployment"), patience=600)


def _container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "main", "ready": False, **state}], "phase": "Pending"}


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (
            _container(
                state={
                    "waiting": {"reason": "CreateContainerConfigError", "message": "couldn't find key k in Secret x"}
                }
            ),
            "container main CreateContainerConfigError: couldn't find key k in Secret x",
        ),
        (
            _container(
                state={"waiting": {"reason": "CrashLoopBackOff", "message": "hunter2"}},
                lastState={"terminated": {"exitCode": 3, "reason": "Error", "message": "hunter2"}},
            ),
            "container main is in CrashLoopBackOff (ended with 3, Error)",
        ),
        (
            _container(state={"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "hunter2"}}),
            "container main has stopped (ended with 137, OOMKilled)",
        ),
        (_container(state={"running": {}}), "container main runs and is not ready"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}]},
            "Unschedulable: 0/1",
        ),
        ({"phase": "Pending"}, "is Pending, not ready"),
    ],
    ids=["config", "crash", "stopped", "unready", "unschedulable", "unknown"],
)
async def test_a_stuck_pod_is_named_with_its_reason_and_never_with_what_it_printed(
    status: dict[str, Any], why: str
) -> None:
    made = await cluster(_object("Deployment"))
    await _report(made, "Deployment", updatedReplicas=1)
    for name, labels, reported in (
        ("web-new", {"app": "a"}, status),
        ("web-old", {"app": "a"}, {"conditions": [{"type": "Ready", "status": "True"}]}),
        ("another", {"app": "b"}, status),
        ("of-a-tier", {"app": "a", "tier": "t"}, status),
    ):
        pod = workload("Pod", name, template(from_env()), status=reported)
        pod["metadata"]["labels"] = labels
        await made.create(PODS, pod, field_manager="test-setup")
        await set_status(made, pod, reported)
    with pytest.raises(RolloutError) as caught:
        await rollout.wait(made, _of("Deployment"), patience=0)
    assert caught.value.problem.split("; ")[1:] == [f"Pod web-new: {why}"]
    assert "hunter2" not in str(caught.value)

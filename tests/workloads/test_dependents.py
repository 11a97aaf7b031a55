"""Which workloads use a Secret: the outermost owner is told, once, and nothing that has ended."""

from __future__ import annotations

import pytest

from secretsync.errors import ClusterDenied
from secretsync.workloads import dependents
from secretsync.workloads.dependents import Dependents, Workload, dependents_of
from secretsync.workloads.kinds import WORKLOAD_KINDS
from secretsync.workloads.marks import ROLLOUT, checksum_of
from secretsync.workloads.references import How, Use
from tests.workloads.objects import NAMESPACE, SECRET, cluster, from_env, template, workload

pytestmark = pytest.mark.unit

USES = (Use(How.Env, "main", ("password",), follows=False),)


def _told(*objects: dict[str, object]) -> list[str]:
    return [str(found) for found in dependents_of(objects, SECRET)]


async def test_every_kind_is_found_with_its_uses() -> None:
    objects = [workload(kind, f"a-{kind.lower()}", template(from_env())) for kind in WORKLOAD_KINDS]
    objects += [workload(kind, "unconcerned", template(from_env(secret="another"))) for kind in WORKLOAD_KINDS]
    found = await dependents.find(await cluster(*objects), NAMESPACE, SECRET)
    assert found == tuple(
        Workload(kind, f"a-{kind.lower()}", USES, kind == "CronJob", NAMESPACE) for kind in sorted(WORKLOAD_KINDS)
    )
    assert {each.kind for each in found if each.can_restart} == {"Deployment", "StatefulSet", "DaemonSet"}
    assert {each.kind for each in found if each.notices} == {"CronJob"}


def test_owners_stand_for_what_they_control() -> None:
    deployment = workload("Deployment", "web", template(from_env()))
    replica_set = workload("ReplicaSet", "web-1", template(from_env()), owner=deployment)
    pod = workload("Pod", "web-1-x", template(from_env()), owner=replica_set)
    cron_job = workload("CronJob", "report", template(from_env()))
    job = workload("Job", "report-1", template(from_env()), owner=cron_job)
    assert _told(pod, job, replica_set, cron_job, deployment) == ["CronJob team/report", "Deployment team/web"]


def test_an_owner_of_the_same_name_that_is_another_object_is_no_owner() -> None:
    deployment = workload("Deployment", "web", template())
    pod = workload("Pod", "web-x", template(from_env()), owner=deployment)
    deployment["metadata"]["uid"] = "another"
    assert _told(deployment, pod) == ["Pod team/web-x"]


def test_what_a_kind_of_somebody_elses_controls_is_told_itself() -> None:
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web", "uid": "r"}}
    replica_set = workload("ReplicaSet", "web-1", template(from_env()), owner=rollout)
    pod = workload("Pod", "web-1-x", template(from_env()), owner=replica_set)
    assert _told(pod, replica_set) == ["ReplicaSet team/web-1"]


def test_what_admission_put_into_a_pod_counts_for_its_owner() -> None:
    deployment = workload("Deployment", "web", template({"name": "main"}))
    injected = workload("Pod", "web-x", template({"name": "main"}, from_env(name="agent")), owner=deployment)
    (found,) = dependents_of([deployment, injected], SECRET)
    assert (str(found), found.uses[0].container) == ("Deployment team/web", "agent")


def test_an_old_replica_set_of_a_deployment_does_not_count() -> None:
    deployment = workload("Deployment", "web", template({"name": "main"}))
    old = workload("ReplicaSet", "web-old", template(from_env()), owner=deployment, replicas=0)
    assert _told(deployment, old) == []


def test_what_has_ended_does_not_count() -> None:
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    going_on = {"conditions": [{"type": "Suspended", "status": "True"}, {"type": "Failed", "status": "False"}]}
    job = workload("Job", "done", template(from_env()), status=complete)
    running = workload("Job", "running", template(from_env()), status=going_on)
    pod = workload("Pod", "done", template(from_env()), status={"phase": "Succeeded"})
    assert _told(job, running, pod) == ["Job team/running"]


@pytest.mark.parametrize(
    ("marks", "restarts_itself"),
    [
        ({"reloader.stakater.com/auto": "true"}, True),
        ({"secret.reloader.stakater.com/auto": "true"}, True),
        ({"secret.reloader.stakater.com/reload": f"another, {SECRET}"}, True),
        ({"secret.reloader.stakater.com/reload": f"{SECRET}-2"}, False),
        ({"reloader.stakater.com/auto": "false"}, False),
        ({"configmap.reloader.stakater.com/auto": "true"}, False),
    ],
)
def test_reloaders_annotations_are_known(marks: dict[str, str], restarts_itself: bool) -> None:  # noqa: FBT001 - a case
    outside = workload("Deployment", "web", template(from_env()), annotations=marks)
    inside = workload("Deployment", "web", template(from_env()))
    inside["spec"]["template"]["metadata"]["annotations"] = marks
    for deployment in (outside, inside):
        (found,) = dependents_of([deployment], SECRET)
        assert found.restarts_itself is found.notices is restarts_itself


def test_a_request_for_rollouts_and_the_checksum_of_the_last_are_told() -> None:
    outside = workload("Deployment", "a", template(from_env()), annotations={ROLLOUT: "true"})
    inside = workload("Deployment", "b", template(from_env()))
    inside["spec"]["template"]["metadata"]["annotations"] = {
        ROLLOUT: "true",
        checksum_of(SECRET): "c",
        checksum_of("another"): "d",
    }
    refusing = workload("Deployment", "c", template(from_env()), annotations={ROLLOUT: "false"})
    found = dependents_of([outside, inside, refusing], SECRET)
    assert [(each.asks_for_rollout, each.checksum) for each in found] == [(True, ""), (True, "c"), (False, "")]


async def test_many_secrets_are_answered_from_one_list_per_kind_and_namespace() -> None:
    made = await cluster(
        workload("Deployment", "web", template(from_env(secret="a"))),
        workload("Deployment", "api", template(from_env(secret="b"))),
    )
    made.requests.clear()
    shared = Dependents(made)
    names = [[each.name for each in await shared.find(NAMESPACE, secret)] for secret in ("a", "b", "c")]
    assert names == [["web"], ["api"], []]
    assert sorted(made.requests) == sorted(
        ("list", kind.resource.plural, NAMESPACE) for kind in WORKLOAD_KINDS.values()
    )
    assert await shared.find("elsewhere", "a") == ()


async def test_a_kind_that_must_not_be_listed_is_an_error_and_never_a_part_of_the_answer() -> None:
    made = await cluster(workload("Deployment", "web", template(from_env())))

    def refuse(_verb: str, plural: str, _name: str) -> None:
        if plural == "statefulsets":
            raise ClusterDenied("cannot list statefulsets", status=403)

    made.before = refuse
    with pytest.raises(ClusterDenied, match="statefulsets"):
        await dependents.find(made, NAMESPACE, SECRET)

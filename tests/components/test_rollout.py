"""RolledOut: which workloads are restarted, when, and what a preview, a second run and a removal do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime import rpc

from components.dynamic import rollout
from components.dynamic.connection import Connection
from components.dynamic.rollout import RolledOut, RolledOutProvider
from components.external_secret import PulumiExternalSecret
from components.testing import record
from secretsync.errors import ClusterDenied, RolloutError
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import DEPLOYMENTS, SECRETS
from secretsync.workloads.kinds import CRON_JOBS, WORKLOAD_KINDS
from secretsync.workloads.marks import ROLLOUT, checksum_of
from tests.sync.builders import external_secret, secret
from tests.workloads.objects import NAMESPACE, SECRET, from_env, template, workload

if TYPE_CHECKING:
    from secretsync.api import JsonObject

pytestmark = pytest.mark.unit

KEY = "fingerprint-key-of-this-test-0123456789"
TARGET = f"{NAMESPACE}/{SECRET}"


class Rolling(MemoryCluster):
    """A cluster whose Deployments are rolled out the moment their template changes, unless they are `stuck`."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        super().__init__()
        for kind in WORKLOAD_KINDS.values():
            self.register(kind.resource)
        self.objects = objects
        self.stuck: set[str] = set()

    async def __aenter__(self) -> Self:
        for obj in self.objects:
            resource = await self.discover(obj["apiVersion"], obj["kind"])
            assert resource is not None
            stored = await self.create(resource, obj, field_manager="test-setup")
            if resource == DEPLOYMENTS:
                await self._report(stored)
        if self.objects:
            self.objects = ()
            self.requests.clear()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def merge_patch(self, resource: Any, name: str, namespace: str | None, patch: Any, **how: Any) -> JsonObject:
        stored = await super().merge_patch(resource, name, namespace, patch, **how)
        if resource == DEPLOYMENTS and not how.get("subresource") and name not in self.stuck:
            await self._report(stored)
        return stored

    async def _report(self, live: JsonObject) -> None:
        status = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        status["observedGeneration"] = live["metadata"]["generation"]
        where = (live["metadata"]["name"], live["metadata"]["namespace"])
        await super().merge_patch(
            DEPLOYMENTS, *where, {"status": status}, field_manager="deployment-controller", subresource="status"
        )

    async def said(self, name: str) -> str | None:
        live = await self.get(DEPLOYMENTS, name, NAMESPACE)
        assert live is not None
        annotations = live["spec"]["template"]["metadata"].get("annotations") or {}
        found: str | None = annotations.get(checksum_of(SECRET))
        return found

    async def set_value(self, value: str) -> None:
        await self.merge_patch(SECRETS, SECRET, NAMESPACE, {"data": {"password": value}}, field_manager="somebody")

    def restarts(self) -> list[str]:
        """The workloads that were patched since this was last asked."""
        patched = [name for verb, plural, name in self.requests if (verb, plural) == ("patch", "deployments")]
        self.requests.clear()
        return patched


def _asking(name: str, kind: str = "Deployment", **fields: Any) -> dict[str, Any]:
    return workload(kind, name, template(from_env()), annotations={ROLLOUT: "true"}, **fields)


@pytest.fixture
def cluster() -> Rolling:
    silent = workload("Deployment", "silent", template(from_env()))
    unconcerned = workload(
        "Deployment", "unconcerned", template(from_env(secret="another")), annotations={ROLLOUT: "true"}
    )
    return Rolling(
        secret(SECRET, {"password": b"v1"}), _asking("web"), _asking("report", "CronJob"), silent, unconcerned
    )


@pytest.fixture
def provider(cluster: Rolling, monkeypatch: pytest.MonkeyPatch) -> RolledOutProvider:
    monkeypatch.setattr(Connection, "client", lambda _connection: cluster)
    made = RolledOutProvider()
    made.configure(ConfigureRequest(config=Config({"external-secrets:fingerprintKey": KEY}, "external-secrets")))
    return made


def _inputs(**changes: Any) -> dict[str, Any]:
    return {"secret": TARGET, "workloads": [], "patienceSeconds": 5, **changes}


def _up(provider: RolledOutProvider, olds: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    """One update as the engine makes it: check, and then whatever the difference asks for."""
    checked = provider.check({}, _inputs(**changes))
    assert checked.failures == []
    if olds is None:
        return dict(provider.create(checked.inputs).outs or {})
    if provider.diff(TARGET, olds, checked.inputs).changes:
        return dict(provider.update(TARGET, olds, checked.inputs).outs or {})
    return olds


async def test_workloads_that_ask_are_restarted_when_the_content_changed_and_only_then(
    provider: RolledOutProvider, cluster: Rolling
) -> None:
    outs = _up(provider, None)
    first = await cluster.said("web")
    assert first
    assert outs["dependents"] == ["Deployment/web"]
    assert await cluster.said("silent") is await cluster.said("unconcerned") is None
    assert cluster.restarts() != []

    assert _up(provider, outs) is outs
    assert cluster.restarts() == []

    await cluster.set_value("djI=")
    after = _up(provider, outs)
    assert after["checksum"] == await cluster.said("web") != first
    live = await cluster.get(CRON_JOBS, "report", NAMESPACE)
    assert live is not None
    assert "annotations" not in live["spec"]["jobTemplate"]["spec"]["template"]["metadata"]


async def test_a_change_of_metadata_alone_restarts_nothing(provider: RolledOutProvider, cluster: Rolling) -> None:
    outs = _up(provider, None)
    patch = {"metadata": {"labels": {"a": "b"}}}
    await cluster.merge_patch(SECRETS, SECRET, NAMESPACE, patch, field_manager="somebody")
    assert _up(provider, outs) is outs


async def test_named_workloads_need_not_ask(provider: RolledOutProvider, cluster: Rolling) -> None:
    named = ["Deployment/unconcerned", "Deployment/silent"]
    outs = _up(provider, None, workloads=named)
    assert outs["dependents"] == ["Deployment/silent", "Deployment/unconcerned"]
    assert await cluster.said("silent")
    assert await cluster.said("web") is None
    assert _up(provider, outs, workloads=named) is outs


async def test_a_checksum_that_the_program_gives_is_taken(provider: RolledOutProvider, cluster: Rolling) -> None:
    outs = _up(provider, None, checksum="given")
    assert await cluster.said("web") == outs["checksum"] == "given"


def test_a_preview_names_what_it_would_restart_and_restarts_nothing(
    provider: RolledOutProvider, cluster: Rolling
) -> None:
    checked = provider.check({}, _inputs(checksum="next", preview=True))
    assert checked.inputs["restarts"] == ["Deployment/web"]
    assert provider.diff(TARGET, _inputs(checksum="before"), checked.inputs).changes
    assert cluster.restarts() == []


async def test_a_template_that_somebody_reset_is_restarted_again(provider: RolledOutProvider, cluster: Rolling) -> None:
    outs = _up(provider, None)
    patch = {"spec": {"template": {"metadata": {"annotations": {checksum_of(SECRET): None}}}}}
    await cluster.merge_patch(DEPLOYMENTS, "web", NAMESPACE, patch, field_manager="somebody")
    checked = provider.check({}, _inputs(preview=True))
    assert checked.inputs["restarts"] == ["Deployment/web"]
    assert provider.diff(TARGET, outs, checked.inputs).changes
    assert _up(provider, outs) is not outs
    assert await cluster.said("web") == outs["checksum"]


async def test_a_stuck_rollout_fails_the_update_and_the_next_run_waits_without_another_restart(
    provider: RolledOutProvider, cluster: Rolling
) -> None:
    cluster.stuck.add("web")
    with pytest.raises(RuntimeError, match="Deployment team/web: its rollout has not ended"):
        _up(provider, None, patienceSeconds=0.01)
    said = await cluster.said("web")
    cluster.restarts()
    with pytest.raises(RuntimeError, match="Deployment team/web"):
        _up(provider, None, patienceSeconds=0.01)
    assert cluster.restarts() == []
    assert await cluster.said("web") == said


async def test_all_stuck_workloads_are_named_at_once(cluster: Rolling) -> None:
    cluster.objects = (*cluster.objects, _asking("api"))
    cluster.stuck |= {"web", "api"}
    async with cluster:
        found = await rollout.chosen(cluster, TARGET, ())
        with pytest.raises(RolloutError) as caught:
            await rollout.roll_out(cluster, SECRET, "c", found, patience=0)
    assert "2 workloads" in caught.value.problem
    assert all(f"Deployment team/{name}" in caught.value.problem for name in ("web", "api"))


async def test_a_refusal_of_the_cluster_is_not_taken_for_a_stuck_rollout(cluster: Rolling) -> None:
    cluster.objects = (*cluster.objects, _asking("api"))
    cluster.stuck.add("web")

    def refuse(verb: str, _plural: str, name: str) -> None:
        if (verb, name) == ("patch", "team/api"):
            raise ClusterDenied("cannot patch deployments", status=403)

    async with cluster:
        found = await rollout.chosen(cluster, TARGET, ())
        cluster.before = refuse
        with pytest.raises(ClusterDenied, match="cannot patch"):
            await rollout.roll_out(cluster, SECRET, "c", found, patience=0)


def test_what_is_not_there_yet_is_said_in_a_preview_and_fails_an_update(
    provider: RolledOutProvider, cluster: Rolling
) -> None:
    cluster.objects = ()
    checked = provider.check({}, _inputs(preview=True))
    assert checked.failures == []
    assert checked.inputs["restarts"] == [
        f"not known yet: Secret {TARGET}: it does not exist; let the rollout depend on what writes it"
    ]
    with pytest.raises(RuntimeError, match="does not exist"):
        provider.create(checked.inputs)
    named = provider.check({}, _inputs(checksum="c", workloads=["Deployment/web"], preview=True))
    assert "Deployment team/web: it does not exist" in named.inputs["restarts"][0]


@pytest.mark.parametrize("unknown", ["secret", "checksum"])
def test_what_is_unknown_in_a_preview_is_not_looked_for(
    provider: RolledOutProvider, cluster: Rolling, unknown: str
) -> None:
    checked = provider.check({}, _inputs(**{unknown: rpc.UNKNOWN}))
    assert (checked.failures, checked.inputs[unknown]) == ([], rpc.UNKNOWN)
    assert cluster.requests == []


@pytest.mark.parametrize("wrong", ["web", "Deployment/", "CronJob/report", "Pod/x", "deployment/web"])
def test_a_workload_that_cannot_be_meant_fails_the_check(provider: RolledOutProvider, wrong: str) -> None:
    (failure,) = provider.check({}, _inputs(workloads=[wrong, "Deployment/web"])).failures
    assert failure.property == "workloads"
    assert wrong in failure.reason


def test_without_a_key_there_is_no_checksum_of_a_live_secret(provider: RolledOutProvider) -> None:
    provider.configure(ConfigureRequest(config=Config({}, "external-secrets")))
    (failure,) = provider.check({}, _inputs()).failures
    assert "fingerprintKey" in failure.reason


def test_state_holds_nothing_that_only_a_preview_shows_so_a_refresh_finds_no_difference(
    provider: RolledOutProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = provider.check({}, _inputs())
    assert {"preview", "restarts"}.isdisjoint(checked.inputs)
    outs = provider.create(checked.inputs).outs or {}
    monkeypatch.setattr(provider, "_behind", {})  # a process of its own
    assert not provider.diff(TARGET, provider.read(TARGET, outs).outs or {}, checked.inputs).changes


async def test_a_removal_changes_nothing(provider: RolledOutProvider, cluster: Rolling) -> None:
    outs = _up(provider, None)
    cluster.restarts()
    provider.delete(TARGET, outs)
    assert cluster.requests == []
    assert provider.read(TARGET, outs).outs == outs


def test_another_secret_is_another_resource(provider: RolledOutProvider) -> None:
    answer = provider.diff(TARGET, _inputs(checksum="c"), _inputs(checksum="c", secret="team/other"))
    assert (answer.changes, answer.replaces) == (True, ["secret"])


async def test_a_checksum_depends_on_the_content_and_on_the_key_and_shows_neither(cluster: Rolling) -> None:
    async with cluster:
        of_first = await rollout.live_checksum(cluster, TARGET, KEY.encode())
        of_another_key = await rollout.live_checksum(cluster, TARGET, b"another" + KEY.encode())
        await cluster.set_value("djI=")
        of_second = await rollout.live_checksum(cluster, TARGET, KEY.encode())
    assert len({of_first, of_another_key, of_second}) == 3


@pytest.mark.parametrize("preview", [True, False])
def test_a_program_gets_a_checksum_that_is_no_secret_from_a_fingerprint_that_is_one(preview: bool) -> None:  # noqa: FBT001 - a case
    known: dict[str, Any] = {}

    def program() -> None:
        made = rollout.checksum(pulumi.Output.secret("a fingerprint"))
        RolledOut("rolled-out", TARGET, checksum=made, workloads=["Deployment/b", "Deployment/a", "Deployment/b"])
        pulumi.Output.all(made, rollout.checksum(pulumi.Output.secret(""))).apply(
            lambda both: known.update(some=both[0], none=both[1])
        )

    registered = record(program, preview=preview).one(":RolledOut")
    assert registered.inputs["checksum"] == known["some"]
    assert registered.secret_inputs == frozenset()
    assert registered.inputs["workloads"] == ["Deployment/a", "Deployment/b"]
    assert known["some"] not in ("", "a fingerprint")
    assert known["none"] == ""


@pytest.mark.parametrize("preview", [True, False])
def test_a_synced_secret_offers_its_checksum_to_pod_templates(preview: bool) -> None:  # noqa: FBT001 - a case
    def program() -> None:
        synced = PulumiExternalSecret("synced", external_secret(metadata={"uid": ""}), [])
        kubernetes.core.v1.Pod("reader", metadata={"annotations": {"checksum.example.org/app": synced.checksum}})
        pulumi.export("checksum", synced.checksum)

    recorded = record(program, preview=preview)
    annotations = recorded.one(":Pod").inputs["metadata"]["annotations"]
    assert annotations == {"checksum.example.org/app": recorded.exports["checksum"]}
    assert recorded.exports["checksum"]
    assert recorded.one(":Pod").secret_inputs == frozenset()

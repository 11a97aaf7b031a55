"""Workloads that use what changes and will not notice."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.checks import Check, Options, Severity
from secretsync.errors import ClusterDenied
from tests.checks.scenarios import SETTLED, deployment, entries
from tests.checks.stage import Stage, declared, of, only

pytestmark = pytest.mark.unit

ASKS = {"external-secrets-on-pulumi/rollout": "true"}


def reading(key: str, name: str = "reader") -> dict[str, Any]:
    variable = {"name": "V", "valueFrom": {"secretKeyRef": {"name": "app", "key": key}}}
    made = deployment()
    made["metadata"]["name"] = name
    made["spec"]["template"]["spec"]["containers"] = [{"name": "main", "image": "i", "env": [variable]}]
    return made


def mounting() -> dict[str, Any]:
    made = reading("k", "mounting")
    container = {"name": "main", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volume = {"name": "v", "secret": {"secretName": "app"}}
    made["spec"]["template"]["spec"] = {"containers": [container], "volumes": [volume]}
    return made


def reloaded() -> dict[str, Any]:
    made = reading("k", "reloaded")
    made["metadata"]["annotations"] = {"reloader.stakater.com/auto": "true"}
    return made


async def rotated(*objects: dict[str, Any]) -> Stage:
    """A Secret with the keys k and l, of which k has another value upstream by now."""
    stage = Stage(declared(data=entries("k", "l")), objects=objects)
    stage.backend.values["l"] = b"stays"
    await stage.write()
    stage.backend.values["k"] = b"rotated"
    return stage


async def test_those_that_will_not_notice_are_named_with_how_they_use_it() -> None:
    stage = await rotated(deployment(), reading("k"), reading("l", "other"), mounting(), reloaded())
    found = only(await stage.first(SETTLED), Check.Workloads, Severity.Warning)
    assert found.problem == (
        "the keys k of Secret team/app change, which Deployment reader (env of main), "
        "Deployment web (envFrom of web) will not notice"
    )


@pytest.mark.parametrize("objects", [(), (mounting(), reloaded(), reading("l"))], ids=["none", "those that notice"])
async def test_nothing_is_said_where_all_notice(objects: tuple[dict[str, Any], ...]) -> None:
    stage = await rotated(*objects)
    assert not of(await stage.first(SETTLED), Check.Workloads)


async def test_nothing_is_asked_where_nothing_changes() -> None:
    stage = await rotated(deployment())
    await stage.write()
    stage.cluster.requests.clear()
    assert not of(await stage.first(SETTLED), Check.Workloads)
    assert not [request for request in stage.cluster.requests if request[0] == "list"]


def asking() -> dict[str, Any]:
    made = reading("k", "asking")
    made["metadata"]["annotations"] = dict(ASKS)
    return made


async def test_those_that_the_program_restarts_are_not_told_of() -> None:
    stage = await rotated(asking())
    assert "Deployment asking" in only(await stage.first(SETTLED), Check.Workloads, Severity.Warning).problem
    stage.options = Options(restarts=True)
    assert not of(await stage.first(SETTLED), Check.Workloads)


async def test_a_declaration_may_say_that_they_are_restarted() -> None:
    stage = Stage(declared(data=entries("k"), metadata={"annotations": dict(ASKS)}), objects=[asking()])
    await stage.write()
    stage.backend.values["k"] = b"rotated"
    assert not of(await stage.first(SETTLED), Check.Workloads)


async def test_those_that_do_not_ask_are_not_restarted_and_so_are_told_of() -> None:
    stage = await rotated(deployment(), asking())
    stage.options = Options(restarts=True)
    found = only(await stage.first(SETTLED), Check.Workloads, Severity.Warning)
    assert "Deployment web" in found.problem
    assert "asking" not in found.problem


async def test_workloads_need_not_be_looked_at() -> None:
    stage = await rotated(deployment())
    stage.options = Options(workloads=False)
    assert not of(await stage.first(SETTLED), Check.Workloads)


async def test_what_must_not_be_listed_is_unknown_and_never_a_pass() -> None:
    stage = await rotated(deployment())

    def fail(verb: str, plural: str, name: str) -> None:
        if plural == "deployments":
            raise ClusterDenied("deployments.apps is forbidden", remedy="allow list on deployments")

    stage.cluster.before = fail
    examined = await stage.first(SETTLED)
    found = only(examined, Check.Workloads, Severity.Unknown)
    assert "deployments.apps is forbidden" in found.problem
    assert found.remedy == "allow list on deployments"
    assert examined.observation is not None


async def test_many_declarations_list_each_kind_once() -> None:
    stage = Stage(*(declared(f"app-{number}") for number in range(10)))
    for which in range(10):
        await stage.write(which)
    stage.backend.values["k"] = b"rotated"
    stage.cluster.requests.clear()
    await stage.examine()
    listed = [request[1] for request in stage.cluster.requests if request[0] == "list"]
    assert len(listed) == len(set(listed)), listed
    assert "pods" in listed

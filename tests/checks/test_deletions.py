"""What the next write takes away, and what becomes of a target whose data is gone."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.checks import Check, Severity
from secretsync.errors import ClusterDenied
from secretsync.kube.resources import SECRETS
from tests.checks.scenarios import SETTLED, entries
from tests.checks.stage import NAMESPACE, Stage, declared, of, only, secret

pytestmark = pytest.mark.unit

SEARCH = [{"find": {"name": {"regexp": "^app-"}}}]


async def test_retain_with_nothing_found_writes_nothing() -> None:
    stage = Stage(declared(data=[], dataFrom=SEARCH))
    stage.backend.values = {}
    assert "is not made" in only(await stage.first(), Check.Deletion, Severity.Warning).problem
    stage.backend.values = {"app-a": b"1"}
    await stage.write()
    stage.backend.values = {}
    assert "stays as it is" in only(await stage.first(), Check.Deletion, Severity.Warning).problem


async def test_delete_takes_the_secret_only_where_it_is_its_own() -> None:
    target = {"deletionPolicy": "Delete"}
    stage = Stage(declared(target=target))
    stage.backend.values = {}
    assert "is not made" in only(await stage.first(), Check.Deletion, Severity.Warning).problem
    foreign = Stage(declared(target=target), objects=[secret("app", {"a": b"1"})])
    foreign.backend.values = {}
    assert "not its own to delete" in only(await foreign.first(), Check.Deletion, Severity.Error).problem
    shared = Stage(declared(target={**target, "creationPolicy": "Merge"}), objects=[secret("app", {"a": b"1"})])
    shared.backend.values = {}
    assert "creationPolicy Owner" in only(await shared.first(), Check.Deletion, Severity.Error).problem


async def test_keys_that_are_gone_upstream_are_told_apart_from_those_no_longer_declared() -> None:
    stage = Stage(declared(data=entries("k", "l"), target={"deletionPolicy": "Merge"}))
    stage.backend.values["l"] = b"2"
    await stage.write()
    stage.declared = (declared(data=entries("k"), target={"deletionPolicy": "Merge"}),)
    found = only(await stage.first(SETTLED), Check.Deletion, Severity.Note)
    assert found.problem == "this update takes the keys l out of Secret team/app"
    stage.declared = (declared(data=entries("k", "l"), target={"deletionPolicy": "Merge"}),)
    del stage.backend.values["l"]
    assert "gone upstream" in only(await stage.first(SETTLED), Check.Deletion, Severity.Warning).problem


async def test_keys_of_others_in_an_owned_secret_are_told() -> None:
    stage = Stage()
    await stage.write()
    await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, {"data": {"new": "eA=="}}, field_manager="kubectl")
    found = only(await stage.first(SETTLED), Check.Deletion, Severity.Warning)
    assert found.problem == "this update takes the keys new out of Secret team/app: others wrote them"


async def test_the_secret_of_a_former_name_is_told_and_asked_for_once() -> None:
    stage = Stage(*(declared(f"app-{number}") for number in range(5)))
    await stage.write()
    renamed = [declared(f"app-{number}", target={"name": f"new-{number}"}) for number in range(5)]
    stage.declared = tuple(renamed)
    stage.cluster.requests.clear()
    examined = await stage.examine()
    found = only(examined["team/app-0"], Check.Deletion, Severity.Warning)
    assert found.problem.startswith("this update deletes Secret app-0, which the declaration made")
    assert not of(examined["team/app-1"], Check.Deletion)
    assert [request for request in stage.cluster.requests if request[0] == "list"] == [("list", "secrets", "team")]


async def test_former_names_that_must_not_be_listed_are_unknown() -> None:
    stage = Stage()

    def fail(verb: str, plural: str, name: str) -> None:
        if verb == "list":
            raise ClusterDenied("secrets is forbidden", remedy="mend it")

    stage.cluster.before = fail
    examined = await stage.first()
    assert "secrets is forbidden" in only(examined, Check.Deletion, Severity.Unknown).problem
    assert examined.observation is not None, "the rest is known"


@pytest.mark.parametrize("policy", ["Orphan", "Merge", "CreateOrMerge", "None"])
async def test_policies_that_delete_nothing_are_not_asked(policy: str) -> None:
    stage = Stage(declared(target={"creationPolicy": policy}))
    await stage.first()
    assert not [request for request in stage.cluster.requests if request[0] == "list"]


async def test_a_namespace_that_is_not_there_may_come_first() -> None:
    stage = Stage()
    stage.cluster = type(stage.cluster)([])
    assert "unless this program makes it first" in only(await stage.first(), Check.Namespace, Severity.Unknown).problem
    only(await stage.first(SETTLED), Check.Namespace, Severity.Error)


@pytest.mark.parametrize("plural", ["namespaces", "secrets"])
async def test_what_must_not_be_looked_at_is_unknown(plural: str) -> None:
    stage = Stage()

    def fail(verb: str, kind: str, name: str) -> None:
        if kind == plural and verb == "get":
            raise ClusterDenied(f"{plural} is forbidden", remedy="mend it")

    stage.cluster.before = fail
    examined = await stage.first(SETTLED)
    check = Check.Namespace if plural == "namespaces" else Check.Target
    assert f"{plural} is forbidden" in only(examined, check, Severity.Unknown).problem
    assert (examined.observation is None) is (plural == "secrets")


async def test_a_target_of_another_kind_is_refused() -> None:
    manifest: dict[str, Any] = {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}
    only(await Stage(declared(target=manifest)).first(), Check.Target, Severity.Error)


async def test_the_secret_of_a_former_name_is_told_beside_a_takeover() -> None:
    stage = Stage(objects=[secret("new", {"a": b"1"})])
    await stage.write()
    stage.declared = (declared(target={"name": "new"}),)
    examined = await stage.first(SETTLED)
    only(examined, Check.Takeover, Severity.Error)
    assert "deletes Secret app" in only(examined, Check.Deletion, Severity.Warning).problem

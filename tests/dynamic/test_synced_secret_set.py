"""SyncedSecretSet as the engine calls it: many declarations, each for itself, recorded together."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from components.dynamic.synced_secret_set import ReadySyncedSecretsProvider
from tests.dynamic.programs import CANARY, KEY, SET_TYPE, TYPE, entry, is_difference, refresh_diff
from tests.pulumi_standins.plugin_client import Resource

if TYPE_CHECKING:
    from tests.dynamic.conftest import Start
    from tests.dynamic.programs import Program

pytestmark = pytest.mark.contract

PREVIEW = {"preview": True}
NAMES = ("one", "two", "three")


def _resource() -> Resource:
    return Resource(SET_TYPE, "synced")


def _declared(program: Program, *names: str, **keys: str) -> dict[str, Any]:
    """Declarations by name, each with a Secret of its name, from the remote key of that name or the one given."""
    texts = {
        name: program.external_secret(name, target={"name": name}, data=[entry("PASSWORD", keys.get(name, name))])
        for name in names
    }
    return program.set_inputs(**texts)


@pytest.fixture
def made(operation: Start, program: Program) -> Resource:
    for name in NAMES:
        program.rotate(f"{CANARY}-{name}", key=name)
    return operation().create(_resource(), _declared(program, *NAMES))


def test_one_call_writes_all_and_state_holds_maps_by_identity_and_no_value(made: Resource, program: Program) -> None:
    identities = {f"{program.namespace}/{name}" for name in NAMES}
    assert {program.live(name) for name in NAMES} == {f"{CANARY}-{name}" for name in NAMES}
    assert made.outputs["targets"] == {identity: identity for identity in identities}
    assert made.outputs["keys"] == {identity: ["PASSWORD"] for identity in identities}
    versions = made.outputs["versions"]
    assert isinstance(versions, dict)
    assert versions[f"{program.namespace}/one"] == {"SecretStore/backend one": "1"}
    fingerprints = made.outputs["fingerprints"]
    assert isinstance(fingerprints, dict)
    assert len(set(map(str, fingerprints.values()))) == len(NAMES)
    assert made.outputs["problems"] == {}
    state = json.dumps([made.inputs, made.outputs], default=str)
    assert [each for each in (CANARY, KEY, program.backend.token) if each in state] == []


def test_a_set_and_single_resources_write_the_same(made: Resource, operation: Start, program: Program) -> None:
    inputs = program.inputs(target={"name": "two"}, data=[entry("PASSWORD", "two")])
    inputs["declaration"] = program.external_secret("two", target={"name": "two"}, data=[entry("PASSWORD", "two")])
    before = program.secret("two")
    single = operation().create(Resource(TYPE, "two"), inputs)
    fingerprints = made.outputs["fingerprints"]
    assert isinstance(fingerprints, dict)
    assert single.outputs["fingerprint"] == fingerprints[f"{program.namespace}/two"]
    assert program.secret("two") == before


def test_a_preview_tells_what_rotated_and_what_was_edited_of_which(
    made: Resource, operation: Start, program: Program
) -> None:
    news = _declared(program, *NAMES)
    unchanged = operation()
    shown, _ = unchanged.check(made, news | PREVIEW)
    assert not {"drift", "rotated"} & set(shown)
    assert not is_difference(unchanged.diff(made, news | PREVIEW))
    program.rotate("rotated", key="one")
    program.edit("edited", name="two")
    program.delete("three")
    previewing = operation()
    shown, failures = previewing.check(made, news | PREVIEW)
    assert failures == []
    namespace = program.namespace
    assert shown["rotated"] == {f"{namespace}/one": ["PASSWORD"]}
    assert shown["drift"] == {
        f"{namespace}/two": "key PASSWORD edited by kubectl-edit",
        f"{namespace}/three": "missing",
    }
    assert is_difference(previewing.diff(made, news | PREVIEW))
    after = operation().update(made, news)
    assert [program.live(name) for name in NAMES] == ["rotated", f"{CANARY}-two", f"{CANARY}-three"]
    assert not {"drift", "rotated"} & {*after.inputs, *after.outputs}


def test_an_update_writes_only_what_differs(made: Resource, operation: Start, program: Program) -> None:
    before = {name: program.secret(name) for name in NAMES}
    program.rotate("rotated", key="one")
    operation().update(made, _declared(program, *NAMES))
    assert program.live("one") == "rotated"
    assert {name: program.secret(name) for name in ("two", "three")} == {n: before[n] for n in ("two", "three")}


def test_one_that_fails_leaves_the_others_written_and_recorded_and_the_next_update_goes_on(
    operation: Start, program: Program
) -> None:
    for name in ("one", "three"):
        program.rotate(f"{CANARY}-{name}", key=name)
    news = _declared(program, *NAMES)
    shown, failures = operation().check(_resource(), news | PREVIEW)
    assert failures == []
    drift, problems = shown["drift"], shown["problems"]
    assert isinstance(drift, dict)
    assert problems == {}
    assert list(drift) == [f"{program.namespace}/two"]
    assert str(drift[f"{program.namespace}/two"]).startswith("not known yet: ")
    made = operation().create(_resource(), news)
    assert (program.live("one"), program.live("three")) == (f"{CANARY}-one", f"{CANARY}-three")
    assert program.secret("two") is None
    problems = made.outputs["problems"]
    assert isinstance(problems, dict)
    assert list(problems) == [f"{program.namespace}/two"]
    assert f"{program.mount}/data/two" in str(problems[f"{program.namespace}/two"])

    program.rotate(f"{CANARY}-two", key="two")
    later = operation()
    assert is_difference(later.diff(made, news))
    after = later.update(made, news)
    assert after.outputs["problems"] == {}
    assert program.live("two") == f"{CANARY}-two"
    assert not is_difference(operation().diff(after, news))


def test_what_was_synced_and_cannot_be_read_any_more_is_a_problem_of_the_preview(
    made: Resource, operation: Start, program: Program
) -> None:
    program.ask("DELETE", f"{program.mount}/metadata/two", {})
    places = {f"{program.namespace}/two": {"": "manifests/two.yaml:1", "spec.data[0]": "manifests/two.yaml:9"}}
    news = _declared(program, *NAMES) | {"places": json.dumps(places)}
    shown, failures = operation().check(made, news | PREVIEW)
    problems = shown["problems"]
    assert failures == []
    assert isinstance(problems, dict)
    assert list(problems) == [f"{program.namespace}/two"]
    assert str(problems[f"{program.namespace}/two"]).startswith("manifests/two.yaml:9, spec.data[0]")
    failed = ReadySyncedSecretsProvider().check({}, {"problems": problems, "total": 3.0}).failures
    assert len(failed) == 1
    assert failed[0].reason.startswith(f"1 of 3 ExternalSecrets are not synced:\n  {program.namespace}/two: manifests/")
    assert program.live("two") == f"{CANARY}-two"


def test_one_that_is_no_longer_declared_is_taken_back(made: Resource, operation: Start, program: Program) -> None:
    news = _declared(program, "one", "three")
    later = operation()
    assert is_difference(later.diff(made, news))
    after = later.update(made, news)
    assert program.secret("two") is None
    assert program.live("one") == f"{CANARY}-one"
    assert after.outputs["targets"] == {
        f"{program.namespace}/{name}": f"{program.namespace}/{name}" for name in ("one", "three")
    }


def test_another_target_is_written_before_the_former_is_taken_back(
    made: Resource, operation: Start, program: Program
) -> None:
    moved = program.external_secret("two", target={"name": "elsewhere"}, data=[entry("PASSWORD", "two")])
    news = _declared(program, *NAMES)
    news["declarations"][f"{program.namespace}/two"] = moved
    later = operation()
    answer = later.diff(made, news)
    assert is_difference(answer)
    assert not answer.replaces
    after = later.update(made, news)
    assert program.live("elsewhere") == f"{CANARY}-two"
    assert program.secret("two") is None
    assert not is_difference(operation().diff(after, news))


def test_a_target_that_another_declaration_takes_over_stays(made: Resource, operation: Start, program: Program) -> None:
    heir = program.external_secret(
        "heir",
        target={"name": "two"},
        data=[entry("PASSWORD", "three")],
    )
    document = json.loads(heir)
    document["metadata"]["annotations"] = {"external-secrets-on-pulumi/adopt": "true"}
    news = _declared(program, "one", "three")
    news["declarations"][f"{program.namespace}/heir"] = json.dumps(document)
    after = operation().update(made, news)
    assert after.outputs["problems"] == {}
    assert program.live("two") == f"{CANARY}-three"


def test_a_refresh_tells_drift_by_identity_and_a_removal_takes_all_back(
    made: Resource, operation: Start, program: Program
) -> None:
    quiet = operation()
    read = quiet.read(made)
    assert read is not None
    assert not is_difference(refresh_diff(quiet, made, read))
    program.edit("edited", name="one")
    program.delete("two")
    refreshing = operation()
    read = refreshing.read(made)
    assert read is not None
    namespace = program.namespace
    assert read.outputs["drift"] == {
        f"{namespace}/one": "key PASSWORD edited by kubectl-edit",
        f"{namespace}/two": "missing",
    }
    assert is_difference(refresh_diff(refreshing, made, read))
    healed = operation().update(read, _declared(program, *NAMES))
    assert [program.live(name) for name in NAMES] == [f"{CANARY}-{name}" for name in NAMES]
    operation().delete(healed)
    assert [program.secret(name) for name in NAMES] == [None] * 3
    operation().delete(healed)


def test_what_moves_from_single_resources_into_a_set_and_back_is_not_taken_back(
    operation: Start, program: Program
) -> None:
    """The engine makes what is new in the same process before it removes what is old."""
    inputs = program.inputs()
    single = operation().create(Resource(TYPE, "app"), inputs)
    before = program.secret()
    joining = operation()
    joined = joining.create(_resource(), program.set_inputs(app=inputs["declaration"]))
    joining.delete(single)
    assert program.secret() == before
    leaving = operation()
    again = leaving.create(Resource(TYPE, "app"), inputs)
    leaving.delete(joined)
    assert program.secret() == before
    operation().delete(again)
    assert program.secret() is None


def test_names_beyond_ascii_upstream_are_versions_and_messages_as_they_are(operation: Start, program: Program) -> None:
    program.rotate(f"{CANARY}-ü", key="schlüssel-日本")
    declared = program.external_secret(
        "app", data=[entry("PASSWORD", "schlüssel-日本"), entry("B", "schlüssel-日本", "fehlt-é")]
    )
    news = program.set_inputs(app=declared)
    shown, _ = operation().check(_resource(), news | PREVIEW)
    assert "fehlt-é" in str(shown["problems"])
    good = program.set_inputs(app=program.external_secret("app", data=[entry("PASSWORD", "schlüssel-日本")]))
    made = operation().create(_resource(), good)
    assert made.outputs["versions"] == {f"{program.namespace}/app": {"SecretStore/backend schlüssel-日本": "1"}}
    assert program.live() == f"{CANARY}-ü"


@pytest.mark.parametrize("count", [1000])
def test_a_thousand_are_written_compared_and_taken_back_in_one_call_each(
    operation: Start, program: Program, count: int
) -> None:
    keys = {f"app-{index}": "app" for index in range(count)}
    news = _declared(program, *keys, **keys)
    made = operation().create(_resource(), news)
    assert made.outputs["problems"] == {}
    versions, targets = made.outputs["versions"], made.outputs["targets"]
    assert isinstance(versions, dict)
    assert isinstance(targets, dict)
    assert len(versions) == len(targets) == count
    assert program.live(f"app-{count - 1}") == CANARY
    later = operation()
    assert not is_difference(later.diff(made, news))
    removing = operation()
    removing.delete(made)
    answer = program.plane.request("GET", f"/api/v1/namespaces/{program.namespace}/secrets").document()
    assert [each["metadata"]["name"] for each in answer["items"] if each["metadata"]["name"].startswith("app-")] == []


def test_four_threads_may_check_sets_and_singles_side_by_side(operation: Start, program: Program) -> None:
    providers = operation()
    found: list[Any] = []

    def single() -> None:
        found.append(providers.check(Resource(TYPE, "app"), program.inputs())[0]["fingerprint"])

    def many() -> None:
        news = program.set_inputs(app=program.inputs()["declaration"])
        (fingerprint,) = providers.check(_resource(), news)[0]["fingerprints"].values()
        found.append(fingerprint)

    threads = [threading.Thread(target=act) for act in (single, many, single, many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_key_too_short_for_fingerprints_is_refused_by_name(operation: Start, program: Program) -> None:
    with pytest.raises(grpc.RpcError, match="external-secrets:fingerprintKey"):
        operation(fingerprintKey="short").check(_resource(), _declared(program, "one"))


def test_what_the_check_refuses_is_not_written_though_a_sync_would(operation: Start, program: Program) -> None:
    foreign = {"metadata": {"name": "theirs"}, "stringData": {"PASSWORD": "of somebody else"}}
    assert program.plane.request("POST", program.path("").rstrip("/"), foreign).status == 201
    news = program.set_inputs(
        app=program.external_secret(), theirs=program.external_secret("theirs", target={"name": "theirs"})
    )
    made = operation().create(_resource(), news)
    problems = made.outputs["problems"]
    assert isinstance(problems, dict)
    assert list(problems) == [f"{program.namespace}/theirs"]
    assert "external-secrets-on-pulumi/adopt" in str(problems[f"{program.namespace}/theirs"])
    assert (program.live("theirs"), program.live()) == ("of somebody else", CANARY)
    operation().delete(made)
    assert (program.live("theirs"), program.secret()) == ("of somebody else", None)


def test_a_target_whose_heir_cannot_fill_it_yet_stays_until_it_can(
    made: Resource, operation: Start, program: Program
) -> None:
    heir = json.loads(program.external_secret("heir", target={"name": "two"}, data=[entry("PASSWORD", "later")]))
    heir["metadata"]["annotations"] = {"external-secrets-on-pulumi/adopt": "true"}
    news = _declared(program, "one", "three")
    news["declarations"][f"{program.namespace}/heir"] = json.dumps(heir)
    after = operation().update(made, news)
    problems = after.outputs["problems"]
    assert isinstance(problems, dict)
    assert set(problems) == {f"{program.namespace}/heir", f"{program.namespace}/two"}
    assert program.live("two") == f"{CANARY}-two"
    program.rotate("of the heir", key="later")
    mended = operation().update(after, news)
    assert mended.outputs["problems"] == {}
    assert program.live("two") == "of the heir"


def test_of_a_shared_secret_only_the_keys_go_that_no_other_gives(operation: Start, program: Program) -> None:
    shared = {"name": "shared", "creationPolicy": "CreateOrMerge"}
    texts = {
        "first": program.external_secret("first", target=shared, data=[entry("PASSWORD", "app"), entry("A", "app")]),
        "second": program.external_secret("second", target=shared, data=[entry("B", "app")]),
    }
    made = operation().create(_resource(), program.set_inputs(**texts))
    assert made.outputs["problems"] == {}
    heir = program.external_secret("second", target=shared, data=[entry("B", "app"), entry("A", "app")])
    operation().update(made, program.set_inputs(second=heir))
    assert set((program.secret("shared") or {})["data"]) == {"A", "B"}

"""SyncedSecret as the engine calls it: ``python -m pulumi.dynamic`` over gRPC, a real API server, a real backend."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from local.pulumi import protocol
from local.pulumi.wire import encode_map
from tests.dynamic.programs import CANARY, KEY, TYPE, entry, is_difference, refresh_diff
from tests.pulumi_standins.plugin_client import Resource

if TYPE_CHECKING:
    from tests.dynamic.conftest import Start
    from tests.dynamic.programs import DynamicProviders, Program

pytestmark = pytest.mark.contract

STATE_BYTES = 4096
ENDS_WITHIN = 5
PREVIEW = {"preview": True}


def _resource() -> Resource:
    return Resource(TYPE, "app")


def _created(providers: DynamicProviders, program: Program) -> Resource:
    return providers.create(_resource(), program.inputs())


def test_create_writes_the_secret_and_state_holds_names_versions_and_a_fingerprint(
    providers: DynamicProviders, program: Program
) -> None:
    made = _created(providers, program)
    assert made.id == f"{program.namespace}/app/target"
    assert program.live() == CANARY
    outputs = dict(made.outputs)
    assert len(str(outputs.pop("fingerprint"))) == 64
    assert len(str(outputs.pop("declared"))) == 16
    assert outputs.pop("__provider") == made.inputs["__provider"]
    assert outputs == {
        "target": f"{program.namespace}/target",
        "keys": ["PASSWORD"],
        "versions": {"SecretStore/backend app": "1"},
        "creationPolicy": "Owner",
        "deletionPolicy": "Retain",
        "schemaVersion": 2,
    }
    state = json.dumps([made.inputs, made.outputs], default=str)
    assert CANARY not in state
    assert program.backend.token not in state
    assert KEY not in state


def test_state_of_a_usual_secret_is_at_most_4_kb(providers: DynamicProviders, program: Program) -> None:
    document = {f"property-{index}": f"{CANARY}-{index}" for index in range(10)}
    program.ask("POST", f"{program.mount}/data/many", {"data": document})
    entries = [entry(f"KEY_{index}", "many", f"property-{index}") for index in range(10)]
    made = providers.create(_resource(), program.inputs(data=entries))
    assert len(json.dumps([made.inputs, made.outputs], default=str)) <= STATE_BYTES


def test_nothing_changed_is_no_difference_and_an_edit_by_hand_is_told_with_its_author(
    operation: Start, program: Program
) -> None:
    made = _created(operation(), program)
    later = operation()
    assert not is_difference(later.diff(made, program.inputs() | PREVIEW))
    program.edit("edited")
    previewing = operation()
    shown, failures = previewing.check(made, program.inputs() | PREVIEW)
    assert failures == []
    assert shown["drift"] == "key PASSWORD edited by kubectl-edit"
    assert "rotated" not in shown
    assert is_difference(previewing.diff(made, program.inputs() | PREVIEW))
    made = operation().update(made, program.inputs())
    assert program.live() == CANARY
    assert "drift" not in made.inputs
    assert not is_difference(operation().diff(made, program.inputs() | PREVIEW))


def test_a_refresh_tells_edits_without_asking_the_backend_and_is_quiet_otherwise(
    operation: Start, program: Program
) -> None:
    made = _created(operation(), program)
    program.rotate("another value")  # a refresh is about the Secret, not about upstream
    refreshing = operation()
    read = refreshing.read(made)
    assert read is not None
    assert "drift" not in read.outputs
    assert not is_difference(refresh_diff(refreshing, made, read))
    program.edit("edited")
    again = operation()
    edited = again.read(made)
    assert edited is not None
    assert edited.outputs["drift"] == "key PASSWORD edited by kubectl-edit"
    assert is_difference(refresh_diff(again, made, edited))
    assert is_difference(operation().diff(edited, program.inputs()))


def test_a_rotation_shows_keys_and_versions_and_no_drift_and_an_update_writes_it(
    operation: Start, program: Program
) -> None:
    made = _created(operation(), program)
    program.rotate("another value")
    later = operation()
    shown, failures = later.check(made, program.inputs() | PREVIEW)
    assert failures == []
    assert shown["versions"] == {"SecretStore/backend app": "2"}
    assert shown["rotated"] == ["PASSWORD"]
    assert "drift" not in shown
    assert shown["fingerprint"] != made.inputs["fingerprint"]
    answer = later.diff(made, program.inputs() | PREVIEW)
    assert is_difference(answer)
    assert not answer.replaces
    assert program.live() == CANARY
    after = operation().update(made, program.inputs())
    assert program.live() == "another value"
    assert after.outputs["versions"] == {"SecretStore/backend app": "2"}
    assert "rotated" not in after.inputs


def test_a_new_version_with_the_same_content_is_no_difference(operation: Start, program: Program) -> None:
    made = _created(operation(), program)
    program.rotate(CANARY)
    later = operation()
    shown, _ = later.check(made, program.inputs() | PREVIEW)
    assert shown["versions"] == {"SecretStore/backend app": "2"}
    assert not is_difference(later.diff(made, program.inputs() | PREVIEW))


def test_a_rotation_and_an_edit_at_once_are_told_apart(operation: Start, program: Program) -> None:
    inputs = program.inputs(data=[entry("PASSWORD", "app"), entry("OTHER", "other")])
    program.rotate("of the other", key="other")
    made = operation().create(_resource(), inputs)
    program.rotate("rotated", key="other")
    program.edit("edited")
    shown, _ = operation().check(made, inputs | PREVIEW)
    assert shown["rotated"] == ["OTHER"]
    assert shown["drift"] == "key PASSWORD edited by kubectl-edit"


def test_a_template_that_is_new_each_time_is_written_again_only_when_its_source_changed(
    operation: Start, program: Program
) -> None:
    volatile = program.inputs(
        target={"name": "target", "template": {"data": {"PASSWORD": "{{ .PASSWORD }}-{{ randAlphaNum 20 }}"}}}
    )
    made = operation().create(_resource(), volatile)
    written = program.live()
    later = operation()
    assert not is_difference(later.diff(made, volatile))
    program.edit("edited")
    healing = operation()
    assert is_difference(healing.diff(made, volatile))
    made = healing.update(made, volatile)
    assert program.live() not in (written, "edited")
    assert not is_difference(operation().diff(made, volatile))
    program.rotate("another value")
    assert is_difference(operation().diff(made, volatile))


def test_what_is_fetched_once_is_not_asked_for_again_and_still_healed(operation: Start, program: Program) -> None:
    once = program.inputs(refreshPolicy="CreatedOnce")
    made = operation().create(_resource(), once)
    program.rotate("another value")
    assert not is_difference(operation().diff(made, once))
    program.delete()
    shown, _ = operation().check(made, once | PREVIEW)
    assert shown["drift"] == "missing"
    operation().update(made, once)
    assert program.live() == "another value"


def test_another_target_replaces(providers: DynamicProviders, program: Program) -> None:
    made = _created(providers, program)
    answer = providers.diff(made, program.inputs(target={"name": "elsewhere"}))
    assert is_difference(answer)
    assert list(answer.replaces) == ["declaration"]


def test_another_policy_is_an_update_and_what_is_removed_goes_by_the_one_that_was_written(
    operation: Start, program: Program
) -> None:
    made = _created(operation(), program)
    orphaned = program.inputs(target={"name": "target", "creationPolicy": "Orphan"})
    changing = operation()
    assert is_difference(changing.diff(made, orphaned))
    after = changing.update(made, orphaned)
    assert after.outputs["creationPolicy"] == "Orphan"
    operation().delete(after)
    assert program.live() == CANARY


def test_a_deleted_secret_is_missing_to_check_and_gone_to_read(operation: Start, program: Program) -> None:
    made = _created(operation(), program)
    program.delete()
    previewing = operation()
    shown, _ = previewing.check(made, program.inputs() | PREVIEW)
    assert shown["drift"] == "missing"
    assert is_difference(previewing.diff(made, program.inputs() | PREVIEW))
    assert operation().read(made) is None
    operation().update(made, program.inputs())
    assert program.live() == CANARY


def test_delete_takes_the_secret_away_and_may_be_repeated(providers: DynamicProviders, program: Program) -> None:
    made = _created(providers, program)
    providers.delete(made)
    assert program.live() is None
    providers.delete(made)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"store": "nowhere"}, "/nowhere: no manifest of this stack declares it"),
        ({"property_": "missing-property"}, "missing-property"),
    ],
)
def test_what_cannot_be_synced_is_a_named_problem_without_a_value(
    providers: DynamicProviders, program: Program, change: dict[str, str], said: str
) -> None:
    made = _created(providers, program)
    _, failures = providers.check(made, program.inputs(**change))
    assert len(failures) == 1
    properties = encode_map(program.inputs(**change))
    with pytest.raises(grpc.RpcError) as caught:
        providers.stub.Create(protocol.provider_pb2.CreateRequest(urn=made.urn, type=TYPE, properties=properties))
    for text in (failures[0], str(caught.value)):
        assert said in text
        assert CANARY not in text
        assert program.backend.token not in text


def test_everything_that_is_wrong_is_told_at_once_each_with_its_line(
    providers: DynamicProviders, program: Program
) -> None:
    made = _created(providers, program)
    wrong = program.inputs(
        data=[entry("PASSWORD", "app", "missing-property"), entry("A", "gone")],
        target={"name": "target", "template": {"data": {"URL": "{{ .HOST }}"}}},
    )
    places = {"": "manifests/app.yaml:1", "spec.data[0]": "manifests/app.yaml:9", "spec.target": "manifests/app.yaml:7"}
    _, failures = providers.check(made, wrong | {"places": json.dumps({f"{program.namespace}/app": places})})
    assert any(failure.startswith("|manifests/app.yaml:9, spec.data[0]") for failure in failures)
    assert any(failure.startswith("|manifests/app.yaml:7, spec.target") and "HOST" in failure for failure in failures)
    assert len(failures) >= 2


def test_places_are_no_part_of_the_state(providers: DynamicProviders, program: Program) -> None:
    places = {f"{program.namespace}/app": {"": "manifests/app.yaml:1"}}
    made = providers.create(_resource(), program.inputs() | {"places": json.dumps(places)})
    assert "app.yaml" not in json.dumps([made.inputs, made.outputs], default=str)


def test_what_the_same_update_may_still_make_is_not_known_yet_in_a_preview(operation: Start, program: Program) -> None:
    made = _created(operation(), program)
    elsewhere = program.inputs(data=[entry("PASSWORD", "made-later")])
    for resource in (_resource(), made):
        inputs, failures = operation().check(resource, elsewhere | PREVIEW)
        assert failures == []
        assert str(inputs["drift"]).startswith("not known yet: ")
        assert "made-later" in str(inputs["drift"])
    with pytest.raises(grpc.RpcError, match="made-later"):
        operation().create(_resource(), elsewhere)


def test_a_secret_that_goes_missing_upstream_is_an_error_where_it_was_synced_before(
    operation: Start, program: Program
) -> None:
    made = _created(operation(), program)
    program.ask("DELETE", f"{program.mount}/metadata/app", {})
    _, failures = operation().check(made, program.inputs() | PREVIEW)
    assert len(failures) == 1
    assert f"there is no secret at {program.mount}/data/app" in failures[0]
    assert program.live() == CANARY


def test_a_key_too_short_for_fingerprints_is_refused_by_name(operation: Start, program: Program) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        operation(fingerprintKey="short").check(_resource(), program.inputs())
    assert "external-secrets:fingerprintKey: is missing or shorter than 32 characters" in str(caught.value)
    assert "short" not in str(caught.value).replace("shorter", "")


def test_another_fingerprint_key_makes_another_fingerprint_of_the_same_content(
    operation: Start, program: Program
) -> None:
    checked, _ = operation().check(_resource(), program.inputs())
    other, _ = operation(fingerprintKey=KEY[::-1]).check(_resource(), program.inputs())
    assert checked["versions"] == other["versions"]
    assert checked["fingerprint"] != other["fingerprint"]


def test_four_threads_share_one_session(providers: DynamicProviders, program: Program) -> None:
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(providers.check(_resource(), program.inputs())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({str(checked["fingerprint"]) for checked, _ in results}) == 1
    assert [failures for _, failures in results] == [[]] * 4


def test_the_process_ends_soon_and_silently(operation: Start, program: Program) -> None:
    started = operation()
    started.create(_resource(), program.inputs())
    code, seconds, printed = started.interrupt()
    assert code == 0
    assert printed == b""
    assert seconds < ENDS_WITHIN

"""The components of both lanes: which Secrets restart workloads, after what, and by which checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from components.external_secret import (
    OperatorExternalSecrets,
    PulumiExternalSecret,
    PulumiExternalSecretSet,
    Rollout,
)
from components.testing import record
from tests.sync.builders import external_secret

if TYPE_CHECKING:
    from components.testing import Recorder
    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit

ASKS = {"external-secrets-on-pulumi/rollout": "true"}


def _declared(name: str, *, asks: bool = False) -> ExternalSecret:
    return external_secret(name, metadata={"uid": "", "annotations": ASKS if asks else {}})


def _rollouts(recorder: Recorder) -> dict[str, set[str]]:
    """Name → what comes before it."""
    return {each.name: recorder.before(each) for each in recorder.of_type(":RolledOut")}


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("wait", [True, False])
def test_in_the_operator_lane_an_annotation_restarts_once_the_object_is_ready(
    preview: bool,  # noqa: FBT001 - a case
    wait: bool,  # noqa: FBT001 - a case
) -> None:
    def program() -> None:
        OperatorExternalSecrets("all", [_declared("asks", asks=True), _declared("silent")], wait=wait)

    recorder = record(program, preview=preview)
    ((name, before),) = _rollouts(recorder).items()
    assert name == "team-asks-rollout"
    assert ("all-ready" if wait else "ExternalSecret-team-asks") in before
    assert recorder.one(":RolledOut").inputs["secret"] == "team/asks"
    assert "checksum" not in recorder.one(":RolledOut").inputs


@pytest.mark.parametrize("preview", [True, False])
def test_in_the_pulumi_lane_an_annotation_restarts_once_the_secret_is_written(preview: bool) -> None:  # noqa: FBT001
    checksums: dict[str, str] = {}

    def program() -> None:
        for name, asks in (("asks", True), ("silent", False)):
            made = PulumiExternalSecret(name, _declared(name, asks=asks), [])
            pulumi.export(name, made.checksum)

    recorder = record(program, preview=preview)
    checksums = recorder.exports
    assert _rollouts(recorder) == {"asks-rollout": {"asks"}}
    assert recorder.one(":RolledOut").inputs["checksum"] == checksums["asks"] != checksums["silent"]
    assert [each.inputs.get("rollout") for each in recorder.of_type(":SyncedSecret")] == [None, None]


@pytest.mark.parametrize("preview", [True, False])
def test_a_set_restarts_after_all_of_it_is_synced_by_a_checksum_of_each(preview: bool) -> None:  # noqa: FBT001
    def program() -> None:
        declared = [_declared("asks", asks=True), _declared("silent")]
        made = PulumiExternalSecretSet("all", declared, [], rollout=Rollout(patience_seconds=17))
        pulumi.export("silent", made.checksums["team/silent"])
        pulumi.export("asks", made.checksums["team/asks"])
        pulumi.export("targets", made.targets)

    recorder = record(program, preview=preview)
    ((name, before),) = _rollouts(recorder).items()
    assert (name, recorder.one(":RolledOut").inputs["patienceSeconds"]) == ("team-asks-rollout", 17)
    assert "all-ready" in before
    assert recorder.one(":RolledOut").inputs["checksum"] == recorder.exports["asks"]
    assert recorder.exports["asks"] != recorder.exports["silent"]
    assert recorder.exports["targets"] == {"team/asks": "team/asks", "team/silent": "team/silent"}


def test_all_of_them_restart_where_the_program_says_so() -> None:
    def program() -> None:
        PulumiExternalSecretSet("all", [_declared("one"), _declared("two")], [], rollout=Rollout(always=True))

    recorder = record(program)
    assert set(_rollouts(recorder)) == {"team-one-rollout", "team-two-rollout"}
    assert recorder.one(":SyncedSecretSet").inputs["rollout"] is True

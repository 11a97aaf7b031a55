"""The helpers for tests of programs: what mocks answer, what is recorded, what a rehearsal says."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from components.dynamic.synced_secret import SyncedSecret
from components.external_secret import OperatorExternalSecrets
from components.testing import (
    Answers,
    Rehearsed,
    invented_kubeconfig,
    record,
    record_project,
    rehearse,
    stack_settings,
)
from secretsync.errors import ManifestErrors, SettingsError
from tests.sync.builders import external_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.unit

MANIFEST = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: app
spec:
  secretStoreRef: {name: store}
  target:
    template:
      templateFrom:
        - configMap: {name: texts, items: [{key: greeting}]}
      data:
        url: "https://{{ .user }}@example.org"
  data:
    - secretKey: user
      remoteRef: {key: team/app, property: user}
"""
TEXTS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "texts", "namespace": "team"},
    "data": {"greeting": "hello {{ .user }}"},
}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "app.yaml"
    path.write_text(MANIFEST)
    return path


def _rehearsed(manifest: Path, values: dict[str, Any], *objects: dict[str, Any]) -> Rehearsed:
    (made,) = rehearse([manifest], values, root=manifest.parent, namespace="team", objects=objects).items()
    assert made[0] == "team/app"
    return made[1]


def test_a_rehearsal_renders_templates_with_what_is_in_the_cluster(manifest: Path) -> None:
    made = _rehearsed(manifest, {"team/app": {"user": "ünïcode"}}, TEXTS)
    assert made.data == {"url": "https://ünïcode@example.org".encode(), "greeting": "hello ünïcode".encode()}
    assert (made.error, made.problems) == ("", [])


@pytest.mark.parametrize(
    ("values", "objects", "problem"),
    [
        ({}, [TEXTS], "app.yaml:14, spec.data[0]"),
        ({"team/app": {"other": "v"}}, [TEXTS], "user"),
        ({"team/app": {"user": "v"}}, [], "texts"),
    ],
    ids=["no such secret", "no such property", "no such ConfigMap"],
)
def test_a_rehearsal_says_what_a_preview_would(
    manifest: Path, values: dict[str, Any], objects: list[dict[str, Any]], problem: str
) -> None:
    made = _rehearsed(manifest, values, *objects)
    assert made.secret is None
    assert made.data == {}
    assert made.error
    assert problem in "\n".join(made.problems)


def test_a_secret_that_somebody_made_is_told_before_it_is_taken_over(manifest: Path) -> None:
    existing = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "app", "namespace": "team"},
        "data": {"foreign": base64.b64encode(b"v").decode()},
    }
    made = _rehearsed(manifest, {"team/app": {"user": "v"}}, TEXTS, existing)
    assert "adopt" in "\n".join(made.problems)


def test_a_rehearsal_shows_no_value_by_itself(manifest: Path) -> None:
    made = _rehearsed(manifest, {"team/app": {"user": "hunter2"}}, TEXTS)
    assert "hunter2" not in repr(made)
    assert base64.b64encode(b"hello hunter2").decode() not in repr(made)


def test_what_is_wrong_in_the_files_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(MANIFEST.replace("kind: ExternalSecret", "kind: ExternalSecrets"))
    with pytest.raises(ManifestErrors, match=r"wrong\.yaml"):
        rehearse([path], {}, root=tmp_path)


def _asked(typ: str, name: str = "it", **inputs: Any) -> MockResourceArgs:
    return MockResourceArgs(typ=typ, name=name, inputs=inputs, provider="", resource_id="", custom=True)


def test_answers_add_what_providers_would() -> None:
    _, role = Answers().new_resource(_asked("aws:iam/role:Role", name_="x"))
    assert role["arn"] == "arn:aws:iam:eu-central-1:123456789012:role/it"
    _, named = Answers().new_resource(_asked("kubernetes:core/v1:Secret", metadata={"name": "given", "generation": 7}))
    assert (named["metadata"]["name"], named["metadata"]["generation"]) == ("given", 7)
    assert named["metadata"]["uid"]
    _, unnamed = Answers().new_resource(_asked("kubernetes:core/v1:Secret", metadata={}))
    assert unnamed["metadata"]["name"] == "it"
    _, other = Answers().new_resource(_asked("vault:index/policy:Policy", policy="p"))
    assert other == {"policy": "p"}


def test_a_set_answers_for_each_of_its_declarations() -> None:
    declarations = {f"team/{name}": json.dumps(external_secret(name).to_json()) for name in ("a", "b")}
    typ = "pulumi-python:dynamic/external-secrets:SyncedSecretSet"
    _, made = Answers().new_resource(_asked(typ, declarations=declarations))
    assert made["targets"] == {"team/a": "team/a", "team/b": "team/b"}
    assert made["keys"] == {"team/a": ["own"], "team/b": ["own"]}
    assert made["fingerprints"]["team/a"] != made["fingerprints"]["team/b"]
    assert made["problems"] == {}


def test_outputs_of_the_test_win_by_name_and_by_type() -> None:
    answers = Answers(outputs={"iam/role:Role": {"arn": "by type", "id": "an-id"}, "second": {"arn": "by name"}})
    assert answers.new_resource(_asked("aws:iam/role:Role")) == ("an-id", {"arn": "by type"})
    assert answers.new_resource(_asked("aws:iam/role:Role", "second"))[1]["arn"] == "by name"
    assert answers.new_resource(_asked("aws:iam/policy:Policy"))[0] == "it-id"


def test_functions_are_answered() -> None:
    def asked(token: str) -> MockCallArgs:
        return MockCallArgs(token=token, args={}, provider="")

    token = "aws:index/getCallerIdentity:getCallerIdentity"
    assert Answers().call(asked(token))[0]["accountId"] == "123456789012"
    assert Answers(calls={token: {"accountId": "1"}}).call(asked(token))[0] == {"accountId": "1"}
    assert Answers().call(asked("other"))[0] == {}


@pytest.mark.parametrize("preview", [True, False])
def test_outputs_of_both_lanes_are_known(preview: bool) -> None:  # noqa: FBT001 - a case
    def program() -> None:
        synced = SyncedSecret("synced", external_secret(metadata={"uid": ""}), [])
        operator = OperatorExternalSecrets("operator", [external_secret("other", metadata={"uid": ""})], wait=True)
        pulumi.export("target", synced.target)
        pulumi.export("keys", synced.keys)
        pulumi.export("ready", operator.ready)

    recorded = record(program, preview=preview)
    assert recorded.exports == {"target": "team/app", "keys": ["own"], "ready": ["team/other"]}
    assert [each["metadata"]["name"] for each in recorded.objects()] == ["other"]
    assert recorded.objects("Deployment") == []


def test_exports_are_those_of_the_program_that_ran_last() -> None:
    assert record(lambda: pulumi.export("first", pulumi.Output.secret("a"))).exports == {"first": "a"}
    assert record(lambda: pulumi.export("second", 2)).exports == {"second": 2}


@pytest.mark.parametrize("suffix", [":Namespace", ":Secret"], ids=["two", "none"])
def test_the_wrong_number_is_told_with_what_there_is(suffix: str) -> None:
    def program() -> None:
        for name in ("a", "b"):
            kubernetes.core.v1.Namespace(name)

    recorded = record(program)
    assert recorded.one(":Namespace", "b").name == "b"
    with pytest.raises(LookupError, match="kubernetes:core/v1:Namespace a, kubernetes:core/v1:Namespace b"):
        recorded.one(suffix)


def test_what_the_program_raises_is_raised() -> None:
    def program() -> None:
        raise SettingsError("is wrong", place="here")

    with pytest.raises(SettingsError, match="here: is wrong"):
        record(program)


def _project(folder: Path, program: str, **config: Any) -> Path:
    (folder / "__main__.py").write_text(program)
    settings = {"external-secrets:environment": "dev", "external-secrets:manifests": ["m.yaml"], **config}
    (folder / "Pulumi.some.yaml").write_text(json.dumps({"config": settings}))
    return folder


PROGRAM = """
import pulumi
config = pulumi.Config("external-secrets")
pulumi.export("stack", pulumi.get_stack())
pulumi.export("environment", config.get("environment"))
pulumi.export("manifests", config.get_object("manifests"))
pulumi.export("encrypted", config.get("encrypted"))
pulumi.export("given", config.get_secret("given"))
pulumi.export("preview", pulumi.runtime.is_dry_run())
"""


@pytest.mark.parametrize("preview", [True, False])
def test_a_project_is_run_with_its_stack_file(tmp_path: Path, preview: bool) -> None:  # noqa: FBT001 - a case
    folder = _project(tmp_path, PROGRAM, **{"external-secrets:encrypted": {"secure": "v1:x"}})
    secrets = {"external-secrets:given": "a-secret"}
    assert record_project(folder, stack="some", secrets=secrets, preview=preview).exports == {
        "stack": "some",
        "environment": "dev",
        "manifests": ["m.yaml"],
        "encrypted": None,
        "given": "a-secret",
        "preview": preview,
    }
    assert pulumi.Config("external-secrets").get("environment") is None


def test_settings_of_a_stack_file_can_be_changed(tmp_path: Path) -> None:
    folder = _project(tmp_path, "", **{"external-secrets:fingerprintKey": {"secure": "v1:x"}})
    assert stack_settings(folder, "some").sync.default == "operator"
    assert stack_settings(folder, "some", sync={"default": "pulumi"}).sync.default == "pulumi"


@pytest.mark.parametrize("asked", [stack_settings, record_project], ids=["settings", "project"])
def test_a_stack_file_that_is_not_there_is_named(tmp_path: Path, asked: Callable[..., object]) -> None:
    with pytest.raises(SettingsError, match=r"Pulumi\.absent\.yaml"):
        asked(tmp_path, stack="absent")


def test_the_invented_kubeconfig_leads_nowhere(tmp_path: Path) -> None:
    assert ".invalid:" in invented_kubeconfig(tmp_path).read_text()

"""The platform as it registers with the engine: parents, providers, order, protection, secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml

from components.platform import Platform, PlatformArgs
from components.testing import Recorder, record, stack_settings
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from components.testing import Registration

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "value-of-the-sample"


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k"}}],
                "clusters": [
                    {"name": "k", "cluster": {"server": "https://k:6443", "certificate-authority-data": "Q0E="}}
                ],
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:8200")
    return path


def _record(*, preview: bool = False, key: str | None = "k" * 32, **changes: Any) -> Recorder:
    settings = stack_settings(ROOT, **changes)

    def program() -> None:
        Platform(
            "platform",
            PlatformArgs(
                settings=settings,
                sample_secrets=pulumi.Output.secret(json.dumps({"foo": {"my-value": SAMPLE}})),
                fingerprint_key=None if key is None else pulumi.Output.secret(key),
                root=ROOT,
            ),
        )

    return record(program, preview=preview)


@pytest.fixture(params=[True, False], ids=["preview", "update"])
def stack(request: pytest.FixtureRequest) -> Recorder:
    return _record(preview=request.param)


def _names(registrations: list[Registration]) -> set[str]:
    return {each.name for each in registrations}


def _owned(recorder: Recorder, each: Registration) -> bool:
    by_urn = {other.urn: other for other in recorder.registered}
    while each.parent in by_urn:
        each = by_urn[each.parent]
    return each.type == "external-secrets:index:Platform"


def test_everything_belongs_to_the_platform(stack: Recorder) -> None:
    assert [each.urn for each in stack.registered if not _owned(stack, each)] == []


def test_every_object_names_its_provider(stack: Recorder) -> None:
    for token, provider in (("kubernetes:", "::cluster::"), ("vault:", "::vault::")):
        found = [each for each in stack.registered if each.type.startswith(token)]
        assert found
        assert [each.urn for each in found if provider not in each.provider] == []


def test_what_must_exist_before_what(stack: Recorder) -> None:
    store = stack.before(stack.one(":SecretStore"))
    assert {"demo", "externalsecrets.external-secrets.io", "operator", "access-demo-vault-backend-role"} <= store
    external = stack.before(stack.one(":ExternalSecret"))
    synced = stack.before(stack.one(":SyncedSecret"))
    for before in (external, synced):
        assert {"SecretStore-demo-vault-backend", "operator", "vault-sample-foo"} <= before
    deployment = stack.before(stack.one(":Deployment"))
    assert {"demo", "operator-demo", "externalsecrets.external-secrets.io"} <= deployment
    assert "ExternalSecret-demo-vault-example" in stack.before(stack.one(":ReadyExternalSecrets"))


def test_each_declaration_is_in_its_lane_and_only_there(stack: Recorder) -> None:
    assert _names(stack.of_type(":ExternalSecret")) == {"ExternalSecret-demo-vault-example"}
    assert _names(stack.of_type(":SyncedSecret")) == {"demo-vault-example-pulumi"}
    declared = json.loads(stack.one(":SyncedSecret").inputs["declaration"])
    assert (declared["metadata"]["namespace"], declared["metadata"]["name"]) == ("demo", "vault-example-pulumi")


def test_the_store_gets_address_mount_and_role_of_the_stacks_backend(stack: Recorder) -> None:
    vault = stack.one(":SecretStore").inputs["spec"]["provider"]["vault"]
    assert (vault["server"], vault["path"]) == ("http://127.0.0.1:8200", "secret")
    assert vault["auth"]["kubernetes"]["role"] == "demo-vault-backend"
    role = stack.one(":AuthBackendRole").inputs
    assert role["boundServiceAccountNames"] == ["vault-backend"]
    assert role["boundServiceAccountNamespaces"] == ["demo"]
    assert role["tokenMaxTtl"] == 600


def test_fingerprints_and_samples_are_secret_and_later_edits_of_samples_are_left_alone(stack: Recorder) -> None:
    synced = stack.one(":SyncedSecret")
    assert "fingerprint" in synced.secret_outputs
    assert "fingerprint" in synced.secret_inputs
    sample = stack.one(":SecretV2")
    assert "dataJson" in sample.secret_inputs
    assert sample.ignored == ("dataJson",)
    rest = [each for each in stack.registered if each is not sample]
    assert SAMPLE not in json.dumps([each.inputs for each in rest], default=str)


@pytest.mark.parametrize(
    ("environment", "protected", "retained"), [("dev", False, False), ("staging", False, True), ("prod", True, True)]
)
def test_protection_follows_the_environment(environment: str, protected: bool, retained: bool) -> None:  # noqa: FBT001
    recorder = _record(environment=environment)
    assert recorder.one(":Mount").protect is protected
    assert {each.retain for each in recorder.of_type(":CustomResourceDefinition")} == {retained}


def test_without_an_operator_nothing_is_waited_for(stack: Recorder) -> None:
    assert stack.of_type(":ReadyExternalSecrets")
    without = _record(operator={"kind": "none"})
    assert without.of_type(":Deployment") == []
    assert without.of_type(":ReadyExternalSecrets") == []
    assert "annotations" not in without.one(":SecretStore").inputs["metadata"]
    awaited = stack.one(":SecretStore").inputs["metadata"]["annotations"]
    assert awaited["pulumi.com/waitFor"] == "condition=Ready"


def test_the_pulumi_lane_asks_for_its_key() -> None:
    with pytest.raises(SettingsError, match="fingerprintKey"):
        _record(key=None)
    everything = ["demo/vault-example", "demo/vault-example-pulumi"]
    assert _record(key=None, sync={"operator": everything}).of_type(":SyncedSecret") == []


def test_several_controllers_elect_a_leader() -> None:
    (one,) = _record().one(":Deployment").inputs["spec"]["template"]["spec"]["containers"]
    assert "--leader-elect" not in one["args"]
    recorder = _record(operator={"replicas": 2})
    (two,) = recorder.one(":Deployment").inputs["spec"]["template"]["spec"]["containers"]
    assert "--leader-elect" in two["args"]


def test_the_controller_may_take_tokens_of_the_stores_accounts_only(stack: Recorder) -> None:
    rules = [rule for role in stack.of_type(":Role") for rule in role.inputs["rules"]]
    tokens = [rule for rule in rules if "serviceaccounts/token" in rule["resources"]]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in tokens] == [(["vault-backend"], ["create"])]
    every = [rule for role in stack.of_type("Role") for rule in role.inputs.get("rules") or ()]
    assert not [rule for rule in every if "*" in rule["verbs"] or "*" in rule["resources"]]
    cluster_wide = [rule for role in stack.of_type(":ClusterRole") for rule in role.inputs["rules"]]
    assert not [rule for rule in cluster_wide if "secrets" in rule["resources"]]


def test_a_kubeconfig_without_a_context_is_named(kubeconfig: Path) -> None:
    kubeconfig.write_text("{}")
    with pytest.raises(SettingsError) as caught:
        _record()
    assert "KUBECONFIG" in str(caught.value)


def test_in_the_pulumi_lane_messages_have_files_and_lines(stack: Recorder) -> None:
    places = json.loads(stack.one(":SyncedSecret").inputs["places"])["demo/vault-example-pulumi"]
    file, _, line = places["spec.data[0]"].partition(":")
    assert file == "manifests/dev/external-secret.yaml"
    lines = (ROOT / file).read_text().splitlines()
    assert lines[int(line) - 1].strip() == "- secretKey: foobar"
    assert places["spec.data[0].remoteRef.key"] == f"{file}:{int(line) + 2}"
    assert int(places[""].partition(":")[2]) < int(line)
    assert "spec.data[0].secretKey" not in places


@pytest.mark.parametrize(("set_from", "is_set"), [(2, True), (3, False), (0, False)])
def test_many_of_the_pulumi_lane_are_one_resource(set_from: int, is_set: bool) -> None:  # noqa: FBT001 - a case
    recorder = _record(sync={"default": "pulumi", "setFrom": set_from})
    names = {"demo/vault-example", "demo/vault-example-pulumi"}
    if not is_set:
        assert recorder.of_type(":SyncedSecretSet") == []
        assert _names(recorder.of_type(":SyncedSecret")) == {name.replace("/", "-") for name in names}
        gate = recorder.one(":ReadySyncedSecrets")
        assert gate.inputs["total"] == 2
        assert {name.replace("/", "-") for name in names} <= recorder.before(gate)
        assert all(each.inputs["gathered"] for each in recorder.of_type(":SyncedSecret"))
        return
    assert recorder.of_type(":SyncedSecret") == []
    made = recorder.one(":SyncedSecretSet")
    assert set(made.inputs["declarations"]) == set(json.loads(made.inputs["places"])) == names
    assert "fingerprints" in made.secret_inputs
    assert "fingerprints" in made.secret_outputs
    assert "SecretStore-demo-vault-backend" in recorder.before(made)
    assert "synced" in recorder.before(recorder.one(":ReadySyncedSecrets"))


@pytest.mark.parametrize("set_from", [0, 1], ids=["each", "set"])
@pytest.mark.parametrize("preview", [True, False])
def test_workloads_are_restarted_after_what_they_read_was_written_where_the_stack_says_so(
    set_from: int,
    preview: bool,  # noqa: FBT001 - a case
) -> None:
    sync = {"default": "pulumi", "setFrom": set_from}
    assert _record(preview=preview, sync=sync).of_type(":RolledOut") == []
    recorder = _record(preview=preview, sync={**sync, "rollout": True, "rolloutPatienceSeconds": 20})
    made = {each.inputs["secret"]: each for each in recorder.of_type(":RolledOut")}
    targets = {f"demo/{es.get('target', {}).get('name')}" for es in _specs(recorder)}
    assert set(made) == targets
    assert {each.inputs["patienceSeconds"] for each in made.values()} == {20}
    assert len({each.inputs["checksum"] for each in made.values()}) == 2
    for each in made.values():
        assert recorder.before(each) & {"synced-ready", "demo-vault-example", "demo-vault-example-pulumi"}
    for suffix in (":SyncedSecret", ":SyncedSecretSet"):
        assert all(synced.inputs["rollout"] is True for synced in recorder.of_type(suffix))


def _specs(recorder: Recorder) -> list[dict[str, Any]]:
    texts = [each.inputs["declaration"] for each in recorder.of_type(":SyncedSecret")]
    texts += [text for each in recorder.of_type(":SyncedSecretSet") for text in each.inputs["declarations"].values()]
    return [json.loads(text)["spec"] for text in texts]

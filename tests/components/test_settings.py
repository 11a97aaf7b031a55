"""Stack configuration: typed, with every wrong key named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings import PLAIN, SECTIONS, Settings, parse
from secretsync.errors import SettingsError
from tests.components.stack_files import ENVIRONMENTS, ROOT, committed

pytestmark = pytest.mark.unit


def settings(**values: Any) -> Settings:
    return parse({"environment": "dev", "manifests": ["manifests/dev"], **values}, place="Pulumi.test.yaml")


def test_absent_sections_have_their_defaults() -> None:
    made = settings(cluster=None, operator=None)
    assert made.vault is None
    assert made.operator.kind == "builtin"
    assert made.sync.lane("demo", "any") == "operator"


def test_every_wrong_key_is_reported_at_once_with_its_path() -> None:
    with pytest.raises(SettingsError) as caught:
        settings(environment="test", operator={"replicas": 0, "imgae": "x"}, vault={"tokenTtlSeconds": "soon"})
    message = str(caught.value)
    for key in ("environment", "operator.replicas", "operator.imgae", "vault.tokenTtlSeconds"):
        assert f"external-secrets:{key}" in message
    assert message.startswith("Pulumi.test.yaml: ")


def test_a_wrong_value_is_not_repeated_in_the_message() -> None:
    with pytest.raises(SettingsError) as caught:
        settings(vault={"token": "canary-token"})
    assert "canary-token" not in str(caught.value)


def test_an_external_secret_cannot_be_in_both_lanes() -> None:
    with pytest.raises(SettingsError, match="demo/a cannot be in both lanes"):
        settings(sync={"operator": ["demo/a"], "pulumi": ["demo/a", "demo/b"]})


def test_a_listed_lane_goes_before_the_default() -> None:
    made = settings(sync={"default": "pulumi", "operator": ["demo/a"]})
    assert made.sync.lane("demo", "a") == "operator"
    assert made.sync.lane("demo", "b") == "pulumi"


def test_the_vault_address_comes_from_the_setting_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1/")
    assert settings(vault={"address": "https://vault.test/"}).vault_address == "https://vault.test"
    assert settings(vault={}).vault_address == "http://127.0.0.1:1"
    monkeypatch.delenv("VAULT_ADDR")
    with pytest.raises(SettingsError, match="export VAULT_ADDR"):
        _ = settings(vault={}).vault_address


def test_the_kubeconfig_comes_from_the_setting_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/from/environment")
    assert settings().kubeconfig == Path("/from/environment")
    assert settings(cluster={"kubeconfig": "/from/setting"}).kubeconfig == Path("/from/setting")


def test_there_is_a_stack_file_for_each_environment_and_no_other() -> None:
    assert {path.name for path in ROOT.glob("Pulumi.*.yaml")} == {f"Pulumi.{stack}.yaml" for stack in ENVIRONMENTS}


@pytest.mark.parametrize(("stack", "environment"), ENVIRONMENTS.items())
def test_every_stack_file_is_valid_and_holds_known_keys_only(stack: str, environment: str) -> None:
    config = committed(stack)
    assert set(config) <= {*PLAIN, *SECTIONS}
    assert parse(config, place=stack).environment == environment


def test_the_project_declares_only_keys_that_are_settings_and_have_a_value_in_every_stack() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    declared = {name.partition(":")[2]: entry for name, entry in project.items()}
    assert set(declared) <= {*PLAIN, *SECTIONS}
    required = {f"external-secrets:{name}" for name, entry in declared.items() if "default" not in entry}
    for stack in ROOT.glob("Pulumi.*.yaml"):
        config = yaml.safe_load(stack.read_text(encoding="utf-8"))["config"]
        assert required <= set(config), stack.name

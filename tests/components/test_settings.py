"""Stack configuration: typed, with every wrong key named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.settings import Settings, parse
from secretsync.errors import SettingsError

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


def test_what_a_vault_that_exists_already_cannot_have_is_refused() -> None:
    made = settings(vault={"manage": "access", "reviewer": "vault"}).vault
    assert made is not None
    with pytest.raises(SettingsError, match=r"vault\.samples: are for a mount made here"):
        settings(vault={"manage": "access", "samples": ["foo"]})
    with pytest.raises(SettingsError, match=r"vault\.reviewer: is vault, but"):
        settings(vault={"reviewer": "vault"})


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("90s", 90), ("1h30m", 5400)])
def test_the_floor_is_a_go_duration(text: str, seconds: int) -> None:
    assert settings(refreshFloor=text).refresh_floor.total_seconds() == seconds


@pytest.mark.parametrize("text", ["soon", "-1m", "5"])
def test_a_floor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="external-secrets:refreshFloor: "):
        settings(refreshFloor=text)


@pytest.mark.parametrize(
    ("environment", "protect", "holds"),
    [("prod", None, True), ("staging", None, False), ("prod", "false", False), ("dev", "true", True)],
)
def test_protection_is_said_or_follows_the_environment(environment: str, protect: str | None, holds: bool) -> None:  # noqa: FBT001
    assert settings(environment=environment, protect=protect).holds_data is holds

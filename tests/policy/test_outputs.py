"""The rule about a whole stack: outputs and plain configuration hold no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi_policy import PolicyCustomTimeouts, PolicyResource, PolicyResourceOptions, StackValidationArgs
from pulumi_policy.proxy import unknown_checking_proxy

from policies.inputs import UNKNOWN
from policies.rules import no_secret_outputs
from tests.policy.cases_program import GITHUB, RANDOM

pytestmark = pytest.mark.policy

STACK = "urn:pulumi:test::external-secrets::pulumi:pulumi:Stack::external-secrets-test"


def judged(
    outputs: dict[str, Any], *, type_: str = "pulumi:pulumi:Stack", **config: Any
) -> list[tuple[str, str | None]]:
    """Messages and the resources they are about."""
    found: list[tuple[str, str | None]] = []
    options = PolicyResourceOptions(
        protect=False,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=[],
        parent="",
    )
    views = unknown_checking_proxy(outputs)
    resource = PolicyResource(type_, views, STACK, "external-secrets-test", options, None, None, [], {})

    def report(message: str, urn: str | None = None) -> None:
        found.append((message, urn))

    no_secret_outputs.POLICY.validate(StackValidationArgs([resource], config), report)
    return found


@pytest.fixture
def configuration(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the stack's configuration as the engine tells a pack of it."""

    def configure(values: dict[str, str], *hidden: str) -> None:
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
        monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(list(hidden)))

    configure({})
    return configure


@pytest.mark.usefixtures("configuration")
def test_names_and_arns_may_be_exported() -> None:
    role = "arn:aws:iam::111122223333:role/external-secrets/Reader2024AbCdEf"
    assert judged({"targets": {"demo/app": "demo/app"}, "role": role, "later": UNKNOWN}) == []


@pytest.mark.usefixtures("configuration")
def test_an_output_that_looks_like_a_secret_is_told_by_its_name_alone() -> None:
    ((message, urn),) = judged({"targets": {"demo/app": "demo/app"}, "login": {"tokens": ["x", GITHUB]}})
    assert "the output login.tokens[1] looks like a GitHub token" in message
    assert "export a name or an ARN" in message
    assert GITHUB not in message
    assert urn == STACK


@pytest.mark.usefixtures("configuration")
def test_an_output_beside_an_unknown_one_is_judged() -> None:
    assert len(judged({"later": UNKNOWN, "seed": RANDOM})) == 1


@pytest.mark.usefixtures("configuration")
def test_outputs_of_other_resources_are_the_business_of_other_rules() -> None:
    assert judged({"token": GITHUB}, type_="random:index/randomPassword:RandomPassword") == []


@pytest.mark.usefixtures("configuration")
def test_an_output_on_the_list_is_let_through() -> None:
    assert judged({"seed": RANDOM}, ignored=["seed"]) == []
    assert len(judged({"seed": RANDOM}, ignored=["other"])) == 1


def test_plain_configuration_that_looks_like_a_secret_is_told(configuration: Any) -> None:
    configuration({"external-secrets:token": GITHUB, "external-secrets:environment": "dev"})
    ((message, urn),) = judged({})
    assert "the configuration external-secrets:token looks like a GitHub token and is plain" in message
    assert "pulumi config set --secret external-secrets:token" in message
    assert GITHUB not in message
    assert urn is None


def test_secret_configuration_is_where_a_secret_belongs(configuration: Any) -> None:
    configuration({"external-secrets:token": GITHUB}, "external-secrets:token")
    assert judged({}) == []


def test_configuration_on_the_list_is_let_through(configuration: Any) -> None:
    configuration({"external-secrets:seed": RANDOM})
    assert judged({}, ignored=["external-secrets:seed"]) == []

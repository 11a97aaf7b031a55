"""Every rule: what it lets pass, each way to break it, and what it says of itself."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it ships no types
from pulumi_policy import Policy, ResourceValidationPolicy, Severity, StackValidationPolicy

from policies import rules
from tests.policy.cases import CASES
from tests.policy.resources import Broken, Given, violations

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.policy

MODULES = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
BY_NAME: dict[str, ResourceValidationPolicy] = {
    policy.name: policy for policy in rules.POLICIES if isinstance(policy, ResourceValidationPolicy)
}


def _compliant() -> Iterator[Any]:
    for name, cases in CASES.items():
        for index, given in enumerate(cases.compliant):
            yield pytest.param(name, given, id=f"{name}-{index}")


def _broken() -> Iterator[Any]:
    for name, cases in CASES.items():
        for each in cases.broken:
            yield pytest.param(name, each, id=f"{name}-{each.how}")


def test_there_are_cases_of_every_rule_about_resources_and_of_no_other() -> None:
    assert set(CASES) == set(BY_NAME)
    assert len(rules.POLICIES) - len(CASES) == 1, "rules about the stack have test modules of their own"


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_rule_has_both_kinds_of_cases_and_each_once(name: str) -> None:
    ways = [each.how for each in CASES[name].broken]
    assert CASES[name].compliant
    assert ways
    assert len(set(ways)) == len(ways)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_one_rule_of_its_name_which_describes_itself(module: str) -> None:
    policy: Policy = importlib.import_module(f"policies.rules.{module}").POLICY
    assert policy.name == module.replace("_", "-")
    assert policy in rules.POLICIES
    assert policy.description.endswith(".")
    assert len(policy.description) > len(policy.name)
    assert isinstance(policy.severity, Severity)
    assert policy.remediation_steps
    assert policy.remediation_steps.endswith(".")
    assert isinstance(policy, ResourceValidationPolicy | StackValidationPolicy)


@pytest.mark.parametrize("policy", rules.POLICIES, ids=lambda policy: policy.name)
def test_a_schema_is_one_and_admits_the_defaults_and_the_cases(policy: Policy) -> None:
    properties = policy.config_schema.properties if policy.config_schema is not None else {}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema)
    assert validator.is_valid({name: each["default"] for name, each in properties.items()})
    assert all(each["description"] for each in properties.values())
    cases = CASES.get(policy.name)
    for config in [each.config for each in cases.compliant] if cases is not None else []:
        assert validator.is_valid(dict(config)), config


@pytest.mark.parametrize(("name", "given"), list(_compliant()))
def test_what_complies_passes(name: str, given: Given) -> None:
    assert violations(BY_NAME[name], given) == []


@pytest.mark.parametrize(("name", "each"), list(_broken()))
def test_each_way_to_break_a_rule_gives_one_message_with_the_fix(name: str, each: Broken) -> None:
    (message,) = violations(BY_NAME[name], each.given)
    for words in each.says:
        assert words in message


@pytest.mark.parametrize("policy", BY_NAME.values(), ids=BY_NAME)
def test_a_rule_looks_at_no_resource_of_another_package(policy: ResourceValidationPolicy) -> None:
    assert violations(policy, Given("random:index/randomPassword:RandomPassword", {"length": 3})) == []

"""The configuration files of the environments, against the rules they speak of and the stacks they are for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it ships no types
from pulumi_policy import EnforcementLevel

from policies import configuration, reference
from policies.rules import POLICIES

pytestmark = pytest.mark.policy

ROOT = Path(__file__).parents[2]
BY_NAME = {policy.name: policy for policy in POLICIES}
FILES = {name: configuration.read(configuration.path(name).read_text("utf-8")) for name in configuration.ENVIRONMENTS}
STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))


def stack_setting(file: Path, name: str) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))["config"].get(f"external-secrets:{name}")


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_every_stack_has_a_file(file: Path) -> None:
    assert configuration.path(stack_setting(file, "environment")).is_file()


def test_there_is_no_file_of_no_environment() -> None:
    folder = configuration.path("dev").parent
    assert sorted(file.stem for file in folder.iterdir()) == sorted(configuration.ENVIRONMENTS)


@pytest.mark.parametrize("environment", configuration.ENVIRONMENTS)
def test_a_file_speaks_of_rules_and_parameters_that_there_are(environment: str) -> None:
    assert FILES[environment].rules <= set(BY_NAME)
    for name, given in FILES[environment].parameters.items():
        schema = BY_NAME[name].config_schema
        properties = schema.properties if schema is not None else {}
        validator = Draft7Validator({"type": "object", "properties": properties, "additionalProperties": False})
        assert [error.message for error in validator.iter_errors(given)] == [], name


@pytest.mark.parametrize("environment", configuration.ENVIRONMENTS)
def test_a_parameter_in_a_file_differs_from_the_default(environment: str) -> None:
    for name, given in FILES[environment].parameters.items():
        schema = BY_NAME[name].config_schema
        assert schema is not None
        assert [key for key, value in given.items() if schema.properties[key]["default"] == value] == [], name


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_roles_carry_the_boundary_that_the_stack_gives_them(environment: str) -> None:
    stack = stack_setting(ROOT / f"Pulumi.{environment}.yaml", "aws")
    assert FILES[environment].parameters["role-permission-boundary"]["boundary"] == stack["permissionsBoundary"]


def test_production_lets_nothing_through_but_surprises() -> None:
    levels = {name: FILES["prod"].level(policy) for name, policy in BY_NAME.items()}
    assert {name for name, level in levels.items() if level is not EnforcementLevel.MANDATORY} == {
        "declarations-surprising"
    }


def test_each_environment_is_at_least_as_strict_as_the_one_before() -> None:
    order = [EnforcementLevel.DISABLED, EnforcementLevel.ADVISORY, EnforcementLevel.MANDATORY]
    for name, policy in BY_NAME.items():
        levels = [order.index(FILES[environment].level(policy)) for environment in configuration.ENVIRONMENTS]
        assert levels == sorted(levels), name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({}, EnforcementLevel.MANDATORY),
        ({"all": "advisory"}, EnforcementLevel.ADVISORY),
        ({"all": {"enforcementLevel": "advisory"}}, EnforcementLevel.ADVISORY),
        ({"all": "advisory", "explicit-provider": "disabled"}, EnforcementLevel.DISABLED),
        ({"all": "disabled", "explicit-provider": {"enforcementLevel": "mandatory"}}, EnforcementLevel.MANDATORY),
    ],
)
def test_levels_are_read_as_the_engine_reads_them(text: dict[str, Any], expected: EnforcementLevel) -> None:
    assert configuration.read(json.dumps(text)).level(BY_NAME["explicit-provider"]) is expected


def test_all_is_stronger_than_a_level_of_the_rule_s_own() -> None:
    policy = BY_NAME["declarations-surprising"]
    assert configuration.read("{}").level(policy) is EnforcementLevel.ADVISORY
    assert configuration.read('{"all": "mandatory"}').level(policy) is EnforcementLevel.MANDATORY


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="obligatory"):
        configuration.read('{"explicit-provider": "obligatory"}')


def test_the_reference_is_the_one_in_the_docs() -> None:
    written = (ROOT / "docs" / "policies.md").read_text("utf-8")
    assert written == reference.page(), "run python -m policies.reference > docs/policies.md"

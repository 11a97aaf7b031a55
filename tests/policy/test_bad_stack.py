"""The real engine, the pack, and a stack that breaks every rule: all of them are named, and no value is."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policies import configuration
from policies.rules import POLICIES

if TYPE_CHECKING:
    from tests.fixtures.engine import PulumiEnvironment

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
STACK = Path(__file__).with_name("bad_stack")
CANARY = "CAESIJx7Yk2Qw9Zr4Tn8Lm3P"
NOBODY = {"VAULT_ADDR": "http://127.0.0.1:9", "VAULT_TOKEN": "none"}
"""For the engine's own provider, which a preview never asks."""
_VIOLATION = re.compile(r"^ *- \[(mandatory|advisory)\].*\]  ([a-z-]+)  \(", re.MULTILINE)
PARAMETERS = {"tenant-key-prefixes": {"prefixes": {"team": ["team/"]}}}


@pytest.fixture
def project(pulumi_environment: PulumiEnvironment, tmp_path: Path) -> Path:
    """A copy of the stack's program, with the canary in its configuration."""
    folder = tmp_path / "bad_stack"
    shutil.copytree(STACK, folder)
    pulumi_environment.run("stack", "init", "bad", folder=folder)
    pulumi_environment.run("config", "set", "canary", CANARY, folder=folder)
    return folder


def parameters(environment: str, folder: Path, **more: Any) -> Path:
    """The file of an environment, with more in it."""
    document = json.loads(configuration.path(environment).read_text("utf-8"))
    file = folder / "parameters.json"
    file.write_text(json.dumps({**document, **PARAMETERS, **more}))
    return file


def judged(engine: PulumiEnvironment, project: Path, file: Path) -> tuple[dict[str, set[str]], str, int]:
    """Names of rules by level, everything that was printed, and the exit status."""
    # The engine shows plain outputs itself.
    arguments = ("--suppress-outputs", "--policy-pack", str(ROOT / "policies"), "--policy-pack-config", str(file))
    done = engine.run("preview", *arguments, folder=project, check=False, extra=NOBODY)
    output = done.stdout + done.stderr
    levels: dict[str, set[str]] = {}
    for level, name in _VIOLATION.findall(output):
        levels.setdefault(level, set()).add(name)
    return levels, output, done.returncode


def told(output: str) -> list[str]:
    """Forms of the canary that were printed."""
    return [form for form in (CANARY, base64.b64encode(CANARY.encode()).decode()) if form in output]


def test_every_rule_is_broken_by_name_and_no_value_is_told(
    pulumi_environment: PulumiEnvironment, project: Path, tmp_path: Path
) -> None:
    levels, output, status = judged(pulumi_environment, project, parameters("prod", tmp_path))
    names = {policy.name for policy in POLICIES}
    assert levels == {"mandatory": names - {"declarations-surprising"}, "advisory": {"declarations-surprising"}}
    assert status != 0
    assert told(output) == []
    assert "the output token looks like a Vault token" in output
    assert "the configuration bad-stack:canary looks like a random text" in output
    assert "Traceback" not in output


def test_the_file_of_an_environment_says_which_rules_count(
    pulumi_environment: PulumiEnvironment, project: Path, tmp_path: Path
) -> None:
    levels, output, status = judged(pulumi_environment, project, parameters("dev", tmp_path))
    advisory = {"declarations-surprising", "static-store-credentials"}
    not_asked = {
        "customer-managed-key",
        "data-holders-protected",
        "images-pinned",
        "mandatory-tags",
        "role-permission-boundary",
        "secret-recovery-window",
        "store-provider-allow-list",
    }
    assert levels == {
        "mandatory": {policy.name for policy in POLICIES} - advisory - not_asked,
        "advisory": advisory,
    }
    assert status != 0
    assert told(output) == []


def test_parameters_that_do_not_fit_are_refused_by_the_engine(
    pulumi_environment: PulumiEnvironment, project: Path, tmp_path: Path
) -> None:
    wrong = {"refresh-interval-floor": {"minimumSeconds": "soon"}}
    levels, output, status = judged(pulumi_environment, project, parameters("dev", tmp_path, **wrong))
    assert status != 0
    assert levels == {}
    assert "minimumSeconds" in output

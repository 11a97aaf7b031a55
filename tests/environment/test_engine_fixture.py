"""The engine that tests are given runs a program, offline, with secrets encrypted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.engine import PulumiEnvironment

pytestmark = pytest.mark.engine


def test_a_program_goes_up_and_its_secret_is_not_in_the_state(
    pulumi_environment: PulumiEnvironment, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (project / "__main__.py").write_text(
        "import pulumi\npulumi.export('hidden', pulumi.Output.secret('canary-' + pulumi.get_stack()))\n"
    )
    pulumi_environment.run("stack", "init", "test", folder=project)
    pulumi_environment.run("up", "--yes", "--skip-preview", folder=project)
    shown = pulumi_environment.run("stack", "output", "--json", "--show-secrets", folder=project)
    assert json.loads(shown.stdout) == {"hidden": "canary-test"}
    state = b"".join(path.read_bytes() for path in pulumi_environment.layout.pulumi_state.rglob("*") if path.is_file())
    assert b"hidden" in state
    assert b"canary-test" not in state

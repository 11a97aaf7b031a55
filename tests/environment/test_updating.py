"""What one update tells its user, from the events of the engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from local.commands import updating
from local.commands.stack import Engine, StackError, ensure_passphrase
from local.errors import LocalError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.engine import PulumiEnvironment

URN = "urn:pulumi:dev::external-secrets::platform:Platform$kubernetes:core/v1:Namespace::demo"


def _take(*events: object) -> tuple[updating.Update, list[str]]:
    update = updating.Update()
    told: list[str] = []
    for event in events:
        updating.take(event if isinstance(event, str) else json.dumps(event), update, told.append)
    return update, told


@pytest.mark.unit
def test_only_resources_that_change_are_told() -> None:
    _, told = _take(
        {"resOutputsEvent": {"metadata": {"op": "create", "urn": URN}}},
        {"resOutputsEvent": {"metadata": {"op": "same", "urn": URN}}},
        {"resOpFailedEvent": {"metadata": {"op": "update", "urn": URN}}},
        {"resourcePreEvent": {"metadata": {"op": "create", "urn": URN}}},
    )
    assert told == ["kubernetes:core/v1:Namespace demo created", "kubernetes:core/v1:Namespace demo failed"]


@pytest.mark.unit
def test_diagnoses_lose_their_colour_tags_and_go_where_they_belong() -> None:
    update, told = _take(
        {"diagnosticEvent": {"severity": "error", "message": "<{%fg 1%}>no such mount<{%reset%}>\n", "urn": URN}},
        {"diagnosticEvent": {"severity": "warning", "message": "old"}},
        {"diagnosticEvent": {"severity": "info", "message": "printed"}},
        {"diagnosticEvent": {"severity": "info", "message": "0 of 1 ready", "ephemeral": True, "urn": URN}},
        {"diagnosticEvent": {"severity": "info", "message": "0 of 1 ready", "ephemeral": True, "urn": URN}},
        {"diagnosticEvent": {"severity": "info", "message": "blinking", "ephemeral": True, "urn": URN}},
        {"diagnosticEvent": {"severity": "debug", "message": "noise"}},
        "plain text\n",
        "\n",
    )
    assert update.problems == ["kubernetes:core/v1:Namespace demo: no such mount"]
    assert told == ["warning: old", "printed", "kubernetes:core/v1:Namespace demo: 0 of 1 ready", "plain text"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "unchanged", "text"),
    [
        ({"same": 30}, True, "30 resources unchanged"),
        ({"same": 2, "create": 3, "delete": 1}, False, "3 created, 1 deleted, 2 unchanged"),
        ({}, True, "0 resources unchanged"),
    ],
)
def test_the_summary_counts_by_operation(changes: dict[str, int], unchanged: bool, text: str) -> None:  # noqa: FBT001
    update, _ = _take({"summaryEvent": {"resourceChanges": changes}})
    assert update.unchanged is unchanged
    assert str(update) == text


def _engine(environment: PulumiEnvironment, project: Path, program: str) -> Engine:
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (project / "Pulumi.dev.yaml").write_text("config: {}\n")
    (project / "__main__.py").write_text(program)
    environment.layout.passphrase.unlink(missing_ok=True)
    ensure_passphrase(environment.layout)
    return Engine(environment.home.engine, environment.variables, environment.layout, project)


@pytest.mark.engine
def test_a_stack_is_made_once_and_the_second_update_is_unchanged(
    pulumi_environment: PulumiEnvironment, tmp_path: Path
) -> None:
    program = (
        "import pulumi\nclass Piece(pulumi.ComponentResource):\n"
        "    def __init__(self, name):\n        super().__init__('test:Piece', name)\n"
        "        self.register_outputs({})\n"
        "Piece('one')\npulumi.Config('external-secrets').require_secret('fingerprintKey')\nprint('hello')\n"
    )
    engine = _engine(pulumi_environment, tmp_path / "project", program)
    assert engine.prepare_stack() is True
    assert engine.prepare_stack() is False
    told: list[str] = []
    first = updating.run(engine, told.append)
    assert first.changes["create"] == 2
    assert "test:Piece one created" in told
    assert "hello" in told
    assert updating.run(engine, lambda _line: None).unchanged
    assert (engine.project / "Pulumi.dev.yaml").read_text() == "config: {}\n"
    assert list(engine.project.glob("Pulumi.*")) != []


@pytest.mark.engine
def test_a_program_that_fails_is_quoted(pulumi_environment: PulumiEnvironment, tmp_path: Path) -> None:
    engine = _engine(pulumi_environment, tmp_path / "project", "raise RuntimeError('the manifest is wrong')\n")
    engine.prepare_stack()
    with pytest.raises(StackError, match="the manifest is wrong") as caught:
        updating.run(engine, lambda _line: None)
    assert "make up" in str(caught.value)


@pytest.mark.engine
def test_a_lock_of_a_killed_run_does_not_stop_the_next(pulumi_environment: PulumiEnvironment, tmp_path: Path) -> None:
    engine = _engine(pulumi_environment, tmp_path / "project", "")
    engine.prepare_stack()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    locks = engine.layout.pulumi_state / ".pulumi" / "locks" / "organization" / "small" / "dev"
    locks.mkdir(parents=True, exist_ok=True)
    for name, pid in (("dead", child.pid), ("alive", os.getpid())):
        (locks / f"{name}.json").write_text(json.dumps({"pid": pid, "username": "u", "hostname": "h"}))
    engine.prepare_stack()
    assert [path.name for path in locks.iterdir()] == ["alive.json"]
    (locks / "alive.json").unlink()
    updating.run(engine, lambda _line: None)


@pytest.mark.engine
def test_an_interrupt_lets_the_engine_write_its_state_down(
    pulumi_environment: PulumiEnvironment, tmp_path: Path
) -> None:
    program = "import time\nprint('running', flush=True)\ntime.sleep(120)\n"
    engine = _engine(pulumi_environment, tmp_path / "project", program)
    engine.prepare_stack()

    def interrupt(line: str) -> None:
        if line == "running":
            threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        updating.run(engine, interrupt)
    assert time.monotonic() - begun < 60
    (engine.project / "__main__.py").write_text("")
    assert updating.run(engine, lambda _line: None).problems == []


@pytest.mark.engine
def test_what_pulumi_refuses_does_not_quote_the_secret(pulumi_environment: PulumiEnvironment, tmp_path: Path) -> None:
    engine = _engine(pulumi_environment, tmp_path / "project", "")
    with pytest.raises(LocalError) as caught:
        engine._run("config", "set", "--secret", "not:a:key:at:all", "--stack", "dev", given="hush", place="x")
    assert "hush" not in str(caught.value)

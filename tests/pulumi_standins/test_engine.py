"""The official engine with the stand-ins: one program's whole life."""

from __future__ import annotations

import base64
import http
import json
import os
import re
import signal
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.pulumi_standins.engine import Stack, make_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.engine

CANARY = "canary-90c1d2-password"


@pytest.fixture(scope="module")
def suffix() -> str:
    return f"e{uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module")
def stack(
    control_plane: ControlPlane, openbao: OpenBaoServer, tmp_path_factory: pytest.TempPathFactory, suffix: str
) -> Iterator[Stack]:
    configuration = {"suffix": suffix, "kubeconfig": str(control_plane.kubeconfig), "address": openbao.address}
    made = make_stack(tmp_path_factory.mktemp("engine"), configuration, {"password": CANARY, "token": openbao.token})
    try:
        yield made
    finally:
        made.run("destroy", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    stack.seconds["up"] = stack.succeed("up", "--yes", "--skip-preview").seconds
    return stack


def forms(text: str) -> list[str]:
    return [
        text,
        base64.b64encode(text.encode()).decode(),
        base64.b64encode(json.dumps({"password": text}).encode()).decode(),
    ]


def test_a_preview_of_nothing_yet_shows_everything_and_no_value(stack: Stack) -> None:
    shown = stack.succeed("preview", "--diff").output
    for type_ in ("kubernetes:core/v1:Secret", "vault:kv/secretV2:SecretV2", "pulumi-python:dynamic/tests:Note"):
        assert type_ in shown
    assert not [form for form in forms(CANARY) if form in shown]


def test_a_second_up_and_a_refresh_change_nothing(deployed: Stack) -> None:
    again = deployed.succeed("up", "--yes", "--skip-preview")
    assert re.search(r"^    \d+ unchanged$", again.output, re.MULTILINE), again.output
    assert not re.search(r"created|updated|replaced|deleted", again.output.split("Resources:")[1])
    refreshed = deployed.succeed("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert "unchanged" in refreshed.output
    deployed.seconds.update(unchanged=again.seconds, refresh=refreshed.seconds)


def test_no_value_stands_in_the_state(deployed: Stack) -> None:
    state = json.dumps(deployed.export())
    files = [path.read_text(errors="replace") for path in deployed.directory.parent.rglob("*.json")]
    assert "ciphertext" in state
    assert not [form for form in forms(CANARY) for text in [state, *files] if form in text]


def test_the_engine_keeps_no_log_of_its_own(deployed: Stack) -> None:
    assert (deployed.home.path / "logs").is_file()
    assert not list(deployed.home.path.rglob("*.log"))


def test_nothing_warns_of_plugins_and_nothing_reaches_for_the_network(deployed: Stack) -> None:
    shown = deployed.succeed("preview").output
    assert "warning" not in shown.lower()
    assert deployed.succeed("stack", "output", "note").output.strip().startswith("kv-")


def test_a_hand_s_edit_is_shown_and_repaired(deployed: Stack, control_plane: ControlPlane, suffix: str) -> None:
    path = f"/api/v1/namespaces/team-{suffix}/configmaps/settings-0"
    live = control_plane.request("GET", path).document()
    live["metadata"].pop("managedFields")
    live["metadata"]["labels"] = {"added": "by-hand"}
    live["data"] = {"k": "edited"}
    edited = control_plane.request("PUT", path, live)
    assert edited.status == http.HTTPStatus.OK, edited.body
    drift = deployed.run("refresh", "--yes", "--skip-preview", "--diff")
    assert "edited" in drift.output
    repaired = deployed.succeed("up", "--yes", "--skip-preview")
    assert re.search(r"1 (updated|replaced)", repaired.output), repaired.output
    assert control_plane.request("GET", path).document()["data"] == {"k": "v"}


def test_a_policy_pack_judges_with_the_stack_s_configuration(deployed: Stack) -> None:
    fine = deployed.succeed("preview", "--policy-pack", "policy_pack")
    assert "tests" in fine.output
    deployed.succeed("config", "set", "allowed", "0")
    try:
        blocked = deployed.run("preview", "--policy-pack", "policy_pack")
    finally:
        deployed.succeed("config", "rm", "allowed")
    assert blocked.code != 0
    assert "no ConfigMap is allowed in the stack dev" in blocked.output
    deployed.seconds["preview with a policy pack"] = fine.seconds


def test_an_interrupted_program_ends_at_once_and_quietly(deployed: Stack) -> None:
    deployed.succeed("config", "set", "slow", "true")
    process = deployed.start("up", "--yes", "--skip-preview")
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "sleeping" in line:
                break
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        seconds = time.monotonic() - began
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        deployed.succeed("config", "rm", "slow")
    assert process.returncode != 0
    assert "Traceback" not in output
    assert seconds < 5, "no plugin had to be killed"
    deployed.succeed("up", "--yes", "--skip-preview")


def test_a_failing_program_shows_its_traceback_once(deployed: Stack) -> None:
    program = deployed.directory / "__main__.py"
    text = program.read_text()
    program.write_text("raise ValueError('what the program says')\n")
    try:
        failed = deployed.run("preview")
    finally:
        program.write_text(text)
    assert failed.code != 0
    assert failed.output.count("ValueError: what the program says") == 1
    assert "non-zero exit code" not in failed.output


def test_destroy_leaves_nothing(deployed: Stack, control_plane: ControlPlane, suffix: str) -> None:
    destroyed = deployed.succeed("destroy", "--yes", "--skip-preview")
    deployed.seconds["destroy"] = destroyed.seconds
    assert deployed.export()["deployment"].get("resources") is None
    gone = f"/api/v1/namespaces/team-{suffix}"
    assert control_plane.request("GET", gone).status == http.HTTPStatus.NOT_FOUND
    print({step: round(seconds, 1) for step, seconds in deployed.seconds.items()})  # noqa: T201 - pytest shows it on demand


def test_the_user_s_own_pulumi_home_is_not_made(deployed: Stack) -> None:
    assert not (deployed.directory.parent / "no-home").exists()

"""The pulumi lane under the engine: killed while it writes and while it removes, and started twice at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local.environment import api_server, certificates
from local.layout import PROJECT
from tests.dynamic.programs import CANARY, KEY, Program
from tests.faults.gate import Fault, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.engine import PulumiEnvironment
    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.faults

PROGRAM = """
import json
import pathlib

from components.dynamic.synced_secret import SyncedSecret
from components.dynamic.synced_secret_set import SyncedSecretSet
from secretsync.api import parse

declared = json.loads(pathlib.Path("declared.json").read_text())
external_secret, stores = parse(declared["externalSecret"]), [parse(store) for store in declared["stores"]]
if declared["kind"] == "SyncedSecret":
    SyncedSecret("app", external_secret, stores)
else:
    SyncedSecretSet("app", [external_secret], stores)
"""


class Stack:
    """A project with one ExternalSecret, by itself or as a set, and the engine that runs it."""

    def __init__(
        self, environment: PulumiEnvironment, folder: Path, program: Program, kubeconfig: Path, kind: str
    ) -> None:
        self._environment, self._folder = environment, folder
        self._extra = {"PYTHONPATH": str(PROJECT), "KUBECONFIG": str(kubeconfig)}
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        inputs = program.inputs()
        declared = {
            "externalSecret": json.loads(inputs["declaration"]),
            "stores": json.loads(inputs["stores"]),
            "kind": kind,
        }
        (folder / "declared.json").write_text(json.dumps(declared))
        self.run("stack", "init", "test")
        self.run("config", "set", "--secret", "external-secrets:fingerprintKey", KEY)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return self._environment.run(*arguments, folder=self._folder, check=check, extra=self._extra)

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command under way; at the end it is killed with all that it started, as a power cut does."""
        engine = subprocess.Popen(
            [str(self._environment.home.engine), *arguments, "--non-interactive"],
            cwd=self._folder,
            env={**self._environment.variables, **self._extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield engine
        finally:
            for pid in [engine.pid, *_descendants(engine.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            engine.wait()
        self.run("cancel", "--yes")

    def resources(self) -> list[str]:
        """Types in the state."""
        deployment: dict[str, Any] = json.loads(self.run("stack", "export").stdout)["deployment"]
        return [each["type"].rpartition(":")[2] for each in deployment.get("resources") or ()]


def _descendants(pid: int) -> list[int]:
    """All processes below one, as Linux tells them."""
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, listed.read_text().split()):
            found += [child, *_descendants(child)]
    return found


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[Gate]:
    tls = api_server.tls_context(certificates.at(control_plane.environment.layout.pki))
    with Gate(control_plane.address, tls=tls) as gate:
        yield gate


@pytest.fixture
def program(control_plane: ControlPlane, openbao: OpenBaoServer, namespace: str) -> Program:
    return Program(control_plane, namespace, openbao)


@pytest.fixture(params=["SyncedSecret", "SyncedSecretSet"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stack(pulumi_environment: PulumiEnvironment, program: Program, cluster: Gate, kind: str, tmp_path: Path) -> Stack:
    kubeconfig = tmp_path / "kubeconfig"
    document = yaml.safe_load(program.plane.kubeconfig.read_text())
    document["clusters"][0]["cluster"] = {"server": cluster.address}
    kubeconfig.write_text(yaml.safe_dump(document))
    return Stack(pulumi_environment, tmp_path / "project", program, kubeconfig, kind)


def test_ctrl_c_lets_a_write_under_way_end_and_the_next_update_finds_it_done(
    stack: Stack, program: Program, cluster: Gate
) -> None:
    cluster.close_for(Fault.Held, "POST", containing="/secrets")
    with stack.started("up", "--yes", "--skip-preview") as engine:
        assert cluster.held.wait(60)
        engine.send_signal(signal.SIGINT)
        cluster.open()
        assert engine.wait(60) != 0
    assert program.live() == CANARY
    written = (program.secret() or {})["metadata"]
    stack.run("up", "--yes", "--skip-preview")
    assert (program.secret() or {})["metadata"] == written
    stack.run("preview", "--expect-no-changes")


def test_whatever_kills_the_engine_the_same_command_goes_on_and_two_at_once_are_refused(
    stack: Stack, program: Program, cluster: Gate, kind: str
) -> None:
    cluster.close_for(Fault.Held, "POST", containing="/secrets")
    with stack.started("up", "--yes", "--skip-preview"):
        assert cluster.held.wait(60)
        second = stack.run("up", "--yes", "--skip-preview", check=False)
    assert second.returncode != 0
    assert "locked" in second.stdout + second.stderr
    written = (program.secret() or {})["metadata"]
    assert kind not in stack.resources()

    cluster.open()
    stack.run("up", "--yes", "--skip-preview")
    assert program.live() == CANARY
    assert (program.secret() or {})["metadata"] == written
    assert kind in stack.resources()
    stack.run("preview", "--expect-no-changes")

    program.rotate(f"{CANARY}-2")
    cluster.close_for(Fault.Held, "PUT", containing="/secrets")
    with stack.started("up", "--yes", "--skip-preview"):
        assert cluster.held.wait(60)
    assert program.live() == f"{CANARY}-2"
    cluster.open()
    stack.run("up", "--yes", "--skip-preview")
    assert program.live() == f"{CANARY}-2"
    stack.run("preview", "--expect-no-changes")

    cluster.close_for(Fault.Held, "DELETE", containing="/secrets")
    with stack.started("destroy", "--yes", "--skip-preview"):
        assert cluster.held.wait(60)
    assert program.secret() is None
    assert kind in stack.resources()

    cluster.open()
    stack.run("destroy", "--yes", "--skip-preview")
    assert stack.resources() == []

"""Real parts are started, stopped, broken and mended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from local.environment import Environment, api_server, certificates, processes
from local.environment import ports as loopback
from local.environment.parts import API_SERVER, CONTROLLER_MANAGER, ETCD, OPENBAO, ask
from local.environment.run_state import PartRecord, RunState
from local.errors import PartCrashed, PartError, PortTaken

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.local_parts import MakeEnvironment

pytestmark = pytest.mark.e2e

_CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def _state(environment: Environment) -> RunState:
    return RunState.read(environment.layout.run_state)


def _pids(environment: Environment) -> dict[str, int]:
    return {name: part.process.pid for name, part in _state(environment).parts.items()}


def _kill(environment: Environment, part: str) -> None:
    process = _state(environment).parts[part].process
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process.alive and time.monotonic() < deadline:
        time.sleep(0.01)


def _left_running(environment: Environment) -> list[str]:
    return [name for name in environment.parts if processes.marked(f"{environment.layout.root}:{name}")]


def _kube(environment: Environment, method: str, path: str, payload: dict[str, Any] | None = None) -> int:
    tls = api_server.tls_context(certificates.at(environment.layout.pki))
    return ask(environment.api_server + path, tls=tls, method=method, payload=payload, seconds=30).status


def test_a_stopped_environment_leaves_nothing_running_and_finds_its_data_again(
    new_environment: MakeEnvironment,
) -> None:
    environment = new_environment(CONTROLLER_MANAGER, OPENBAO, durable=True)
    assert set(environment.start()) == {ETCD, API_SERVER, CONTROLLER_MANAGER, OPENBAO}
    assert _kube(environment, "POST", _CONFIG_MAPS, {"metadata": {"name": "kept"}}) == 201
    secret = {"metadata": {"name": "hidden"}, "stringData": {"key": "plain-canary-in-etcd"}}
    assert _kube(environment, "POST", "/api/v1/namespaces/default/secrets", secret) == 201
    token, kubeconfig = environment.openbao_token, environment.layout.kubeconfig.read_bytes()

    assert set(environment.stop()) == {ETCD, API_SERVER, CONTROLLER_MANAGER, OPENBAO}
    assert _left_running(environment) == []
    assert {part.state for part in environment.status()} == {"stopped"}
    stored = b"".join(path.read_bytes() for path in environment.layout.etcd_data.rglob("*") if path.is_file())
    assert b"/registry/secrets/default/hidden" in stored
    assert b"plain-canary-in-etcd" not in stored

    environment.start()
    assert _kube(environment, "GET", f"{_CONFIG_MAPS}/kept") == 200
    assert _kube(environment, "GET", "/api/v1/namespaces/default/secrets/hidden") == 200
    assert environment.openbao_token == token
    assert environment.layout.kubeconfig.read_bytes() == kubeconfig
    assert ask(f"{environment.openbao}/v1/sys/health").document()["sealed"] is False
    assert environment.layout.openbao_audit.stat().st_mode & 0o077 == 0


def test_a_second_start_reuses_what_runs(new_environment: MakeEnvironment) -> None:
    environment = new_environment(OPENBAO)
    environment.start()
    before = _pids(environment)
    assert new_environment(OPENBAO, root=environment.layout.root).start() == ()
    assert _pids(environment) == before
    assert environment.stop() == (OPENBAO,)
    assert environment.stop() == ()


def test_a_part_that_was_killed_is_named_with_its_log_and_started_again_alone(new_environment: MakeEnvironment) -> None:
    environment = new_environment(ETCD, OPENBAO)
    environment.start()
    before = _pids(environment)
    _kill(environment, OPENBAO)
    with pytest.raises(PartCrashed, match=r"(?s)^openbao: .*OpenBao server started"):
        environment.check()
    states = {part.name: part.state for part in environment.status()}
    assert states == {ETCD: "ready", OPENBAO: "crashed"}
    assert environment.start() == (OPENBAO,)
    assert _pids(environment)[ETCD] == before[ETCD]
    environment.check()


def test_a_part_that_cannot_start_is_named_with_the_end_of_its_log(new_environment: MakeEnvironment) -> None:
    environment = new_environment(ETCD)
    environment.layout.prepare()
    (environment.layout.etcd_data / "member").write_text("no folder")
    with pytest.raises(PartCrashed, match=r"(?s)^etcd: .*exit code \d.*member") as caught:
        environment.start()
    assert str(environment.layout.log(ETCD)) in str(caught.value)
    (environment.layout.etcd_data / "member").unlink()
    assert environment.start() == (ETCD,)


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(new_environment: MakeEnvironment) -> None:
    environment = new_environment(ETCD)
    environment.layout.prepare()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        stale = PartRecord(processes.ProcessIdentity(bystander.pid, "before the reboot"), 0.0)
        RunState(parts={ETCD: stale}).write(environment.layout.run_state)
        assert environment.start() == (ETCD,)
        environment.stop()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_process_whose_start_was_never_recorded_is_replaced(new_environment: MakeEnvironment) -> None:
    environment = new_environment(OPENBAO)
    environment.start()
    orphan = _state(environment).parts[OPENBAO].process
    environment.layout.run_state.unlink()
    assert environment.start() == (OPENBAO,)
    assert not orphan.alive
    assert len(processes.marked(f"{environment.layout.root}:{OPENBAO}")) == 1


def test_a_taken_port_is_named_and_the_next_start_takes_another_one(new_environment: MakeEnvironment) -> None:
    environment = new_environment(CONTROLLER_MANAGER)
    environment.start()
    environment.stop()
    taken = _state(environment).ports[API_SERVER]
    with socket.create_server((loopback.LOOPBACK, taken)):
        with pytest.raises(PortTaken, match=f"port {taken}.*pid {os.getpid()}"):
            environment.start()
        environment.start()
        assert environment.api_server != f"https://{loopback.LOOPBACK}:{taken}"
        server = json.loads(environment.layout.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        assert server == environment.api_server
        assert _kube(environment, "POST", _CONFIG_MAPS, {"metadata": {"name": "reached"}}) == 201
        assert {part.state for part in environment.status()} == {"ready"}


def test_an_api_server_follows_when_etcd_had_to_move(new_environment: MakeEnvironment) -> None:
    environment = new_environment(API_SERVER)
    environment.start()
    _kill(environment, ETCD)
    port = _state(environment).ports[ETCD]
    assert loopback.becomes_free(port)
    with socket.create_server((loopback.LOOPBACK, port)):
        with pytest.raises(PortTaken):
            environment.start()
        assert set(environment.start()) == {ETCD, API_SERVER}
        assert _kube(environment, "POST", _CONFIG_MAPS, {"metadata": {"name": "reached"}}) == 201


def test_parts_that_were_not_waited_for_are_not_called_ready(new_environment: MakeEnvironment) -> None:
    told: list[tuple[str, str]] = []
    environment = new_environment(
        API_SERVER, OPENBAO, progress=lambda part, event, _seconds: told.append((part, event))
    )
    environment.layout.prepare()
    (environment.layout.etcd_data / "member").write_text("no folder")
    with pytest.raises(PartCrashed, match=r"^etcd: "):
        environment.start()
    assert (API_SERVER, "starting") not in told
    assert (OPENBAO, "ready") not in told
    (environment.layout.etcd_data / "member").unlink()
    environment.start()
    assert {part.state for part in environment.status()} == {"ready"}


def test_openbao_begins_anew_when_its_initialisation_was_cut_off(new_environment: MakeEnvironment) -> None:
    environment = new_environment(OPENBAO)
    environment.start()
    environment.stop()
    first = environment.openbao_token
    environment.layout.openbao_token.unlink()
    environment.layout.openbao_initialising.touch()
    environment.start()
    assert environment.openbao_token != first
    assert not environment.layout.openbao_initialising.exists()


def test_openbao_without_its_seal_key_is_not_started_over_its_data(new_environment: MakeEnvironment) -> None:
    environment = new_environment(OPENBAO)
    environment.start()
    environment.stop()
    environment.layout.openbao_seal_key.unlink()
    with pytest.raises(PartError, match="the key that unseals its storage is gone"):
        environment.start()
    assert any(environment.layout.openbao_data.iterdir())


def test_a_controller_manager_after_renewed_certificates_is_a_new_one(new_environment: MakeEnvironment) -> None:
    environment = new_environment(CONTROLLER_MANAGER)
    environment.start()
    before = _pids(environment)
    (environment.layout.pki / "ca.key").unlink()
    environment.start()
    after = _pids(environment)
    assert after[ETCD] == before[ETCD]
    assert after[API_SERVER] != before[API_SERVER]
    assert after[CONTROLLER_MANAGER] != before[CONTROLLER_MANAGER]
    assert _kube(environment, "GET", _CONFIG_MAPS) == 200


def test_removing_takes_everything_and_is_content_with_nothing(
    new_environment: MakeEnvironment, tmp_path: Path
) -> None:
    environment = new_environment(OPENBAO, root=tmp_path / "gone")
    environment.start()
    environment.stop()
    environment.remove()
    assert not (tmp_path / "gone").exists()
    environment.remove()

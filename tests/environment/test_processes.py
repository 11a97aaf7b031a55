"""Processes are known by pid and start time, and end when they are told to."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from local.environment import processes
from local.environment.processes import ProcessIdentity
from local.errors import PartError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
)


def _start(command: tuple[str, ...], tmp_path: Path, mark: str = "test") -> tuple[ProcessIdentity, Path]:
    log = tmp_path / "log"
    process = processes.start(command, environment={"PATH": os.defpath}, log=log, mark=f"{tmp_path}:{mark}")
    deadline = time.monotonic() + 20
    while "up" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    return process, log


def test_a_process_has_a_session_and_a_private_log_of_its_own(tmp_path: Path) -> None:
    process, log = _start(SLEEP, tmp_path)
    try:
        assert process.alive
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        assert processes.resident_bytes(process.pid) > 1_000_000
    finally:
        assert processes.stop(process, grace=10)
    assert not process.alive


def test_only_the_named_variables_are_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "not-for-children")
    process, log = _start((sys.executable, "-c", "import os; print(sorted(os.environ), 'up')"), tmp_path)
    assert "VAULT_TOKEN" not in log.read_text()
    assert processes.MARK in log.read_text()
    processes.stop(process, grace=5)


def test_a_process_that_ignores_the_request_is_killed_after_the_grace(tmp_path: Path) -> None:
    process, _ = _start(DEAF, tmp_path)
    assert processes.stop(process, grace=0.2) is False
    assert not process.alive


def test_another_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    process, _ = _start(SLEEP, tmp_path)
    try:
        stale = ProcessIdentity(process.pid, "an earlier start")
        assert not stale.alive
        assert processes.stop(stale, grace=1)
        assert process.alive
    finally:
        processes.stop(process, grace=5)


def test_a_zombie_does_not_count_as_running() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = ProcessIdentity(child.pid, processes.start_time(child.pid))
    assert identity.alive
    child.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while identity.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not identity.alive
    child.wait()


def test_a_process_is_found_by_its_mark_and_by_no_other(tmp_path: Path) -> None:
    process, _ = _start(SLEEP, tmp_path, mark="etcd")
    try:
        assert processes.marked(f"{tmp_path}:etcd") == [process]
        assert processes.marked(f"{tmp_path}:etc") == []
    finally:
        processes.stop(process, grace=5)


def test_the_exit_code_of_an_ended_child_is_known(tmp_path: Path) -> None:
    process, _ = _start((sys.executable, "-c", "print('up'); raise SystemExit(3)"), tmp_path)
    deadline = time.monotonic() + 10
    while process.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes.exit_code(process.pid) == 3


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartError, match="cannot be started") as caught:
        processes.start(("/nowhere/etcd",), environment={}, log=tmp_path / "log", mark="x")
    assert "/nowhere/etcd" in str(caught.value)

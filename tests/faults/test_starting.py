"""What keeps ``up`` from its work: another one, a taken port, a full disk."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import wait_until

if TYPE_CHECKING:
    from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.faults

OWN_MOUNTS = ("unshare", "--mount")
SMALL_DISK = """
mkdir -p .local && mount -t tmpfs -o size=3m,mode=0700 none .local && "$@"
code=$?
"$1" -m local down
exit $code
"""


def test_a_second_up_at_the_same_time_is_sent_away(platform: Checkout) -> None:
    began = time.monotonic()
    first = platform.begin("up", "--json")
    lock = platform.layout.lock
    try:
        wait_until(lambda: str(first.pid) in lock.read_text(), seconds=20, what="the first up holds the lock")
        second = platform.local("up", check=False)
    finally:
        done = platform.ended(first, "", began)
    assert second.code == 1
    assert f"`make up` (pid {first.pid}" in second.errors
    assert "is at work on it" in second.errors
    assert done.code == 0, done.text


def test_a_taken_port_is_named_and_the_next_up_takes_another(platform: Checkout) -> None:
    platform.local("down")
    port = json.loads(platform.layout.run_state.read_text())["ports"]["openbao"]
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        refused = platform.local("up", check=False)
        assert refused.code == 1
        assert "openbao" in refused.errors
        assert str(port) in refused.errors
        platform.forget_variables()
        done = platform.local("up", "--json").document()
    assert all(each["ready"] for each in done["secrets"]["externalSecrets"])
    assert json.loads(platform.layout.run_state.read_text())["ports"]["openbao"] != port
    assert platform.local("up", "--json").document()["unchanged"] is True


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_said_by_name_and_path(fresh: Checkout) -> None:
    if (
        shutil.which("unshare") is None
        or subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this user may not make a mount namespace of its own, so no small disk can be had")
    done = fresh.local("up", check=False, wrapper=(*OWN_MOUNTS, "sh", "-c", SMALL_DISK, "sh"))
    assert done.code == 1
    assert "Traceback" not in done.text
    assert "no room is left on the device" in done.errors
    assert "free some space" in done.errors

"""Ctrl-C and SIGKILL at several moments of the first ``up``; the last one mends what the others left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.e2e.checkout import Checkout, Finished

pytestmark = pytest.mark.faults

INTERRUPTED = 130
ENDS_WITHIN = 40


def _up_until(checkout: Checkout, line: str, act: Callable[[subprocess.Popen[str]], None]) -> Finished:
    """Runs ``up`` until it prints `line`, then does something to it; how it ended."""
    began = time.monotonic()
    process = checkout.begin("up")
    said = ""
    assert process.stdout is not None
    for printed in process.stdout:
        said += printed
        if line in printed:
            act(process)
            break
    acted = time.monotonic()
    done = checkout.ended(process, said, began)
    assert line in said, done.text
    assert time.monotonic() - acted < ENDS_WITHIN
    return done


def _ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def _kill_engine(process: subprocess.Popen[str]) -> None:
    for child in Path(f"/proc/{process.pid}/task").glob("*/children"):
        for pid in child.read_text().split():
            if Path(f"/proc/{pid}/exe").resolve().name.startswith("pulumi"):
                os.kill(int(pid), signal.SIGKILL)
                return
    pytest.fail("no engine among the children of up")


def test_whatever_interrupts_it_the_next_up_goes_on(fresh: Checkout) -> None:
    for line in ("etcd ", "pulumi home", "vault-mount created", "Deployment operator: waiting"):
        done = _up_until(fresh, line, _ctrl_c)
        assert done.code == INTERRUPTED, done.text
        assert "the same command goes on from there" in done.output
        assert "Traceback" not in done.output
    killed = _up_until(fresh, "SecretStore-demo-vault-backend created", _kill_engine)
    assert killed.code == 1, killed.text
    assert "run `make up` again" in killed.output
    last = fresh.local("up", "--json").document()
    assert all(each["ready"] for each in last["secrets"]["externalSecrets"])
    state = fresh.pulumi("stack", "export").document()["deployment"]
    assert not state.get("pending_operations")
    assert fresh.local("up", "--json").document()["unchanged"] is True
    assert "unchanged" in fresh.pulumi("refresh", "--preview-only").output.partition("Resources:")[2].split()[1]

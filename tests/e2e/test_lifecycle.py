"""Down and up again, and what a crash leads to."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import NAMESPACE, OPERATOR_SECRET, PULUMI_SECRET, Checkout, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

RESTARTED_WITHIN = 30


def _versions(platform: Checkout) -> dict[str, str]:
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
    items = platform.kubernetes("GET", path).document()["items"]
    return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}


def _restarts(platform: Checkout) -> list[int]:
    pods = platform.kubernetes("GET", "/api/v1/namespaces/external-secrets/pods").document()["items"]
    return [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods]


def _controller_process(platform: Checkout) -> tuple[int, Path] | None:
    for file in platform.layout.node_data.glob("pods/*/controller/.process.json"):
        return int(json.loads(file.read_text())["pid"]), file
    return None


def test_down_keeps_the_data_and_up_finds_everything_as_it_was(platform: Checkout) -> None:
    before, stored = _versions(platform), platform.stored_value()
    platform.local("down")
    status = platform.local("status", "--json", check=False)
    assert status.code == 1
    assert {part["state"] for part in status.document()} == {"stopped"}
    platform.forget_variables()
    done = platform.local("up", "--json").document()
    assert done["unchanged"] is True
    assert len(done["started"]) == 5
    assert _versions(platform) == before
    assert {OPERATOR_SECRET, PULUMI_SECRET} <= set(before)
    assert platform.stored_value() == stored


def test_a_killed_controller_is_started_again_and_syncs(platform: Checkout) -> None:
    found = _controller_process(platform)
    assert found is not None
    killed, _ = found
    (before,) = _restarts(platform)
    os.kill(killed, signal.SIGKILL)

    def restarted() -> bool:
        now = _controller_process(platform)
        return now is not None and now[0] != killed

    wait_until(restarted, seconds=RESTARTED_WITHIN, what="the node starts the controller again")
    stored = platform.stored_value()
    platform.delete_secret(OPERATOR_SECRET)
    wait_until(
        lambda: platform.value(OPERATOR_SECRET) == stored,
        seconds=RESTARTED_WITHIN,
        what="the new controller syncs",
    )
    assert _restarts(platform) == [before + 1]


def test_a_killed_part_is_reported_by_name_and_mended_by_up(platform: Checkout) -> None:
    parts = {part["part"]: part for part in platform.local("status", "--json").document()}
    os.kill(parts["openbao"]["pid"], signal.SIGKILL)

    def crashed() -> bool:
        answer = platform.local("status", "--json", check=False)
        return answer.code == 1 and {p["part"]: p["state"] for p in answer.document()}["openbao"] == "crashed"

    wait_until(crashed, seconds=5, what="status tells the crash")
    told = platform.local("status", check=False)
    assert f"openbao crashed: read {platform.layout.log('openbao')}" in told.errors
    done = platform.local("up", "--json").document()
    assert done["started"] == ["openbao"]
    assert done["unchanged"] is True

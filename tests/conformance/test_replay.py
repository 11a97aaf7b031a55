"""The recorded cases, replayed against our controller as a process: one run for all, one test per case."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import crds
from secretsync.kube import config
from secretsync.kube.client import KubeClient
from secretsync.kube.resources import CUSTOM_RESOURCE_DEFINITIONS
from tests.conformance.expected_differences import reason
from tests.conformance.replay.vectors import Case, load

if TYPE_CHECKING:
    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(__file__).resolve().parent / "vectors"
CASES = load([VECTORS])
EXPECTED = {case.name: reason(case.name) for case in CASES}
COUNTED = [case for case in CASES if not EXPECTED[case.name]]
PARALLEL = 24
TIME_LIMIT = 600


async def _install_definitions(kubeconfig: Path) -> None:
    async with KubeClient(config.from_kubeconfig(kubeconfig)) as cluster:
        for definition in crds():
            await cluster.apply(CUSTOM_RESOURCE_DEFINITIONS, definition, field_manager="conformance", force=True)
        for _ in range(100):
            listing = await cluster.list(CUSTOM_RESOURCE_DEFINITIONS)
            states = [
                {each["type"]: each["status"] for each in (item.get("status") or {}).get("conditions") or ()}
                for item in listing.items
            ]
            if all(state.get("Established") == "True" for state in states):
                return
            await asyncio.sleep(0.1)
    pytest.fail("the custom resource definitions are not established after 10 s")


@pytest.fixture(scope="session")
def replayed(
    control_plane: ControlPlane, openbao: OpenBaoServer, moto_server: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """The result of every case that counts, by name."""
    folder = tmp_path_factory.mktemp("replay")
    asyncio.run(_install_definitions(control_plane.kubeconfig))
    report, log = folder / "report.json", folder / "controller.log"
    controller = f"{shlex.quote(sys.executable)} -m secretsync controller --kubeconfig {{kubeconfig}}"
    command = [sys.executable, "-m", "tests.conformance.replay.replay"]
    command += ["--kubeconfig", str(control_plane.kubeconfig), "--bao", openbao.address, "--bao-token", openbao.token]
    command += ["--moto", moto_server]
    command += ["--controller-cmd", controller, "--controller-log", str(log), "--controller-warmup", "2"]
    command += ["--parallel", str(PARALLEL), "--json", str(report), "--case", *(case.name for case in COUNTED)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    if not report.exists():
        pytest.fail(f"the replay gave no report: {ran.stdout[-2000:]}{ran.stderr[-2000:]}", pytrace=False)
    return {result["name"]: result for result in json.loads(report.read_text())["cases"]}


@pytest.mark.parametrize("case", COUNTED, ids=lambda case: case.name)
def test_case_ends_as_recorded(case: Case, replayed: dict[str, dict[str, Any]]) -> None:
    result = replayed[case.name]
    assert result["status"] == "passed", "\n".join([result["reason"], *result["diffs"]])


def test_expected_differences_are_few_and_all_explained() -> None:
    reasons = {why for why in EXPECTED.values() if why}
    assert len(reasons) < 10
    assert sum(bool(why) for why in EXPECTED.values()) < 10

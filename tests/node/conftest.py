"""A real etcd, API server and controller manager, and a node of our own beside them."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from local.environment import Environment
from local.environment.parts import CONTROLLER_MANAGER
from local.layout import PROJECT
from local.node import kubeconfig
from local.node.api import Api, JsonObject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

IMAGE = "external-secrets-on-pulumi/controller"
PROGRAM = "tests.node.pod_program"
_numbers = itertools.count(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningNode:
    """A node process; its options let a test start it again."""

    kubeconfig: Path
    data: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        arguments = ["--kubeconfig", str(self.kubeconfig), "--data", str(self.data), "--image", f"{IMAGE}={PROGRAM}"]
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data.parent / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.node", *arguments, *self.options], cwd=PROJECT, stderr=log, stdout=log
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        return (self.data.parent / "node.log").read_text()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    root = tmp_path_factory.mktemp("control-plane")
    with Environment(root, durable=False, parts=(CONTROLLER_MANAGER,)) as environment:
        yield environment


@pytest.fixture(scope="session")
def shared_node(control_plane: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """The node most tests share, with short restart delays."""
    running = RunningNode(
        control_plane.layout.kubeconfig, tmp_path_factory.mktemp("node") / "data", ("--back-off", "0.5")
    )
    running.start()
    try:
        yield running
        assert not running.runs or running.end() == 0, running.log
        assert "Traceback" not in running.log, running.log
    finally:
        running.kill()


@pytest.fixture
def node(shared_node: RunningNode) -> RunningNode:
    """The shared node, running whatever the test before did to it."""
    if not shared_node.runs:
        shared_node.start()
    return shared_node


@pytest.fixture
async def api(control_plane: Environment) -> AsyncIterator[Api]:
    async with Api(kubeconfig.load(control_plane.layout.kubeconfig)) as opened:
        yield opened


@pytest.fixture
async def namespace(api: Api) -> AsyncIterator[str]:
    """A namespace of the test's own, with its default service account; what runs in it is gone afterwards."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    await api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    await eventually(lambda: api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))
    yield name
    await api._call("DELETE", f"/api/v1/namespaces/{name}")


async def eventually(
    ask: Callable[[], Awaitable[Any]],
    accept: Callable[[Any], bool] = lambda found: found is not None,
    within: float = 20,
) -> Any:
    """Asks until the answer is accepted."""
    ends = time.monotonic() + within
    while True:
        answer = await ask()
        if accept(answer):
            return answer
        if time.monotonic() > ends:
            pytest.fail(f"not within {within} s; at last: {answer}")
        await asyncio.sleep(0.05)


def container(*arguments: str, **fields: Any) -> JsonObject:
    address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    variables = [address, *fields.pop("env", [])]
    return {"name": "main", "image": f"{IMAGE}:v1", "args": list(arguments), "env": variables, **fields}


def pod(name: str, *containers: JsonObject, **spec: Any) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 3, **spec},
    }


async def create_pod(api: Api, namespace: str, obj: JsonObject) -> JsonObject:
    return await api.create(f"/api/v1/namespaces/{namespace}/pods", obj)


async def pod_when(
    api: Api, namespace: str, name: str, accept: Callable[[JsonObject], bool], within: float = 20
) -> JsonObject:
    found: JsonObject = await eventually(
        lambda: api.get(f"/api/v1/namespaces/{namespace}/pods/{name}"),
        lambda obj: obj is not None and accept(obj),
        within,
    )
    return found


def condition(obj: JsonObject, kind: str) -> JsonObject:
    conditions = obj.get("status", {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), {})


def is_ready(obj: JsonObject) -> bool:
    return bool(condition(obj, "Ready").get("status") == "True")


def main_status(obj: JsonObject) -> JsonObject:
    statuses = obj.get("status", {}).get("containerStatuses") or [{"state": {}}]
    status: JsonObject = statuses[0]
    return status

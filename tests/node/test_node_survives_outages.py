"""A node whose way to the API server is cut for a while."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from local.node.addresses import pod_address
from tests.node.conftest import (
    RunningNode,
    container,
    create_pod,
    eventually,
    free_port,
    is_ready,
    main_status,
    pod,
    pod_when,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local.environment import Environment
    from local.node.api import Api

pytestmark = pytest.mark.contract


class Cable:
    """A TCP forwarder that can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = free_port()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _connects(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture
async def cable(control_plane: Environment) -> AsyncIterator[Cable]:
    made = Cable(urlsplit(control_plane.api_server).port or 0)
    await made.mend()
    yield made
    await made.cut()


@pytest.fixture
async def wired_node(
    control_plane: Environment, shared_node: RunningNode, cable: Cable, tmp_path: Path
) -> AsyncIterator[RunningNode]:
    """A node behind the cable, alone: the shared one would take its pods."""
    if shared_node.runs:
        await asyncio.to_thread(shared_node.end)
    text = control_plane.layout.kubeconfig.read_text()
    (tmp_path / "kubeconfig").write_text(text.replace(control_plane.api_server, f"https://127.0.0.1:{cable.port}"))
    running = RunningNode(tmp_path / "kubeconfig", tmp_path / "data", ("--back-off", "0.5"))
    running.start()
    try:
        yield running
        assert await asyncio.to_thread(running.end) == 0, running.log
        assert "Traceback" not in running.log, running.log
    finally:
        running.kill()


async def test_pods_go_on_through_an_outage_and_what_happened_is_told_afterwards(
    wired_node: RunningNode, cable: Cable, api: Api, namespace: str
) -> None:
    port = free_port()
    serving = container("--port", str(port), readinessProbe={"tcpSocket": {"port": port}, "periodSeconds": 1})
    created = await create_pod(api, namespace, pod("stays", serving))
    await create_pod(api, namespace, pod("ends", container("--exit", "5", "--after", "3"), restartPolicy="Never"))
    await pod_when(api, namespace, "stays", is_ready)
    await pod_when(api, namespace, "ends", is_ready)
    await cable.cut()
    await create_pod(api, namespace, pod("late", container("--exit", "0"), restartPolicy="Never"))
    await eventually(lambda: asyncio.to_thread(lambda: wired_node.log), lambda log: "trying again" in log)
    assert await _connects(pod_address(created["metadata"]["uid"]), port)
    await cable.mend()
    ended = await pod_when(api, namespace, "ends", lambda obj: obj["status"]["phase"] == "Failed", within=30)
    assert main_status(ended)["state"]["terminated"]["exitCode"] == 5
    await pod_when(api, namespace, "late", lambda obj: obj["status"]["phase"] == "Succeeded", within=30)
    stayed = await pod_when(api, namespace, "stays", is_ready)
    assert main_status(stayed)["restartCount"] == 0

"""One run of a container as a child process, and the record by which a later node finds it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from local.environment.processes import ProcessIdentity, start_time
from local.environment.processes import stop as stop_process
from local.errors import NodeError
from local.node.log_file import LogFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_BLOCK = 1 << 16
_RECORD = ".process.json"
_DRAIN_SECONDS = 2.0
_LEFT_OVER_SECONDS = 5.0


class CannotStart(NodeError):
    """The process of a container could not be started."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a container is run.

    Attributes:
        command: Program and arguments.
        environment: The whole environment; not shown, it may hold values of Secrets.
        folder: Its folder: working directory, home and record.
        log: Where its output goes.
    """

    command: Sequence[str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    log: Path


class Process:
    """A running container. Made by `start`."""

    def __init__(self, child: asyncio.subprocess.Process, identity: ProcessIdentity, start: Start) -> None:
        self._child = child
        self._start = start
        self._pump = asyncio.create_task(_pump(child, start.log), name=f"log of {start.log.name}")
        self.identity = identity

    @property
    def container_id(self) -> str:
        """An id in the form of a container runtime's: which run this is."""
        return f"process://{self.identity.pid}-{self.identity.started.rpartition('/')[2]}"

    async def wait(self) -> int:
        """Waits for the end; the code is negative for a signal. What it left in its process group is killed."""
        code = await self._child.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.identity.pid, signal.SIGKILL)
        # A grandchild that left the group may hold the pipe open; its output is not waited for.
        _, open_still = await asyncio.wait([self._pump], timeout=_DRAIN_SECONDS)
        for pump in open_still:
            pump.cancel()
        (self._start.folder / _RECORD).unlink(missing_ok=True)
        return code

    async def stop(self, grace_seconds: float) -> None:
        """Asks it to end (SIGTERM), and after the grace ends it and its process group (SIGKILL)."""
        with contextlib.suppress(ProcessLookupError):
            self._child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._child.wait()
                return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.identity.pid, signal.SIGKILL)


async def start(how: Start) -> Process:
    """Starts a container's process in a group of its own.

    Raises:
        CannotStart: The program or its folder cannot be used.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *how.command,
            cwd=how.folder,
            env=dict(how.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
            umask=0o077,
        )
    except (OSError, ValueError) as error:
        raise CannotStart(f"cannot be started: {type(error).__name__}", place=how.command[0]) from error
    identity = ProcessIdentity(child.pid, start_time(child.pid))
    (how.folder / _RECORD).write_text(json.dumps(asdict(identity)))
    return Process(child, identity, how)


def end_left_over(pods: Path) -> list[str]:
    """Ends what an earlier node left running, and removes its folders.

    A process is known by its id and start time, so an id that now belongs to somebody else is left alone.

    Args:
        pods: The folder that holds one folder per pod.

    Returns:
        The pods and containers that still ran, as ``<uid>/<container>``.
    """
    ended: list[str] = []
    for record in sorted(pods.glob(f"*/*/{_RECORD}")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            identity = ProcessIdentity(**json.loads(record.read_text()))
            if identity.started and identity.alive:
                stop_process(identity, grace=_LEFT_OVER_SECONDS)
                ended.append(f"{record.parent.parent.name}/{record.parent.name}")
    for folder in pods.glob("*"):
        shutil.rmtree(folder, ignore_errors=True)
    return ended


async def _pump(child: asyncio.subprocess.Process, path: Path) -> None:
    log = LogFile(path)
    try:
        while child.stdout is not None and (block := await child.stdout.read(_BLOCK)):
            log.write(block)
    finally:
        log.close()

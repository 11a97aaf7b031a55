"""Child programs that may take minutes: shown while they run, stopped with everything they started."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import shlex
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from local.errors import BuildFailed, ToolNotAvailable
from local.tools.cache import disk_full

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.errors import LocalError
    from local.tools.progress import Step
    from local.tools.stop import Stop

_LINES_KEPT = 200
_LINES_SHOWN = 15
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_NETWORK_SIGNS = (
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "network is unreachable",
    "proxyconnect",
    "TLS handshake timeout",
    "403 Forbidden",
    "module lookup disabled",
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
    "No matching distribution found",
    "Could not fetch URL",
)


@dataclass(frozen=True, slots=True)
class Command:
    """One program to run.

    Attributes:
        arguments: Program and arguments.
        folder: Where it runs.
        environment: Its whole environment.
        merge_errors: Whether its standard error counts as output; if not, it only serves messages.
    """

    arguments: Sequence[str | Path]
    folder: Path
    environment: Mapping[str, str]
    merge_errors: bool = True

    def __str__(self) -> str:
        return shlex.join(os.fspath(argument) for argument in self.arguments)


def run(command: Command, *, place: str, step: Step, stop: Stop) -> str:
    """Runs a program to its end and returns its standard output.

    It runs in a process group of its own, so that an interrupt at the terminal reaches this process first; whatever
    ends the wait, the group is stopped before this returns.

    Raises:
        BuildFailed: It could not be started, or ended with an error.
        ToolNotAvailable: It ended because a registry or proxy could not be reached.
        DiskFull: It ended because there was no space left.
        Stopped: `stop` was set.
    """
    try:
        child = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if command.merge_errors else subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
        )
    except OSError as error:
        raise BuildFailed(f"cannot run {command.arguments[0]}: {error.strerror}", place=place) from error
    output = _Reader(child.stdout)
    complaints = output if child.stderr is None else _Reader(child.stderr)
    try:
        while child.poll() is None:
            stop.check(place)
            step.update(output.progress())
            time.sleep(_POLL_SECONDS)
    finally:
        _end_group(child)
        output.close()
        complaints.close()
    if child.returncode != 0:
        raise _failure(command, child.returncode, complaints.tail(), place)
    return output.text()


class _Reader(threading.Thread):
    """Keeps a stream drained; keeps its text, which is small, and knows its last line."""

    def __init__(self, stream: IO[str] | None) -> None:
        super().__init__(daemon=True)
        self._stream = stream or io.StringIO()
        self._lines: list[str] = []
        self.start()

    def run(self) -> None:
        with contextlib.suppress(ValueError):  # closed under the reader after the child was killed
            for line in self._stream:
                self._lines.append(line)

    def progress(self) -> str:
        count = len(self._lines)
        return f"{count} packages, {self._lines[-1].strip()}" if count else ""

    def text(self) -> str:
        return "".join(self._lines)

    def tail(self) -> list[str]:
        return [line.rstrip() for line in collections.deque(self._lines, _LINES_KEPT)]

    def close(self) -> None:
        self.join(_GRACE_SECONDS)
        if not self.is_alive():
            self._stream.close()


def _end_group(child: subprocess.Popen[str]) -> None:
    """Ends the child's group; kills it if that does not help. Temporary files lie in the workshop and go with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _failure(command: Command, code: int, lines: list[str], place: str) -> LocalError:
    text = "\n".join(lines)
    shown = "\n".join(f"    {line}" for line in lines[-_LINES_SHOWN:])
    if "no space left on device" in text.lower() or "Disk quota exceeded" in text:
        return disk_full(f"{place}, running {command}")
    if any(sign in text for sign in _NETWORK_SIGNS):
        return ToolNotAvailable(
            f"a package registry could not be reached or refused, running {command}\n{shown}\n",
            place=place,
            remedy="check the network and GOPROXY or PIP_INDEX_URL, or put the tool on PATH",
        )
    remedy = "the lines above say why; nothing was left in the cache, run the same command again once that is mended"
    if "signal: killed" in text or code == -signal.SIGKILL:
        remedy = (
            "it was killed, most often because memory ran out: builds need about 2 GB; close something and try again"
        )
    return BuildFailed(f"{command} ended with {code}\n{shown}\n", place=place, remedy=remedy)

"""Processes that outlive the command that starts them, told apart by process id and start time.

A process id alone is not an identity: it is given to somebody else after its owner ended. So every look, and every
signal, first compares the start time that was recorded.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import PartError
from local.layout import explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "LOCAL_ENVIRONMENT_PART"
"""Environment variable that every part is started with: root and name.

It finds a process whose record was never written.
"""

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "stat").exists()
_POLL_SECONDS = 0.02

_started: dict[int, subprocess.Popen[bytes]] = {}
# Children of this very process: they must be waited for, or they stay behind as zombies.


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, for its whole life and no longer.

    Attributes:
        pid: process id.
        started: when it started, as the operating system writes it (boot and clock ticks, or a date).
    """

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        child = _started.get(self.pid)
        if child is not None:
            child.poll()  # a child that ended stays behind until it is asked
        return start_time(self.pid) == self.started


def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, mark: str, folder: Path | None = None
) -> ProcessIdentity:
    """Starts a process in a session of its own; its output is appended to ``log``.

    Args:
        command: program and arguments.
        environment: variables beside the mark; nothing else is inherited.
        log: file for its standard output and standard error.
        mark: what ``MARK`` is set to.
        folder: working directory; the caller's if None.

    Raises:
        PartError: the program cannot be started.
        DiskFull: there is no room for the log.
    """
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise explain(error, log) from error
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            env={**environment, MARK: mark},
            cwd=folder,
            start_new_session=True,
            umask=0o077,
        )
    except OSError as error:
        raise PartError(
            f"it cannot be started: {error.strerror}", place=command[0], remedy="look at the tool with `make tools`"
        ) from error
    finally:
        os.close(handle)
    _started[child.pid] = child
    return ProcessIdentity(child.pid, start_time(child.pid))


def stop(process: ProcessIdentity, *, grace: float) -> bool:
    """Ends a process: SIGTERM, then, after ``grace`` seconds, SIGKILL to it and what it left in its session.

    Returns:
        Whether it ended by itself after SIGTERM (or had ended before).
    """
    if process.alive:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        if _ended(process, grace):
            return True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        _ended(process, grace)
        return False
    return True


def _ended(process: ProcessIdentity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.alive:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def exit_code(pid: int) -> int | None:
    """Exit code of a child of this process that has ended; None for others."""
    child = _started.get(pid)
    return None if child is None else child.poll()


def start_time(pid: int) -> str:
    """When a process started, in a form that no later process with the same id shares; empty if there is none."""
    if _HAS_PROC:
        try:
            # The name in parentheses may hold blanks and parentheses of its own: read behind the last one.
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return ""
        state, ticks = fields[0], fields[19]
        return "" if state in "ZX" else f"{_boot()}/{ticks}"
    answer = _ps(pid, "state=,lstart=")
    return "" if not answer or answer.startswith("Z") else answer.partition(" ")[2].strip()


def resident_bytes(pid: int) -> int:
    """Memory a process holds, in bytes; 0 if that cannot be told."""
    if _HAS_PROC:
        try:
            pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")
    answer = _ps(pid, "rss=")
    return int(answer) * 1024 if answer.isdigit() else 0


def command_of(pid: int) -> str:
    """Program name of a process, for messages; empty if that cannot be told."""
    if _HAS_PROC:
        with suppress(OSError):
            return (_PROC / str(pid) / "comm").read_text().strip()
        return ""
    return _ps(pid, "comm=")


def marked(mark: str) -> list[ProcessIdentity]:
    """Processes of this user that were started with exactly this mark, or by a process that was.

    Empty where that cannot be told.
    """
    if not _HAS_PROC:
        return []
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(ProcessIdentity(int(entry.name), start_time(int(entry.name))))
    return [process for process in found if process.started]


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return sys.platform


def _ps(pid: int, columns: str) -> str:
    answer = subprocess.run(["ps", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()

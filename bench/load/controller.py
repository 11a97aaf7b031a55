"""The controller that is measured: a process, and what it and its children take."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.errors import BenchError
from local.layout import PROJECT

if TYPE_CHECKING:
    from types import TracebackType

    from bench.load.settings import ControllerChoice

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 1.0
_GRACE_SECONDS = 30
_WITHHELD = frozenset({"VAULT_TOKEN", "BAO_TOKEN"})


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its descendants took so far.

    Attributes:
        cpu_seconds: user and system time.
        memory_mib: peak of resident memory, summed over the processes (exact for one).
    """

    cpu_seconds: float
    memory_mib: float


class Controller:
    """A running controller, started here or found; ``with`` stops what was started.

    Args:
        choice: which one.
        kubeconfig: its cluster.
        environment: its variables; ``KUBECONFIG`` is added, OpenBao tokens are left out.

    Raises:
        BenchError: this machine has no /proc, or the command cannot be started.
    """

    def __init__(self, choice: ControllerChoice, kubeconfig: Path, environment: dict[str, str]) -> None:
        if not (_PROC / "self" / "stat").exists():
            raise BenchError("there is no /proc", place="this machine", remedy="measure on Linux")
        self._child = None if choice.pid else _start(choice, kubeconfig, environment)
        self._pid = self._child.pid if self._child else choice.pid or 0
        self._cpu: dict[int, float] = {}
        self._peak: dict[int, int] = {}
        self._looking = threading.Lock()
        self._ending = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="usage", daemon=True)
        self._sampler.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._sampler.join()
        if self._child is None or self._child.poll() is not None:
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None if self._child else (_PROC / str(self._pid)).exists()

    def usage(self) -> Usage:
        """What it took until now."""
        with self._looking:
            for pid in self._processes():
                with suppress(OSError, ValueError):
                    self._cpu[pid] = _stat(pid)[1]
                    self._peak[pid] = _peak_kib(pid)
            return Usage(round(sum(self._cpu.values()), 2), round(sum(self._peak.values()) / 1024, 1))

    def _sample(self) -> None:
        """Looks again and again: a child that ended can no longer be asked."""
        while not self._ending.wait(_SAMPLE_SECONDS):
            self.usage()

    def _processes(self) -> list[int]:
        children: dict[int, list[int]] = defaultdict(list)
        for entry in _PROC.iterdir():
            if entry.name.isdigit():
                with suppress(OSError, ValueError):
                    children[_stat(int(entry.name))[0]].append(int(entry.name))
        found, waiting = [], [self._pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found


def _start(choice: ControllerChoice, kubeconfig: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    variables = {name: value for name, value in environment.items() if name not in _WITHHELD}
    try:
        with (choice.log or Path(os.devnull)).open("ab") as output:
            return subprocess.Popen(
                choice.command,
                env={**variables, "KUBECONFIG": str(kubeconfig)},
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise BenchError(
            error.strerror or type(error).__name__,
            place=str(error.filename or choice.command[0]),
            remedy="look at the controller's command and log",
        ) from None


def _stat(pid: int) -> tuple[int, float]:
    """Parent and CPU seconds of a process."""
    text = (_PROC / str(pid) / "stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _peak_kib(pid: int) -> int:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0

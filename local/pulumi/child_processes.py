"""Child processes of the language host, and their quiet end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL; the engine kills the host itself five seconds after its signal."""


class ChildProcesses:
    """The processes one host has started.

    Each gets a process group of its own, so that the engine's SIGINT to the host's group does not reach a program,
    which would print a KeyboardInterrupt traceback; SIGTERM ends it silently. No `preexec_fn` is used: it would make
    `Popen` fork, and a fork beside gRPC's threads crashes about one child in eight.
    """

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.stopping = False

    def start(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: str | Path | None = None,
        piped: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a child that inherits the host's stdout and stderr, or has pipes for both."""
        stream = subprocess.PIPE if piped else None
        with self._lock:
            child = subprocess.Popen(
                list(arguments),
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                process_group=0,
            )
            self._running.add(child)
        return child

    def wait(self, child: subprocess.Popen[bytes]) -> int:
        """Wait for a child's end; its exit code, negative where a signal ended it."""
        code = child.wait()
        with self._lock:
            self._running.discard(child)
        return code

    def stop(self, child: subprocess.Popen[bytes]) -> None:
        """End a child and its group: SIGTERM, and SIGKILL after the grace."""
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
                try:
                    child.wait(GRACE)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        with self._lock:
            self._running.discard(child)

    def stop_soon(self, child: subprocess.Popen[bytes]) -> None:
        """End a child without waiting for it, from a callback that must not block."""
        if child.poll() is None:
            threading.Thread(target=self.stop, args=(child,), daemon=True).start()

    def stop_all(self) -> None:
        """End every child, side by side."""
        self.stopping = True
        with self._lock:
            children = list(self._running)
        threads = [threading.Thread(target=self.stop, args=(child,)) for child in children]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

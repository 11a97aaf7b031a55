"""A container's log: bounded, private, never interpreted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 10_000_000
_KEPT = 40


class LogFile:
    """Appends to a file (0600); when it has grown to its bound it becomes ``<name>.1`` and a new one begins.

    Args:
        path: The file.
        largest: The bound, in bytes.
    """

    def __init__(self, path: Path, *, largest: int = _LARGEST) -> None:
        self.path = path
        self._largest = largest
        self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size

    def write(self, data: bytes) -> None:
        """Appends; a full disk loses the data, not the container."""
        if self._size and self._size + len(data) > self._largest:
            self._rotate()
        try:
            self._size += os.write(self._descriptor, data)
        except OSError:
            return

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _rotate(self) -> None:
        os.close(self._descriptor)
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        self._descriptor = self._open()
        self._size = 0


def prune(folder: Path, *, kept: int = _KEPT) -> None:
    """Removes the oldest logs of a folder beyond a number: pods come and go, logs shall not pile up."""
    logs = sorted(folder.glob("*.log*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in logs[kept:]:
        path.unlink(missing_ok=True)

"""One command at a time changes an environment."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.errors import LocalError
from local.layout import explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class EnvironmentBusy(LocalError):
    """Another command is starting, stopping or removing the environment."""


@contextmanager
def exclusive(lock: Path, doing: str) -> Iterator[None]:
    """Holds the lock of an environment; it falls with the process, however that ends.

    Args:
        lock: the lock file, in an existing folder.
        doing: what the holder does, for the message others get.

    Raises:
        EnvironmentBusy: another command holds it.
        LocalError: the file may not be written.
    """
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise explain(error, lock) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another command"
            raise EnvironmentBusy(
                f"{holder} is at work on it", place=str(lock.parent.parent), remedy="wait for it to end, then try again"
            ) from None
        os.ftruncate(handle, 0)
        started = time.strftime("%H:%M:%S")
        os.pwrite(handle, f"`{doing}` (pid {os.getpid()}, since {started})".encode(sys.getfilesystemencoding()), 0)
        yield
    finally:
        os.close(handle)

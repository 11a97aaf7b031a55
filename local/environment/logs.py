"""Log files of the parts: bounded when a part starts, quoted when one ends badly."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from local.layout import explain

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES = 4 * 1024 * 1024
"""A log that has grown beyond this is set aside when its part starts; one old file is kept."""

_TAIL_BYTES = 64 * 1024


def bound(log: Path, *, limit: int = LIMIT_BYTES) -> int:
    """Sets a log aside if it has grown too long.

    Returns:
        Where the next run's lines will begin, in bytes.

    Raises:
        LocalError: the file may not be renamed.
    """
    try:
        size = log.stat().st_size
        if size <= limit:
            return size
        log.replace(log.with_name(f"{log.name}.1"))
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise explain(error, log) from error
    return 0


def tail(log: Path, *, lines: int, offset: int = 0) -> list[str]:
    """The last lines of a log that stand behind ``offset``; none if there is no such file."""
    with suppress(OSError), log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(offset if offset <= size else 0, size - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
        return [line for line in text.splitlines() if line.strip()][-lines:]
    return []

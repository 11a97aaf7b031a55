"""No core file of a process that has had values in its memory."""

from __future__ import annotations

import sys


def forbid() -> None:
    """Set the size of this process's core file to nothing, whatever its shell allows.

    A kernel that hands core dumps to a program (``|…`` in core_pattern) asks that program's configuration instead.
    Windows knows no such limit, and nothing happens.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not there on Windows

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))

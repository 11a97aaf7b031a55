"""Ports of 127.0.0.1: free ones are chosen once and then kept."""

from __future__ import annotations

import random
import re
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from local.environment import processes
from local.errors import PortTaken

if TYPE_CHECKING:
    from collections.abc import Collection

LOOPBACK = "127.0.0.1"

_CHOICES = range(20000, 32768)
# Below the range that outgoing connections draw their ports from (Linux: 32768 and up), so that a part that is down
# does not lose its port to one.
_ATTEMPTS = 200
_LISTENING = "0A"
_LET_GO_SECONDS = 1.0
_POLL_SECONDS = 0.02


def choose(taken: Collection[int] = ()) -> int:
    """A port of the loopback address that nobody listens on.

    Args:
        taken: ports that are not to be chosen though they look free.

    Raises:
        PortTaken: no free port was found.
    """
    for port in random.SystemRandom().sample(_CHOICES, _ATTEMPTS):
        if port not in taken and is_free(port):
            return port
    raise PortTaken(
        f"no free port among {_ATTEMPTS} tried ones",
        place=f"{LOOPBACK}:{_CHOICES.start}-{_CHOICES.stop - 1}",
        remedy="stop what holds them",
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections that are winding down do not keep a server from listening, nor do they keep us.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def becomes_free(port: int) -> bool:
    """Whether a port is free, or let go of within a moment: a process that was just killed holds on to it briefly."""
    deadline = time.monotonic() + _LET_GO_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def taken(part: str, port: int) -> PortTaken:
    """The error that says who holds a part's port."""
    holder = holder_of(port)
    return PortTaken(
        f"port {port} of {LOOPBACK} is taken by {holder}",
        place=part,
        remedy="stop it, or just run the command again: another port will be chosen",
    )


def holder_of(port: int) -> str:
    """Who listens on a port, for messages: ``name (pid 123)``, or ``another process``."""
    inodes = _listening_inodes(port)
    if inodes:
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                for descriptor in (entry / "fd").iterdir():
                    match = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
                    if match and match[1] in inodes:
                        return f"{processes.command_of(int(entry.name)) or 'a process'} (pid {entry.name})"
    return "another process"


def _listening_inodes(port: int) -> frozenset[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return frozenset(inodes)

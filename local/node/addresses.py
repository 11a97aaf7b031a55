"""Which address a pod has.

Processes share this machine's network, so two pods that declare the same port would be in each other's way. On Linux
the whole of 127.0.0.0/8 is the loopback device, so every pod gets an address of its own there, as it would in a
cluster; elsewhere only 127.0.0.1 can be bound, and pods share it.
"""

from __future__ import annotations

import hashlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "127.0.0.1"
"""The node's own address."""


def pod_address(uid: str) -> str:
    """The address of a pod: the same for the same pod, its own as far as this machine allows."""
    digest = hashlib.sha256(uid.encode()).digest()
    # 127.64.0.1 to 127.127.255.254: away from the addresses that resolvers and container runtimes use.
    address = f"127.{64 + digest[0] % 64}.{digest[1]}.{1 + digest[2] % 254}"
    return address if _binds(address, 0) else HOST


def taken_port(address: str, ports: Sequence[int]) -> int | None:
    """The first of the ports that somebody listens on at an address; None if all are free."""
    return next((port for port in ports if not _binds(address, port)), None)


def _binds(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As a server would bind it: what merely lingers from an ended connection is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True

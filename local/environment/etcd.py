"""etcd: what the API server stores its objects in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.environment import ports as loopback
from local.environment.parts import ETCD, Part, health

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.layout import Layout

_QUOTA_BYTES = 2 * 1024**3


def part(layout: Layout, ports: Mapping[str, int], binary: Path, *, durable: bool) -> Part:
    """A cluster of one member.

    Args:
        layout: where its data goes.
        ports: ``etcd`` and ``etcd-peer``.
        binary: the program.
        durable: whether each write reaches the disk before it is acknowledged; data that is thrown away need not.
    """
    clients = f"http://{loopback.LOOPBACK}:{ports['etcd']}"
    peers = f"http://{loopback.LOOPBACK}:{ports['etcd-peer']}"
    return Part(
        name=ETCD,
        command=(
            str(binary),
            "--name=local",
            f"--data-dir={layout.etcd_data}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=local={peers}",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=5m",
            f"--quota-backend-bytes={_QUOTA_BYTES}",
            "--log-level=warn",
            *(() if durable else ("--unsafe-no-fsync",)),
        ),
        address=clients,
        obstacle=lambda: health(f"{clients}/readyz"),
    )

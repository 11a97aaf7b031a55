"""Servers of its own for a run: a control plane and OpenBao under a folder that is thrown away."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load import cluster
from bench.load.settings import Servers
from local.environment import Environment
from local.environment.parts import API_SERVER, OPENBAO
from secretsync.kube import config
from secretsync.kube.client import KubeClient

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running(root: Path | None) -> Iterator[tuple[Servers, Path]]:
    """Starts etcd, kube-apiserver and OpenBao with the CRDs installed; stops them at the end.

    Args:
        root: folder for their data and logs, which stays; None for one that is removed.

    Yields:
        The servers, and the folder.

    Raises:
        LocalError: a part does not start.
    """
    with tempfile.TemporaryDirectory(prefix="external-secrets-load-") as temporary:
        folder = root or Path(temporary) / "parts"
        environment = Environment(folder, durable=False, parts=(API_SERVER, OPENBAO), progress=_tell)
        with environment:
            layout = environment.layout
            asyncio.run(_install_kinds(layout.kubeconfig))
            servers = Servers(
                kubeconfig=layout.kubeconfig,
                openbao=environment.openbao,
                token=environment.openbao_token,
                audit_log=layout.openbao_audit,
            )
            yield servers, layout.root


async def _install_kinds(kubeconfig: Path) -> None:
    async with KubeClient(config.from_kubeconfig(kubeconfig, None)) as client:
        await cluster.install_kinds(client)


def _tell(part: str, event: str, seconds: float) -> None:
    if event == "ready":
        sys.stderr.write(f"{part} {event} after {seconds:.1f} s\n")

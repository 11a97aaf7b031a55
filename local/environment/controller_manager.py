"""kube-controller-manager with the few controllers the environment lives by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.environment import api_server
from local.environment import ports as loopback
from local.environment.parts import CONTROLLER_MANAGER, Part, health

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.environment.certificates import Pki
    from local.layout import Layout

CONTROLLERS = (
    "garbage-collector-controller",  # owner references: a deleted ExternalSecret takes its Secret along
    "namespace-controller",  # a deleted namespace really goes
    "serviceaccount-controller",  # the ServiceAccount `default` of each namespace
    "root-ca-certificate-publisher-controller",  # ConfigMap kube-root-ca.crt, which stores name as their caProvider
    "deployment-controller",  # Deployment → ReplicaSet
    "replicaset-controller",  # ReplicaSet → Pods, which the node runs
)
"""What is switched on.

Left out on purpose: node-lifecycle (the only node lives and dies with the environment, and its pods with it; a crash of
the node is reported by the environment itself), token (tokens are requested, not stored), endpoint slices (nothing
resolves service names here), and everything about volumes, quotas and scaling.
"""


def part(layout: Layout, ports: Mapping[str, int], binary: Path, pki: Pki) -> Part:
    """The controller manager of the environment, as itself in RBAC: each controller uses its own service account.

    Args:
        layout: where its kubeconfig is.
        ports: ``kube-controller-manager``.
        binary: the program.
        pki: certificates and keys.
    """
    address = f"https://{loopback.LOOPBACK}:{ports['kube-controller-manager']}"
    tls = api_server.tls_context(pki)
    return Part(
        name=CONTROLLER_MANAGER,
        command=(
            str(binary),
            f"--kubeconfig={layout.controller_manager_kubeconfig}",
            f"--bind-address={loopback.LOOPBACK}",
            f"--secure-port={ports['kube-controller-manager']}",
            f"--tls-cert-file={pki.server.certificate}",
            f"--tls-private-key-file={pki.server.key}",
            f"--root-ca-file={pki.authority.certificate}",
            f"--controllers={','.join(CONTROLLERS)}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--profiling=false",
            "--v=0",
        ),
        address=address,
        obstacle=lambda: health(f"{address}/healthz", tls=tls),
    )

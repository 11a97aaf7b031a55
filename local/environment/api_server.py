"""kube-apiserver: TLS, RBAC, service-account tokens, Secrets encrypted at rest."""

from __future__ import annotations

import base64
import secrets
import ssl
from typing import TYPE_CHECKING

from local.environment import ports as loopback
from local.environment.parts import API_SERVER, Part, health
from local.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.environment.certificates import Pki
    from local.layout import Layout

ISSUER = "https://kubernetes.default.svc"
"""Issuer of service-account tokens. It does not name the port, so tokens and trust in them outlive a change of port."""

_SERVICE_RANGE = "10.0.0.0/24"


def part(layout: Layout, ports: Mapping[str, int], binary: Path, pki: Pki) -> Part:
    """The API server of the environment.

    Args:
        layout: where its files go.
        ports: ``etcd`` and ``kube-apiserver``.
        binary: the program.
        pki: certificates and keys.
    """
    address = url(ports)
    tls = tls_context(pki)
    return Part(
        name=API_SERVER,
        command=(
            str(binary),
            f"--etcd-servers=http://{loopback.LOOPBACK}:{ports['etcd']}",
            f"--bind-address={loopback.LOOPBACK}",
            f"--advertise-address={loopback.LOOPBACK}",
            f"--secure-port={ports['kube-apiserver']}",
            "--endpoint-reconciler-type=none",  # a loopback address cannot be an endpoint
            f"--service-cluster-ip-range={_SERVICE_RANGE}",
            f"--tls-cert-file={pki.server.certificate}",
            f"--tls-private-key-file={pki.server.key}",
            f"--client-ca-file={pki.authority.certificate}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={pki.service_account_public_key}",
            f"--service-account-signing-key-file={pki.service_account_key}",
            "--authorization-mode=RBAC",
            f"--encryption-provider-config={_encryption_configuration(layout)}",
            "--allow-privileged=true",
            "--profiling=false",
            "--v=0",
        ),
        address=address,
        obstacle=lambda: health(f"{address}/readyz?verbose", tls=tls),
        prepare=lambda: _ensure_encryption_key(layout),
        ready_within=120,
        grace=15,
    )


def url(ports: Mapping[str, int]) -> str:
    """Address of the API server."""
    return f"https://{loopback.LOOPBACK}:{ports['kube-apiserver']}"


def tls_context(pki: Pki) -> ssl.SSLContext:
    """Trust in the environment's authority alone, and the administrator's certificate to show."""
    context = ssl.create_default_context(cafile=str(pki.authority.certificate))
    context.load_cert_chain(str(pki.administrator.certificate), str(pki.administrator.key))
    return context


def _encryption_configuration(layout: Layout) -> Path:
    return layout.pki / "encryption.yaml"


def _ensure_encryption_key(layout: Layout) -> None:
    """Makes the key that Secrets are encrypted with on their way to etcd; once, or they could not be read again."""
    path = _encryption_configuration(layout)
    if path.exists():
        return
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    write_private(
        path,
        "apiVersion: apiserver.config.k8s.io/v1\n"
        "kind: EncryptionConfiguration\n"
        "resources:\n"
        "  - resources: [secrets]\n"
        "    providers:\n"
        f"      - secretbox: {{keys: [{{name: local, secret: {key}}}]}}\n"
        "      - identity: {}\n",
    )

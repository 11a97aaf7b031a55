"""The one-process node as a part: `python -m local.node`."""

from __future__ import annotations

import datetime as dt
import http
import sys
from typing import TYPE_CHECKING

from local.environment import api_server
from local.environment.parts import NODE, Part, ask
from local.layout import PROJECT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from local.environment.certificates import Pki
    from local.layout import Layout

_NODE = "/api/v1/nodes/local"
_LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/local"


def part(layout: Layout, ports: Mapping[str, int], pki: Pki, *, variables: Mapping[str, str]) -> Part:
    """The node that runs pods of this project's image as processes.

    Args:
        layout: where its kubeconfig and data are.
        ports: ``kube-apiserver``.
        pki: certificates and keys.
        variables: what its pods find in their environment, as far as the node hands it on.
    """
    address = api_server.url(ports)
    tls = api_server.tls_context(pki)
    return Part(
        name=NODE,
        command=(
            sys.executable,
            "-m",
            "local.node",
            "--kubeconfig",
            str(layout.kubeconfig),
            "--data",
            str(layout.node_data),
        ),
        environment=variables,
        folder=PROJECT,
        obstacle=lambda: _obstacle(address, tls),
        ready_within=30,
        grace=15,
    )


def _obstacle(address: str, tls: ssl.SSLContext) -> str:
    """Ready is a node that says so and renews its Lease; a crashed one leaves the first behind, but not the second."""
    lease = ask(address + _LEASE, tls=tls)
    if lease.status == http.HTTPStatus.NOT_FOUND:
        return "it has not registered itself"
    node = ask(address + _NODE, tls=tls)
    for answer in (lease, node):
        if answer.status != http.HTTPStatus.OK:
            return f"the API server says HTTP {answer.status}" if answer.status else answer.body
    spec = lease.document().get("spec", {})
    try:
        renewed = dt.datetime.fromisoformat(spec["renewTime"])
        age = (dt.datetime.now(dt.UTC) - renewed).total_seconds()
        if age > spec["leaseDurationSeconds"]:
            return f"it gave its last sign of life {age:.0f} s ago"
    except (KeyError, TypeError, ValueError):
        return "its Lease has no time"
    conditions = node.document().get("status", {}).get("conditions", [])
    if not any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions):
        return "it says that it is not ready"
    return ""

"""The one-process node as a part: `python -m local.node`."""

from __future__ import annotations

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


def part(layout: Layout, ports: Mapping[str, int], pki: Pki) -> Part:
    """The node that runs pods of this project's image as processes.

    Args:
        layout: where its kubeconfig and data are.
        ports: ``kube-apiserver``.
        pki: certificates and keys.
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
        folder=PROJECT,
        obstacle=lambda: _obstacle(address, tls),
        ready_within=30,
        grace=15,
    )


def _obstacle(address: str, tls: ssl.SSLContext) -> str:
    answer = ask(f"{address}/api/v1/nodes", tls=tls)
    if answer.status != http.HTTPStatus.OK:
        return f"the API server says HTTP {answer.status}" if answer.status else answer.body
    for node in answer.document().get("items", []):
        for condition in node.get("status", {}).get("conditions", []):
            if condition.get("type") == "Ready" and condition.get("status") == "True":
                return ""
    return "it has not registered itself"

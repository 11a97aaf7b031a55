"""Kubeconfig files with the certificates inside, so that one file is enough."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from local.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from local.environment.certificates import KeyPair

CONTEXT = "external-secrets-local"
"""Name of the cluster and of the context."""


def write(
    path: Path, *, server: str, authority: Path, client: KeyPair, user: str, contexts: Collection[str] = ()
) -> bool:
    """Writes the file if it is not the same already.

    Args:
        path: where to.
        server: address of the API server.
        authority: certificate of the authority to trust.
        client: what to show.
        user: name of the user entry.
        contexts: other names that the one context is to have.

    Returns:
        Whether it was written.

    Raises:
        LocalError: it may not be written.
        DiskFull: there is no room left.
    """
    context = {"cluster": CONTEXT, "user": user, "namespace": "default"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": CONTEXT, "cluster": {"server": server, "certificate-authority-data": _encoded(authority)}},
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _encoded(client.certificate),
                    "client-key-data": _encoded(client.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": context} for name in dict.fromkeys((CONTEXT, *contexts))],
        "current-context": CONTEXT,
    }
    text = json.dumps(document, indent=2) + "\n"  # JSON is YAML too
    if path.is_file() and path.read_text() == text:
        return False
    write_private(path, text)
    return True


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()

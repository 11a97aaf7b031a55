"""Paths of the KV engine as they stand in a URL."""

from __future__ import annotations

from urllib.parse import quote

from secretsync.api.stores.vault_paths import request_path


def url_path(path: str) -> str:
    """The path below the server's address, quoted.

    Raises:
        ProviderRefused: a segment is ``..``, which would leave the mount.
    """
    return quote(f"/v1/{request_path(path)}", safe="/~!$&'()*+,;=:@")

"""From a remoteRef's key to paths of the KV engine (ESO v2.9.0).

Reading asks for these paths and access is compiled for these paths, so there is one place that makes them.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from secretsync.api.stores.vault import VaultKVStoreVersion
from secretsync.errors import ProviderRefused

if TYPE_CHECKING:
    from secretsync.api.stores.vault import VaultProvider


def data_path(config: VaultProvider, key: str) -> str:
    """The API path a key's value is read from, below ``/v1/``.

    The mount in front of a key is taken off once, and with version 2 a ``data/`` after it; without a mount in the store
    the first segment of the key is the mount.
    """
    v2 = config.version is VaultKVStoreVersion.v2
    if config.path is not None:
        name = _below_mount(config.path, key, v2=v2)
        return f"{config.path}/data/{name}" if v2 else f"{config.path}/{name}"
    if v2 and "/data/" not in key:
        mount, slash, rest = key.partition("/")
        return f"{mount}/data{slash}{rest}"
    return key


def metadata_path(config: VaultProvider, key: str) -> str:
    """The API path of a key's metadata, and of listings, below ``/v1/``.

    Raises:
        ProviderRefused: the store names no mount, and neither does the key.
    """
    v2 = config.version is VaultKVStoreVersion.v2
    if config.path is not None:
        name = _below_mount(config.path, key, v2=v2)
        return f"{config.path}/metadata/{name}" if v2 else f"{config.path}/{name}"
    if not v2:
        return key
    if "data" not in key:
        raise ProviderRefused(
            f"{key!r} is not a path of a KV engine of version 2",
            remedy="set path in the store, or write the key as mount/data/name",
        )
    return key.replace("/data/", "/metadata/", 1)


def _below_mount(mount: str, key: str, *, v2: bool) -> str:
    prefix = f"{mount}/"
    if not key.startswith(prefix):
        return key
    name = key.removeprefix(prefix)
    return name.removeprefix("data/") if v2 else name


def request_path(path: str) -> str:
    """An API path as the server gets it: without empty segments and without ``.``.

    Raises:
        ProviderRefused: a segment is ``..``, which would leave the mount.
    """
    if ".." in path.split("/"):
        raise ProviderRefused("a key must not hold the segment '..'", remedy="write the whole path")
    return posixpath.normpath(f"/{path}").lstrip("/")

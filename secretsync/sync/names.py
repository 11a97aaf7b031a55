"""Labels, annotations, finalizers and field managers that ESO v2.9.0 writes, letter by letter."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from secretsync.values import object_hash

MANAGED_LABEL: Final = "reconcile.external-secrets.io/managed"
MANAGED_VALUE: Final = "true"
CREATED_BY_LABEL: Final = "reconcile.external-secrets.io/created-by"
DATA_HASH_ANNOTATION: Final = "reconcile.external-secrets.io/data-hash"
FORCE_SYNC_ANNOTATION: Final = "external-secrets.io/force-sync"
CLEANUP_FINALIZER: Final = "externalsecrets.external-secrets.io/externalsecret-cleanup"

GROUP: Final = "external-secrets.io"
API_VERSION: Final = "external-secrets.io/v1"
GENERATORS_GROUP: Final = "generators.external-secrets.io"
CONTROLLER_MANAGER: Final = "secretsync"
"""Field manager of everything that is not a target Secret: finalizers, statuses, generic targets."""

_MANAGER_PREFIX: Final = "externalsecrets.external-secrets.io/"
_MANAGER_LIMIT: Final = 63


@lru_cache(maxsize=8192)
def field_manager(name: str) -> str:
    """The field manager that owns what the ExternalSecret `name` writes into its target.

    Longer than 63 characters, the name is replaced by its hash (ESO v2.9.0).
    """
    plain = f"{_MANAGER_PREFIX}{name}"
    if len(plain) <= _MANAGER_LIMIT:
        return plain
    return f"{_MANAGER_PREFIX}sha3/{object_hash.name_hash(name)}"


def is_hashed(manager: str) -> bool:
    """Whether a field manager holds a hash in place of the name."""
    return manager.startswith(f"{_MANAGER_PREFIX}sha3/")


def is_ours(manager: str) -> bool:
    """Whether a field manager is that of some ExternalSecret."""
    return manager.startswith(_MANAGER_PREFIX)


@lru_cache(maxsize=8192)
def created_by(namespace: str, name: str) -> str:
    """The value of the created-by label: a hash of ``namespace/name`` of the ExternalSecret."""
    return object_hash.name_hash(f"{namespace}/{name}")

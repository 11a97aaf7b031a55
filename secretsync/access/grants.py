"""What a store's credentials must be allowed to do, statement by statement, each with the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One statement of a policy.

    Attributes:
        path: what is granted access to, in the backend's own notation, e.g. ``secret/data/team/db``.
        capabilities: the backend's names of what is allowed, sorted, e.g. ``("read",)``.
        reasons: who needs it, sorted, e.g. ``("ExternalSecret demo/db, spec.data[0]",)``.
    """

    path: str
    capabilities: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """All that one store's credentials need for the ExternalSecrets that use it.

    Attributes:
        store: the store as people name it, e.g. ``SecretStore demo/vault-backend``.
        grants: the statements, ordered by path.
    """

    store: str
    grants: tuple[Grant, ...]


def merge_grants(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """One grant per path, with the union of capabilities and of reasons; ordered by path."""
    capabilities: dict[str, set[str]] = {}
    reasons: dict[str, set[str]] = {}
    for grant in grants:
        capabilities.setdefault(grant.path, set()).update(grant.capabilities)
        reasons.setdefault(grant.path, set()).update(grant.reasons)
    return tuple(
        Grant(path, tuple(sorted(capabilities[path])), tuple(sorted(reasons[path]))) for path in sorted(capabilities)
    )

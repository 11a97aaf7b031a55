"""Access compiled from declarations: what ExternalSecrets need, and the policy that grants just that (D5)."""

from secretsync.access.grants import Grant, StoreAccess, merge_grants
from secretsync.access.needs import RemoteNeed, needs_of
from secretsync.access.vault import compile_vault, policy_document

__all__ = [
    "Grant",
    "RemoteNeed",
    "StoreAccess",
    "compile_vault",
    "merge_grants",
    "needs_of",
    "policy_document",
]

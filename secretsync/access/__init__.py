"""Access compiled from declarations: what ExternalSecrets need, and the policy that grants just that (D5)."""

from secretsync.access.aws import AccessLevel, AWSAccess, AWSAccount, compile_aws
from secretsync.access.azure import AzureAccess, RoleAssignment, VaultScope, compile_azure
from secretsync.access.gcp import GCPAccess, SecretBinding, compile_gcp
from secretsync.access.grants import Grant, StoreAccess, merge_grants
from secretsync.access.needs import RemoteNeed, needs_of
from secretsync.access.refusals import AccessRefused, Refusal
from secretsync.access.statements import Statement
from secretsync.access.vault import compile_vault, policy_document

__all__ = [
    "AWSAccess",
    "AWSAccount",
    "AccessLevel",
    "AccessRefused",
    "AzureAccess",
    "GCPAccess",
    "Grant",
    "Refusal",
    "RemoteNeed",
    "RoleAssignment",
    "SecretBinding",
    "Statement",
    "StoreAccess",
    "VaultScope",
    "compile_aws",
    "compile_azure",
    "compile_gcp",
    "compile_vault",
    "merge_grants",
    "needs_of",
    "policy_document",
]

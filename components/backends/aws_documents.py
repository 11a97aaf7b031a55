"""Policies of keys and secrets themselves, which bound what any identity's policy can give; pure.

Sources: the KMS developer guide on key policies and on the permissions of key administrators; the Secrets Manager user
guide on encryption (``GenerateDataKey`` and ``Decrypt``) and on VPC conditions; the Systems Manager user guide on
SecureString (``Encrypt`` and ``Decrypt``, for advanced parameters ``GenerateDataKey``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from secretsync.access.aws_account import dns_suffix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.settings import AWSSettings, ReadOnlyFrom

_ADMINISTRATION: Final = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What it takes to look after a key; nothing of it reads or writes a value."""
_USE: Final = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")


def key_policy(settings: AWSSettings, services: Sequence[str]) -> str:
    """The policy of a key for secrets.

    It lets the account's IAM policies give two things and no more: to look after the key, and to use it through the
    named services for callers of the account. Nobody can decrypt with it directly, whatever an IAM policy says.

    Args:
        settings: account, Region and partition.
        services: ``secretsmanager``, ``ssm``.
    """
    account = {"AWS": f"arn:{settings.partition}:iam::{settings.account_id}:root"}
    suffix = dns_suffix(settings.partition)
    condition = {
        "kms:CallerAccount": settings.account_id,
        "kms:ViaService": [f"{service}.{settings.region}.{suffix}" for service in sorted(services)],
    }
    return _document(
        {
            "Sid": "Administration",
            "Effect": "Allow",
            "Principal": account,
            "Action": list(_ADMINISTRATION),
            "Resource": "*",
        },
        {
            "Sid": "UseThroughServices",
            "Effect": "Allow",
            "Principal": account,
            "Action": list(_USE),
            "Resource": "*",
            "Condition": {"StringEquals": condition},
        },
    )


def network_policy(network: ReadOnlyFrom) -> str:
    """The policy of a secret whose value may be read from one network only.

    It forbids and allows nothing: who may read is for identities' policies to say. A rotating function has to be in
    that network too.
    """
    key, value = ("aws:sourceVpce", network.vpc_endpoint) if network.vpc_endpoint else ("aws:sourceVpc", network.vpc)
    return _document(
        {
            "Sid": "ReadFromElsewhere",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
            "Condition": {"StringNotEquals": {key: value}},
        }
    )


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)

"""The AWS actions on secrets and parameters, sorted by what they give.

Source: the actions tables of Secrets Manager, Systems Manager and Resource Groups Tagging in the AWS Service
Authorization Reference. Listing actions have no resource level: on anything but ``*`` they grant nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

READS: Final = (
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:ListSecretVersionIds",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "ssm:GetParameterHistory",
)
LISTINGS: Final = (
    "secretsmanager:ListSecrets",
    "secretsmanager:BatchGetSecretValue",
    "ssm:DescribeParameters",
    "tag:GetResources",
)
WRITES: Final = (
    "secretsmanager:CreateSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
    "secretsmanager:DeleteSecret",
    "secretsmanager:RestoreSecret",
    "secretsmanager:RotateSecret",
    "secretsmanager:CancelRotateSecret",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:ReplicateSecretToRegions",
    "secretsmanager:RemoveRegionsFromReplication",
    "secretsmanager:StopReplicationToReplica",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
    "ssm:PutParameter",
    "ssm:DeleteParameter",
    "ssm:DeleteParameters",
    "ssm:LabelParameterVersion",
    "ssm:UnlabelParameterVersion",
    "ssm:AddTagsToResource",
    "ssm:RemoveTagsFromResource",
)
_SUFFIX: Final = re.compile(r"-\?{6}$")
_ARN_PARTS: Final = 6
_KINDS: Final = ("secret:", "parameter/")


def name_pattern(resource: str) -> str | None:
    """The part of an ARN pattern that names a secret or parameter, without the six characters AWS appends.

    None where account, Region or kind are open or the pattern is no ARN of a secret or parameter: then it says
    nothing about names.
    """
    parts = resource.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS or parts[0] != "arn" or any("*" in part or "?" in part for part in parts[1:5]):
        return None
    for kind in _KINDS:
        if parts[5].startswith(kind):
            return _SUFFIX.sub("", parts[5].removeprefix(kind))
    return None


def is_everything(pattern: str) -> bool:
    """Whether a name pattern is made of wildcards alone, so that it fits every name of its Region."""
    return bool(pattern) and not pattern.strip("*?/-")


def names_secret(pattern: str, folders: Sequence[str]) -> bool:
    """Whether a name pattern is one name, or all names of a folder that may be granted whole."""
    if "*" not in pattern and "?" not in pattern:
        return bool(pattern)
    folder, slash, rest = pattern.rpartition("/")
    return bool(slash) and rest == "*" and folder.strip("/") in {each.strip("/") for each in folders}

"""The three policies of the AWS documentation on reading secrets, by name, statement by statement.

Source: "IAM policy examples for secrets in AWS Secrets Manager", AWS Elemental MediaConnect user guide: from the most
to the least restrictive. They have no conditions, and their names and order of actions are those of the page. What
`secretsync.access.aws` compiles is narrower than each of them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from secretsync.access.aws_account import (
    AccessLevel,
    Location,
    account_problem,
    parse_arn,
    partition_problem,
    region_problem,
)
from secretsync.access.refusals import Refusals
from secretsync.access.statements import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

_READS: Final = (
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:ListSecretVersionIds",
)
_LIST: Final = "secretsmanager:ListSecrets"
_WHOLE: Final = re.compile(r"secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}")


def example(
    level: AccessLevel, *, account: str, region: str, partition: str = "aws", secret_arns: Sequence[str] = ()
) -> str:
    """One of the documents, as JSON.

    Args:
        level: which one.
        account: whose secrets.
        region: of the secrets.
        partition: of account and Region.
        secret_arns: whole ARNs of the secrets, for the first level.

    Raises:
        AccessRefused: an argument is not what the document needs.
    """
    _check(AccessLevel(level), account, region, partition, secret_arns)
    if level == AccessLevel.Everything:
        return _document([_allow([*_READS, _LIST], "*")])
    every = Location(partition, region, account).arn("secretsmanager", "secret:*")
    resource: str | list[str] = list(secret_arns) if level == AccessLevel.Secrets else every
    return _document([_allow(list(_READS), resource), _allow(_LIST, "*")])


def _check(level: AccessLevel, account: str, region: str, partition: str, secret_arns: Sequence[str]) -> None:
    refusals = Refusals()
    place = f"example {level}"
    if problem := partition_problem(partition):
        refusals.add(place, problem, "use aws, aws-cn or aws-us-gov")
        refusals.raise_any()
    if problem := account_problem(account):
        refusals.add(place, problem, "give the account of the secrets")
    if problem := region_problem(region, partition):
        refusals.add(place, problem, "give the Region of the secrets")
    if level is AccessLevel.Secrets and not secret_arns:
        refusals.add(place, "names no secret", "give the whole ARN of each secret")
    location = Location(partition, region, account)
    for text in secret_arns:
        arn = parse_arn(text)
        if arn is None or arn.service != "secretsmanager" or not _WHOLE.fullmatch(arn.resource):
            refusals.add(
                place, f"{json.dumps(text)} is no whole ARN of a secret", "give it with its last six characters"
            )
        elif problem := location.foreign(arn):
            refusals.add(place, f"the secret {text} {problem}", "give account, Region and partition of the secrets")
    refusals.raise_any()


def _allow(action: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": VERSION, "Statement": statements}, indent=2)

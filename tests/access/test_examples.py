"""The policies of the AWS documentation, statement by statement."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secretsync.access.aws import AccessLevel
from secretsync.access.examples import example
from secretsync.access.refusals import AccessRefused

pytestmark = pytest.mark.unit

WHERE = {"account": "111122223333", "region": "us-west-2"}
ARNS = [
    f"arn:aws:secretsmanager:us-west-2:111122223333:secret:{name}"
    for name in ("aes128-1a2b3c", "aes192-4D5e6F", "aes256-7g8H9i")
]
READS = [
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:ListSecretVersionIds",
]
LIST = {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}


@pytest.mark.parametrize(
    ("level", "arns", "statements"),
    [
        (AccessLevel.Secrets, ARNS, [{"Effect": "Allow", "Action": READS, "Resource": ARNS}, LIST]),
        (
            AccessLevel.Region,
            [],
            [
                {
                    "Effect": "Allow",
                    "Action": READS,
                    "Resource": "arn:aws:secretsmanager:us-west-2:111122223333:secret:*",
                },
                LIST,
            ],
        ),
        (
            AccessLevel.Everything,
            [],
            [{"Effect": "Allow", "Action": [*READS, "secretsmanager:ListSecrets"], "Resource": "*"}],
        ),
    ],
)
def test_the_documents_are_those_of_the_page(
    level: AccessLevel, arns: list[str], statements: list[dict[str, Any]]
) -> None:
    assert json.loads(example(level, **WHERE, secret_arns=arns)) == {"Version": "2012-10-17", "Statement": statements}


def test_other_partitions_have_arns_of_their_own() -> None:
    document = example(AccessLevel.Region, account="111122223333", region="cn-north-1", partition="aws-cn")
    assert "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:*" in document


@pytest.mark.parametrize(
    "changes",
    [
        {"secret_arns": []},
        {"secret_arns": ["aes128-1a2b3c"]},
        {"secret_arns": ["arn:aws:secretsmanager:us-west-2:111122223333:secret:*"]},
        {"secret_arns": ["arn:aws:secretsmanager:*"]},
        {"secret_arns": ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-1a2b3c"]},
        {"account": "1"},
        {"region": "us-wst-2"},
        {"partition": "aws-moon"},
    ],
)
def test_what_the_page_does_not_have_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(AccessRefused, match="example secrets"):
        example(AccessLevel.Secrets, **{**WHERE, "secret_arns": ARNS, **changes})

"""The policies of keys and secrets themselves, judged: they bound reading, and lock nobody out who looks after them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from components.backends.aws_documents import key_policy, network_policy
from components.settings import AWSSettings, ReadOnlyFrom
from secretsync.access.aws import compile_aws
from tests.access.builders import ACCOUNT, KEY, REGION, SECRET, account, declared, secrets_manager
from tests.access.evaluator import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.access.evaluator import Evaluator

pytestmark = pytest.mark.contract

EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
"""An administrator's policy."""
VIA = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}
THROUGH = {**VIA, "kms:EncryptionContext:SecretARN": f"{SECRET}team/db-Ab1Cd2"}


def settings() -> AWSSettings:
    return AWSSettings.model_validate({"region": REGION, "accountId": ACCOUNT})


def on_key(action: str, **context: str) -> Request:
    return Request(f"kms:{action}", KEY, context)


def with_key(iam: Evaluator, identity: Sequence[str], requests: Sequence[Request]) -> list[bool]:
    policy = json.loads(key_policy(settings(), ["secretsmanager"]))
    return iam.allowed(identity, requests, resource_policy=policy)


def test_an_administrator_looks_after_the_key_and_decrypts_through_the_service_only(iam: Evaluator) -> None:
    actions = ("PutKeyPolicy", "GetKeyPolicy", "DescribeKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "EnableKey")
    assert all(with_key(iam, [EVERYTHING], [on_key(action) for action in actions]))
    direct = on_key("Decrypt", **{"kms:CallerAccount": ACCOUNT})
    other = on_key("Decrypt", **{**THROUGH, "kms:ViaService": f"ssm.{REGION}.amazonaws.com"})
    foreign = on_key("Decrypt", **{**THROUGH, "kms:CallerAccount": "444455556666"})
    grant = on_key("CreateGrant", **VIA)
    decisions = with_key(iam, [EVERYTHING], [on_key("Decrypt", **THROUGH), direct, other, foreign, grant])
    assert decisions == [True, False, False, False, False]


def test_the_key_and_the_compiled_policy_let_a_store_read_what_it_declares(iam: Evaluator) -> None:
    documents = compile_aws(secrets_manager(), [declared("team/db")], account(kms_keys={"*": KEY})).documents
    other = {**THROUGH, "kms:EncryptionContext:SecretARN": f"{SECRET}team/dbx-Ab1Cd2"}
    requests = [on_key("Decrypt", **THROUGH), on_key("Decrypt", **other), on_key("GenerateDataKey", **VIA)]
    assert with_key(iam, documents, requests) == [True, False, False]
    assert with_key(iam, documents, [on_key("PutKeyPolicy")]) == [False]


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ({"vpcEndpoint": "vpce-0123456789abcdef0"}, {"aws:SourceVpce": "vpce-0123456789abcdef0"},
         {"aws:SourceVpce": "vpce-1123456789abcdef0"}),
        ({"vpc": "vpc-0123456789abcdef0"}, {"aws:SourceVpc": "vpc-0123456789abcdef0"},
         {"aws:SourceVpc": "vpc-1123456789abcdef0"}),
    ],
)  # fmt: skip
def test_a_network_bounds_reading_and_nothing_that_looks_after_the_secret(
    iam: Evaluator, network: dict[str, str], inside: dict[str, str], outside: dict[str, str]
) -> None:
    policy: dict[str, Any] = json.loads(network_policy(ReadOnlyFrom.model_validate(network)))
    arn = f"{SECRET}team/db-Ab1Cd2"
    read = [Request("secretsmanager:GetSecretValue", arn, context) for context in (inside, outside, {})]
    assert iam.allowed([EVERYTHING], read, resource_policy=policy) == [True, False, False]
    documents = compile_aws(secrets_manager(), [declared("team/db")], account()).documents
    assert iam.allowed(documents, read, resource_policy=policy) == [True, False, False]
    assert iam.allowed([], read, resource_policy=policy) == [False, False, False]
    operations = ("DescribeSecret", "GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy", "DeleteSecret")
    kept = [Request(f"secretsmanager:{each}", arn) for each in (*operations, "RotateSecret", "TagResource")]
    assert all(iam.allowed([EVERYTHING], kept, resource_policy=policy))

"""``external-secrets:aws``: what it takes, and what it refuses, by key."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from components.settings import AWSSettings, PodIdentity, parse
from secretsync.errors import SettingsError

pytestmark = pytest.mark.unit

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
IRSA = {"kind": "irsa", "oidcProviderArn": OIDC}
TODAY = date(2027, 1, 15)


def aws(*, environment: str = "dev", **changes: Any) -> AWSSettings:
    section = {"region": "eu-central-1", "accountId": ACCOUNT, **changes}
    values = {"environment": environment, "manifests": ["m"], "aws": section}
    made = parse(values, place="Pulumi.test.yaml", today=TODAY).aws
    assert made is not None
    return made


def problem(**changes: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        aws(**changes)
    return str(caught.value)


def test_the_least_that_can_be_said() -> None:
    made = aws()
    assert (made.partition, made.level, made.role_path, made.stores) == ("aws", "secrets", "/external-secrets/", ())


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-iso-east-1", "aws-iso"), ("sa-east-1", "aws")],
)
def test_the_partition_is_that_of_the_region(region: str, partition: str) -> None:
    assert aws(region=region).partition == partition
    assert aws(region=region, partition=partition).partition == partition


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"region": "eu-cental-1"}, "aws.region", "is it eu-central-1?"),
        ({"region": "cn-north-1", "partition": "aws"}, "aws.partition", "belongs to the partition aws-cn"),
        ({"partition": "aws-mars"}, "aws.partition", "no partition"),
        ({"accountId": 111122223333}, "aws.accountId", "in quotes"),
        ({"accountId": "1111"}, "aws.accountId", "match pattern"),
        ({"level": "everything"}, "aws.level", "'secrets' or 'region'"),
        ({"level": "region"}, "aws.levelException", "until (a date) and reason"),
        ({"levelException": {"until": "2027-02-01", "reason": "migration of the vault"}}, "aws.levelException", "take"),
        ({"stores": ["a/b"]}, "aws.stores", "need aws.identity"),
        ({"stores": ["a/b", "a/b"], "identity": IRSA}, "aws.stores", "a/b twice"),
        ({"identity": {"kind": "irsa"}}, "aws.identity", "exactly one of oidcProviderArn and cluster"),
        ({"identity": {**IRSA, "cluster": "c"}}, "aws.identity", "exactly one"),
        ({"identity": {"kind": "podIdentity"}}, "aws.identity.cluster", "required"),
        ({"identity": {"kind": "saml"}}, "aws.identity", "'irsa', 'podIdentity'"),
        ({"identity": {**IRSA, "oidcProviderArn": KEY}}, "aws.identity", "no ARN of an OIDC provider"),
        ({"identity": {**IRSA, "oidcProviderArn": OIDC.replace("1111", "9999")}}, "aws.identity", "account 9999"),
        ({"kmsKey": KEY.replace("arn:aws:", "arn:aws-cn:")}, "aws.kmsKey", "in the partition aws-cn"),
        ({"kmsKey": KEY.replace("eu-central-1", "eu-west-1")}, "aws.kmsKey", "in the Region eu-west-1"),
        ({"kmsKey": {"create": True}}, "aws.kmsKey", "alias"),
        ({"kmsKey": {"create": True, "alias": "alias/x"}}, "aws.kmsKey.alias", "leave the first out"),
        ({"kmsKey": {"create": True, "alias": "x", "arn": KEY}}, "aws.kmsKey", "either"),
        ({"kmsKey": {"create": True, "alias": "x", "deletionWindowDays": 3}}, "aws.kmsKey.deletionWindowDays", "7"),
        ({"secrets": [{"name": "team/db-a1B2c3"}]}, "aws.secrets.0.name", "six characters"),
        ({"secrets": [{"name": "team/*"}]}, "aws.secrets.0.name", "match pattern"),
        ({"secrets": [{"name": "a"}, {"name": "a"}]}, "aws.secrets", "a twice"),
        ({"secrets": [{"name": "a", "recoveryWindowDays": 3}]}, "aws.secrets.0.recoveryWindowDays", "0 nor 7"),
        ({"secrets": [{"name": "a", "kmsKey": KEY.replace("1111", "9999")}]}, "aws.secrets", "in the account 9999"),
        ({"secrets": [{"name": "a", "value": "v"}]}, "aws.secrets.0.value", "Extra inputs"),
        ({"secrets": [{"name": "a", "sample": []}]}, "aws.secrets.0.sample", "no property"),
        ({"parameters": [{"name": "/a/b"}]}, "aws.parameters.0", "without a value"),
        ({"readOnlyFrom": {}}, "aws.readOnlyFrom", "exactly one"),
        ({"readOnlyFrom": {"vpc": "vpc-0123456789"}, "secrets": [{"name": "a", "sample": "text"}]}, "aws.readOnlyFrom",
         "reading back the samples of a"),
        ({"readOnlyFrom": {"vpc": "vpce-0123456789"}}, "aws.readOnlyFrom.vpc", "match pattern"),
        ({"tags": {"aws:x": "y"}}, "aws.tags", "'aws:x'"),
        ({"tags": {f"k{n}": "v" for n in range(46)}}, "aws.tags", "more than 45"),
        ({"permissionsBoundary": KEY}, "aws.permissionsBoundary", "no ARN of an IAM policy"),
        ({"rolePath": "external-secrets"}, "aws.rolePath", "match pattern"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_key(changes: dict[str, Any], key: str, said: str) -> None:
    message = problem(**changes)
    assert f"external-secrets:{key}: " in message
    assert said in message
    assert message.count("\n  external-secrets:") == 1


ROTATION = {"lambdaArn": f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:rotate", "afterDays": 30}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": "rate(10 days)"}, "exactly one of afterDays and schedule"),
        ({"afterDays": None}, "exactly one of afterDays and schedule"),
        ({"afterDays": None, "schedule": "daily"}, "neither rate"),
        ({"lambdaArn": KEY}, "no ARN of a function"),
    ],
)
def test_a_rotation_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    assert said in problem(secrets=[{"name": "a", "rotation": {**ROTATION, **changes}}])
    assert aws(secrets=[{"name": "a", "rotation": ROTATION}]).secrets[0].rotation is not None


def test_everything_wrong_is_reported_at_once() -> None:
    message = problem(region="nowhere", accountId="1", level="all", kmsKey=KEY[:-1] + " ", rolePath="x", colour="red")
    for key in ("region", "accountId", "level", "rolePath", "colour"):
        assert f"external-secrets:aws.{key}: " in message


def test_a_value_is_not_repeated_in_a_message() -> None:
    assert "canary-value" not in problem(secrets=[{"name": "a", "value": "canary-value"}])


def test_samples_are_for_dev_only() -> None:
    sampled = [{"name": "team/db", "sample": ["user"]}]
    assert aws(secrets=sampled).samples == ("team/db",)
    assert "team/db a sample value" in problem(environment="prod", secrets=sampled)


def test_an_exception_holds_to_the_end_of_its_last_day() -> None:
    exception = {"until": "2027-01-15", "reason": "move of 400 secrets, one quarter"}
    assert aws(level="region", levelException=exception).level == "region"
    late = {**exception, "until": "2027-01-14"}
    assert "aws.levelException.until: ended on 2027-01-14" in problem(level="region", levelException=late)


def test_a_managed_boundary_and_an_existing_key_are_taken() -> None:
    made = aws(permissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess", kmsKey=KEY)
    assert made.kms_key is not None
    assert (made.kms_key.arn, made.kms_key.create) == (KEY, False)


def test_pod_identity_names_its_cluster() -> None:
    made = aws(identity={"kind": "podIdentity", "cluster": "prod"}, stores=["a/b"])
    assert made.identity == PodIdentity(kind="podIdentity", cluster="prod")


@given(some.recursive(some.none() | some.integers() | some.text(), lambda each: some.lists(each) | some.dictionaries(
    some.sampled_from(["region", "accountId", "identity", "kind", "secrets", "name", "kmsKey", "create", "tags"]), each
)))  # fmt: skip
def test_whatever_stands_there_is_taken_or_refused_with_a_key(section: Any) -> None:
    try:
        parse({"environment": "dev", "manifests": ["m"], "aws": section}, place="p")
    except SettingsError as error:
        assert "external-secrets:aws" in str(error)  # noqa: PT017 - taking it is fine too

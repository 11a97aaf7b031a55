"""The AWS API of this machine: its account, what is made in it, and that it forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.environment import Environment, moto
from local.environment.parts import MOTO
from local.errors import PartError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.local_parts import MakeEnvironment

pytestmark = pytest.mark.contract

REGION = "eu-central-1"
FIRST, SECOND = "111122223333", "222233334444"


def _client(environment: Environment, service: str) -> Any:
    return boto3.Session().client(
        service,  # type: ignore[call-overload]  # its stubs want each name as a literal
        region_name=REGION,
        endpoint_url=environment.moto,
        aws_access_key_id=moto.CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=moto.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def test_it_is_the_account_that_is_asked_for_and_starts_anew_for_another(
    new_environment: MakeEnvironment, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    environment = new_environment(MOTO, root=root, account=FIRST)
    assert environment.start() == (MOTO,)
    assert environment.account == _client(environment, "sts").get_caller_identity()["Account"] == FIRST
    _client(environment, "secretsmanager").create_secret(Name="kept", SecretString="x")

    same = new_environment(MOTO, root=root)  # whoever names none gets the one it is
    assert same.start() == ()
    assert same.account == FIRST
    assert len(_client(same, "secretsmanager").list_secrets()["SecretList"]) == 1

    other = new_environment(MOTO, root=root, account=SECOND)
    assert other.start() == (MOTO,)
    assert _client(other, "sts").get_caller_identity()["Account"] == SECOND
    assert _client(other, "secretsmanager").list_secrets()["SecretList"] == []


def test_clusters_that_a_stack_relies_on_are_made_once_and_have_an_issuer(new_environment: MakeEnvironment) -> None:
    environment = new_environment(MOTO, account=FIRST)
    environment.start()

    def seed(*names: str) -> tuple[str, ...]:
        return moto.seed(environment.moto, account=FIRST, region=REGION, clusters=names)

    assert seed("blue", "green", "blue") == ("blue", "green")
    assert seed("blue", "red") == ("red",)
    found = _client(environment, "eks").describe_cluster(name="blue")["cluster"]
    assert found["arn"] == f"arn:aws:eks:{REGION}:{FIRST}:cluster/blue"
    assert found["identity"]["oidc"]["issuer"].startswith("https://")
    environment.stop()
    with pytest.raises(PartError, match="EKS clusters"):
        seed("blue")

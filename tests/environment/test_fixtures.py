"""The parts that tests are given are real and reachable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from local.environment.parts import ask

if TYPE_CHECKING:
    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.contract


def test_a_namespace_gets_its_service_account_from_the_controller_manager(
    control_plane: ControlPlane, namespace: str
) -> None:
    for _ in range(200):
        answer = control_plane.request("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
        if answer.status == 200:
            break
    assert answer.status == 200


def test_openbao_is_unsealed_and_answers_to_its_token(openbao: OpenBaoServer) -> None:
    assert ask(f"{openbao.address}/v1/sys/health").document()["sealed"] is False
    assert openbao.token not in repr(openbao)


def test_moto_forgets_between_tests(moto: str) -> None:
    client = boto3.client("secretsmanager", endpoint_url=moto)
    assert client.list_secrets()["SecretList"] == []
    client.create_secret(Name="left-behind", SecretString="x")


def test_moto_forgets_between_tests_again(moto: str) -> None:
    client = boto3.client("secretsmanager", endpoint_url=moto)
    assert client.list_secrets()["SecretList"] == []
    client.create_secret(Name="left-behind", SecretString="x")

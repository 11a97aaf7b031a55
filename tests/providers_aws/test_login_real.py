"""The login by ServiceAccount with tokens of a real API server and an STS that takes them."""

from __future__ import annotations

import base64
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import ClusterSecretStore
from secretsync.errors import StoreInvalid
from secretsync.kube.client import KubeClient
from secretsync.kube.config import from_kubeconfig
from secretsync.kube.resources import SERVICE_ACCOUNTS
from secretsync.providers.aws.login import ROLE_ANNOTATION
from secretsync.providers.protocol import Invalid, Valid
from secretsync.providers.registry import open_provider
from tests.providers_aws.cloud import credentials, current, ref, store, tricking, value

if TYPE_CHECKING:
    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.contract

ROLE = "arn:aws:iam::123456789012:role/irsa"


def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
    if operation == "AssumeRoleWithWebIdentity":
        return 200, credentials("AKIAIOSFODNN7EXAMPLE", operation=operation)
    return 200, current(request)


def claims(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def test_a_real_token_for_sts_is_exchanged(
    control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = {"jwt": {"serviceAccountRef": {"name": "reader", "namespace": namespace}}}
    async with (
        KubeClient(from_kubeconfig(control_plane.kubeconfig)) as cluster,
        tricking(monkeypatch, answer) as aws,
    ):
        metadata = {"name": "reader", "namespace": namespace, "annotations": {ROLE_ANNOTATION: ROLE}}
        await cluster.create(SERVICE_ACCOUNTS, {"metadata": metadata}, field_manager="t")
        anywhere = ClusterSecretStore.from_json(
            {
                "metadata": {"name": "store"},
                "spec": {"provider": {"aws": {"service": "SecretsManager", "region": "eu-west-1", "auth": auth}}},
            }
        )
        async with aclosing(open_provider(anywhere, namespace="elsewhere", cluster=cluster)) as provider:
            assert await provider.validate() == Valid()
            assert await value(provider, ref("s")) == b"value of s"
        told = claims(aws.asked[0][1]["WebIdentityToken"])
        assert told["sub"] == f"system:serviceaccount:{namespace}:reader"
        assert told["aud"] == ["sts.amazonaws.com"]
        assert told["exp"] - told["iat"] >= 600
        nobody = store(auth={"jwt": {"serviceAccountRef": {"name": "nobody"}}})
        async with aclosing(open_provider(nobody, namespace=namespace, cluster=cluster)) as provider:
            with pytest.raises(StoreInvalid, match="nobody, which does not exist"):
                await provider.validate()


async def test_a_service_account_that_goes_makes_the_next_login_fail(
    control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = {"jwt": {"serviceAccountRef": {"name": "reader", "namespace": namespace}}}
    spec = {"provider": {"aws": {"service": "SecretsManager", "region": "eu-west-1", "auth": auth}}}
    anywhere = ClusterSecretStore.from_json({"metadata": {"name": "store"}, "spec": spec})

    def briefly(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "AssumeRoleWithWebIdentity":
            return 200, credentials("AKIAIOSFODNN7EXAMPLE", operation=operation, seconds=60)
        return answer(operation, request)

    async with (
        KubeClient(from_kubeconfig(control_plane.kubeconfig)) as cluster,
        tricking(monkeypatch, briefly),
    ):
        metadata = {"name": "reader", "namespace": namespace, "annotations": {ROLE_ANNOTATION: ROLE}}
        await cluster.create(SERVICE_ACCOUNTS, {"metadata": metadata}, field_manager="t")
        async with aclosing(open_provider(anywhere, namespace="elsewhere", cluster=cluster)) as provider:
            assert await value(provider, ref("s")) == b"value of s"
            await cluster.delete(SERVICE_ACCOUNTS, "reader", namespace)
            with pytest.raises(StoreInvalid, match="does not exist"):
                await value(provider, ref("s"))
            assert isinstance(await provider.validate(), Invalid)

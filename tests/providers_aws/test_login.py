"""Where credentials come from, which roles they assume, and how a store is validated."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from secretsync.errors import ClusterUnavailable, ProviderDenied, StoreInvalid
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import SERVICE_ACCOUNTS
from secretsync.providers.aws import open_store
from secretsync.providers.aws.login import AUDIENCE_ANNOTATION, ROLE_ANNOTATION
from secretsync.providers.protocol import Invalid, Unknown, Valid
from secretsync.providers.registry import open_provider, served
from tests.providers_aws.cloud import (
    AUTH,
    KEY_ID,
    REGION,
    cluster,
    cluster_store,
    credentials,
    current,
    opened,
    ref,
    secret,
    secrets_manager,
    store,
    sts_error,
    tricking,
    value,
)

if TYPE_CHECKING:
    from secretsync.api import JsonObject

pytestmark = pytest.mark.contract

JWT: JsonObject = {"jwt": {"serviceAccountRef": {"name": "reader", "audiences": ["extra"]}}}


def service_account(namespace: str = "ns", **annotations: str) -> JsonObject:
    metadata = {"name": "reader", "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def annotated(role: str = "arn:aws:iam::123456789012:role/irsa", **more: str) -> JsonObject:
    return service_account(**{ROLE_ANNOTATION: role, **more})


def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")


def test_the_registry_serves_aws_and_loads_the_sdk_only_when_it_is_used() -> None:
    assert "aws" in served()
    program = "import sys, secretsync.providers.aws; print([m for m in sys.modules if m.startswith('boto')])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


async def test_static_credentials_sign_with_their_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = {"secretRef": {**AUTH["secretRef"], "sessionTokenSecretRef": {"name": "aws", "key": "token"}}}
    async with (
        tricking(monkeypatch, lambda _, request: (200, current(request))) as aws,
        aclosing(open_provider(store(auth=auth), namespace="ns", cluster=cluster())) as provider,
    ):
        assert await value(provider, ref("s")) == b"value of s"
    assert f"Credential={KEY_ID}/" in aws.authorizations[0]
    assert f"/{REGION}/secretsmanager/" in aws.authorizations[0]
    assert "x-amz-security-token" in aws.authorizations[0]


async def test_the_environment_gives_credentials_where_the_store_does_not(aws: str) -> None:
    secrets_manager(aws).create_secret(Name="s", SecretString="v")
    async with aclosing(open_store(store(auth={}), namespace="ns", cluster=MemoryCluster())) as provider:
        assert await provider.validate() == Valid()
        assert await value(provider, ref("s")) == b"v"


async def test_no_credentials_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    without_credentials(monkeypatch)
    async with aclosing(open_store(store(auth={}), namespace="ns", cluster=MemoryCluster())) as provider:
        validity = await provider.validate()
        assert isinstance(validity, Invalid)
        assert "no credentials" in validity.reason
        with pytest.raises(ProviderDenied, match="no credentials"):
            await value(provider, ref("s"))


async def test_static_credentials_are_valid_without_asking_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tricking(monkeypatch, lambda _, __: (500, "")) as aws, aclosing(opened()) as provider:
        assert await provider.validate() == Valid()
        assert not aws.asked


@pytest.mark.parametrize(
    ("objects", "problem"),
    [
        ([], "Secret ns/aws, which does not exist"),
        ([secret("aws", id="x")], "key 'secret'"),
        ([secret("aws", id="x", secret=" ")], "holds no AWS credential"),
        ([secret("aws", id="x", secret="zażółć")], "holds no AWS credential"),
    ],
)
async def test_credentials_that_cannot_be_had_make_no_client(objects: list[JsonObject], problem: str) -> None:
    async with aclosing(open_store(store(), namespace="ns", cluster=MemoryCluster(objects))) as provider:
        with pytest.raises(StoreInvalid, match=problem):
            await provider.validate()
        with pytest.raises(StoreInvalid, match=problem):
            await value(provider, ref("s"))


async def test_an_api_server_that_fails_makes_no_client() -> None:
    kube = cluster()

    def fail(verb: str, resource: str, path: str) -> None:
        raise ClusterUnavailable("gone")

    kube.before = fail
    async with aclosing(open_store(store(), namespace="ns", cluster=kube)) as provider:
        with pytest.raises(StoreInvalid, match="gone"):
            await provider.validate()


@pytest.mark.parametrize("region", ["", "../evil", "eu west"])
async def test_a_region_that_is_none_makes_no_client(region: str) -> None:
    with pytest.raises(StoreInvalid, match="region"):
        async with aclosing(opened(region=region)) as provider:
            await provider.validate()


@pytest.mark.parametrize("variable", ["AWS_SECRETSMANAGER_ENDPOINT", "AWS_ENDPOINT_URL"])
async def test_an_endpoint_that_is_none_makes_no_client(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "not an address")
    async with aclosing(opened()) as provider:
        with pytest.raises(StoreInvalid, match="no client of AWS"):
            await provider.validate()


async def test_the_usual_endpoint_variable_is_heard(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets_manager(moto).create_secret(Name="s", SecretString="v")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    async with aclosing(opened()) as provider:
        assert await value(provider, ref("s")) == b"v"


async def test_roles_are_assumed_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter(["AKIAIOSFODNN7EXAMPL1", "AKIAIOSFODNN7EXAMPL2", "AKIAIOSFODNN7EXAMPL3"])

    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        return (200, credentials(next(keys))) if operation == "AssumeRole" else (200, current(request))

    chain: JsonObject = {
        "additionalRoles": ["arn:aws:iam::111111111111:role/one", "arn:aws:iam::111111111111:role/two"],
        "role": "arn:aws:iam::222222222222:role/last",
        "externalID": "outside",
        "sessionTags": [{"key": "team", "value": "a"}, {"key": "esoNamespace", "value": "pretended"}],
        "transitiveTagKeys": ["team"],
        "sessionTagsPolicy": "Custom",
        "customSessionTags": {"stage": "dev"},
    }
    async with tricking(monkeypatch, answer) as aws, aclosing(opened(**chain)) as provider:
        assert await provider.validate() == Valid()
        assert await value(provider, ref("s")) == b"value of s"
        assert await value(provider, ref("t")) == b"value of t"
    assert aws.counts == {"AssumeRole": 3, "GetSecretValue": 2}
    requests = [request for operation, request in aws.asked if operation == "AssumeRole"]
    assert [request["RoleArn"] for request in requests] == [*chain["additionalRoles"], chain["role"]]
    assert not any("ExternalId" in request or "Tags.member.1.Key" in request for request in requests[:2])
    last = requests[2]
    assert last["ExternalId"] == "outside"
    assert last["TransitiveTagKeys.member.1"] == "team"
    tags = {last[f"Tags.member.{n}.Key"]: last[f"Tags.member.{n}.Value"] for n in range(1, 6)}
    assert tags == {
        "team": "a",
        "stage": "dev",
        "esoNamespace": "ns",
        "esoStoreName": "store",
        "esoStoreKind": "SecretStore",
    }
    signed = [authorization.partition("Credential=")[2].partition("/")[0] for authorization in aws.authorizations]
    assert signed[:4] == [KEY_ID, "AKIAIOSFODNN7EXAMPL1", "AKIAIOSFODNN7EXAMPL2", "AKIAIOSFODNN7EXAMPL3"]


async def test_a_role_in_another_account_reads_that_accounts_secrets(aws: str) -> None:
    role = "arn:aws:iam::222222222222:role/reader"
    options: Any = {"region_name": REGION, "endpoint_url": aws}
    sts = boto3.client("sts", aws_access_key_id="testing", aws_secret_access_key="testing", **options)
    given = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    other = boto3.client(
        "secretsmanager",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        **options,
    )
    other.create_secret(Name="there", SecretString="over there")
    async with aclosing(opened(role=role)) as provider:
        assert await value(provider, ref("there")) == b"over there"
    async with aclosing(opened()) as provider:
        assert not isinstance(await value(provider, ref("there")), bytes)


async def test_a_denied_role_makes_the_store_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    role = "arn:aws:iam::222222222222:role/reader"
    async with (
        tricking(monkeypatch, lambda _, __: (403, sts_error("AccessDenied", "no"))),
        aclosing(opened(role=role)) as provider,
    ):
        validity = await provider.validate()
        assert isinstance(validity, Invalid)
        assert f"allow sts:AssumeRole on {role}" in validity.reason
        with pytest.raises(ProviderDenied, match="sts:AssumeRole") as caught:
            await value(provider, ref("s"))
    assert caught.value.place == "SecretStore ns/store"


def web_identity(seconds: int) -> Any:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "AssumeRoleWithWebIdentity":
            return 200, credentials("AKIAIOSFODNN7EXAMPLE", operation=operation, seconds=seconds)
        return 200, current(request)

    return answer


async def test_the_token_of_a_service_account_is_exchanged_for_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    without_credentials(monkeypatch)
    kube = cluster(annotated())
    async with (
        tricking(monkeypatch, web_identity(3600)) as aws,
        aclosing(open_store(store(auth={**JWT, **AUTH}), namespace="ns", cluster=kube)) as provider,
    ):
        assert await provider.validate() == Valid()
        for _ in range(2):
            assert await value(provider, ref("s")) == b"value of s"
    assert aws.counts == {"AssumeRoleWithWebIdentity": 1, "GetSecretValue": 2}
    operation, request = aws.asked[0]
    assert (operation, request["RoleArn"]) == ("AssumeRoleWithWebIdentity", "arn:aws:iam::123456789012:role/irsa")
    assert request["RoleSessionName"] == "external-secrets-provider-aws"
    claims = json.loads(base64.urlsafe_b64decode(request["WebIdentityToken"]))
    assert claims == {"sub": "system:serviceaccount:ns:reader", "aud": ["extra", "sts.amazonaws.com"]}
    assert aws.authorizations[0] == ""
    assert "Credential=AKIAIOSFODNN7EXAMPLE/" in aws.authorizations[1]
    assert not [path for verb, _, path in kube.requests if path.endswith("/aws")], "static credentials come second"


async def test_credentials_that_end_soon_are_replaced_with_a_fresh_token(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = cluster(annotated(**{AUDIENCE_ANNOTATION: "own"}))
    async with (
        tricking(monkeypatch, web_identity(60)) as aws,
        aclosing(open_store(store(auth=JWT), namespace="ns", cluster=kube)) as provider,
    ):
        for _ in range(2):
            assert await value(provider, ref("s")) == b"value of s"
    assert aws.counts["AssumeRoleWithWebIdentity"] >= 2
    tokens = [path for verb, _, path in kube.requests if verb == "create"]
    assert len(tokens) == aws.counts["AssumeRoleWithWebIdentity"]
    claims = json.loads(base64.urlsafe_b64decode(aws.asked[0][1]["WebIdentityToken"]))
    assert claims["aud"] == ["extra", "own"]


@pytest.mark.parametrize(
    ("auth", "objects", "problem"),
    [
        (JWT, [], "ServiceAccount ns/reader, which does not exist"),
        (JWT, [service_account()], "has no role"),
        ({"jwt": {}}, [], "names no ServiceAccount"),
    ],
)
async def test_a_service_account_that_cannot_be_used_makes_no_client(
    auth: JsonObject, objects: list[JsonObject], problem: str
) -> None:
    async with aclosing(open_store(store(auth=auth), namespace="ns", cluster=MemoryCluster(objects))) as provider:
        with pytest.raises(StoreInvalid, match=problem):
            await provider.validate()


async def test_a_token_that_cannot_be_had_makes_the_store_invalid() -> None:
    kube = cluster(annotated())

    def fail(verb: str, resource: str, path: str) -> None:
        if verb == "create" and resource == SERVICE_ACCOUNTS.plural:
            raise ClusterUnavailable("no tokens today")

    kube.before = fail
    async with aclosing(open_store(store(auth=JWT), namespace="ns", cluster=kube)) as provider:
        validity = await provider.validate()
    assert isinstance(validity, Invalid)
    assert "no tokens today" in validity.reason


async def test_referent_credentials_are_those_of_the_external_secrets_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kube = MemoryCluster([secret("aws", "team", id="AKIAIOSFODNN7TEAMKEY", secret="s")])
    async with tricking(monkeypatch, lambda _, request: (200, current(request))) as aws:
        async with aclosing(open_store(cluster_store(auth=AUTH), namespace="", cluster=kube)) as provider:
            assert isinstance(await provider.validate(), Unknown)
            with pytest.raises(StoreInvalid, match="names no namespace"):
                await value(provider, ref("s"))
        async with aclosing(open_store(cluster_store(auth=AUTH), namespace="team", cluster=kube)) as provider:
            assert await value(provider, ref("s")) == b"value of s"
    assert "AKIAIOSFODNN7TEAMKEY" in aws.authorizations[0]


def test_certificate_manager_is_not_served() -> None:
    with pytest.raises(StoreInvalid, match="CertificateManager is not served"):
        opened("CertificateManager")


async def test_closing_gives_back_the_threads_and_a_closed_store_opens_again(aws: str) -> None:
    secrets_manager(aws).create_secret(Name="s", SecretString="v")
    provider = opened()
    await provider.aclose()
    assert await value(provider, ref("s")) == b"v"
    pool = provider._connection._opened.pool  # type: ignore[union-attr]
    await provider.aclose()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(print)
    assert await value(provider, ref("s")) == b"v"
    await provider.aclose()

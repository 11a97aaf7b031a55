"""What tests need of AWS: clients of the moto server, stores that point at it, and a server that plays tricks."""

from __future__ import annotations

import base64
import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import boto3
from aiohttp import web

from secretsync.api import ClusterSecretStore, RemoteRef, SecretStore
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.aws import AWSStore, open_store
from secretsync.providers.protocol import Missing
from tests.kube.scripted import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

    from secretsync.api import JsonObject
    from secretsync.providers.protocol import Provider

REGION = "eu-west-1"
KEY_ID = "AKIAIOSFODNN7CANARY1"
SECRET_KEY = "canary-secret-access-key"
SESSION_TOKEN = "canary-session-token"

AUTH: JsonObject = {
    "secretRef": {
        "accessKeyIDSecretRef": {"name": "aws", "key": "id"},
        "secretAccessKeySecretRef": {"name": "aws", "key": "secret"},
    }
}


def secret(name: str, namespace: str = "ns", **data: str) -> JsonObject:
    """A Secret."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": encoded}


def cluster(*objects: JsonObject) -> MemoryCluster:
    """A cluster with the credentials and `objects`."""
    return MemoryCluster([secret("aws", id=KEY_ID, secret=SECRET_KEY, token=SESSION_TOKEN), *objects])


def store(service: str = "SecretsManager", *, retry: JsonObject | None = None, **aws: Any) -> SecretStore:
    """A SecretStore ``ns/store`` with static credentials."""
    spec: JsonObject = {"provider": {"aws": {"service": service, "region": REGION, "auth": AUTH, **aws}}}
    if retry is not None:
        spec["retrySettings"] = retry
    return SecretStore.from_json({"metadata": {"name": "store", "namespace": "ns"}, "spec": spec})


def cluster_store(**aws: Any) -> ClusterSecretStore:
    """A ClusterSecretStore ``store``."""
    spec: JsonObject = {"provider": {"aws": {"service": "SecretsManager", "region": REGION, **aws}}}
    return ClusterSecretStore.from_json({"metadata": {"name": "store"}, "spec": spec})


def opened(service: str = "SecretsManager", **aws: Any) -> AWSStore:
    """The backend of `store`."""
    return open_store(store(service, **aws), namespace="ns", cluster=cluster())


def secrets_manager(endpoint: str) -> SecretsManagerClient:
    """A client of the tests' own."""
    return boto3.client(
        "secretsmanager",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def parameter_store(endpoint: str) -> SSMClient:
    """A client of the tests' own."""
    return boto3.client(
        "ssm", region_name=REGION, endpoint_url=endpoint, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def ref(key: str, **fields: Any) -> RemoteRef:
    """A remoteRef."""
    return RemoteRef.from_json({"key": key, **fields})


async def value(provider: Provider, wanted: RemoteRef) -> bytes | Missing:
    """What one data entry gets."""
    key = provider.remote_key(wanted)
    fetched = (await provider.get([key]))[key]
    return fetched if isinstance(fetched, Missing) else provider.value(fetched, wanted)


@dataclass
class Trickster:
    """An AWS endpoint whose answers a test writes.

    Attributes:
        answer: gives status and body for an operation and its request.
        asked: operations and their requests, in order.
    """

    answer: Callable[[str, dict[str, Any]], tuple[int, object]]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(operation for operation, _ in self.asked)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = await request.read()
        parsed = json.loads(body) if operation else dict(parse_qsl(body.decode()))
        operation = operation or parsed["Action"]
        self.asked.append((operation, parsed))
        self.authorizations.append(request.headers.get("Authorization", ""))
        status, answer = self.answer(operation, parsed)
        if isinstance(answer, str):
            return web.Response(status=status, text=answer, content_type="text/xml")
        return web.json_response(answer, status=status, content_type="application/x-amz-json-1.1")


@asynccontextmanager
async def tricking(
    monkeypatch: Any, answer: Callable[[str, dict[str, Any]], tuple[int, object]]
) -> AsyncIterator[Trickster]:
    """The endpoint of all services is one that answers as a test says."""
    trickster = Trickster(answer)
    async with serving(trickster.handle) as address:
        for name in ("AWS_SECRETSMANAGER_ENDPOINT", "AWS_SSM_ENDPOINT", "AWS_STS_ENDPOINT"):
            monkeypatch.setenv(name, address)
        yield trickster


def error(code: str, message: str = "") -> dict[str, str]:
    """The body of a refusal."""
    return {"__type": f"com.amazonaws.service#{code}", "message": message}


def current(request: Mapping[str, Any]) -> dict[str, str]:
    """A GetSecretValue answer whose value tells what was asked for."""
    name = request["SecretId"]
    return {"ARN": f"arn:x:{name}", "Name": name, "VersionId": "v1", "SecretString": f"value of {name}"}


def credentials(key_id: str, *, operation: str = "AssumeRole", seconds: int = 3600) -> str:
    """The answer of STS to `operation`: credentials for so many seconds."""
    end = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    given = (
        f"<AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{SECRET_KEY}</SecretAccessKey>"
        f"<SessionToken>{SESSION_TOKEN}</SessionToken><Expiration>{end}</Expiration>"
    )
    return (
        f'<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>'
        f"<Credentials>{given}</Credentials></{operation}Result></{operation}Response>"
    )


def sts_error(code: str, message: str = "") -> str:
    """The body of a refusal of STS."""
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )

"""What the checks say of keys, sizes and types is what a real API server says of the same Secret."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.checks import Severity, content
from secretsync.checks.key_names import KeyNames
from secretsync.checks.subject import Subject
from secretsync.errors import ClusterRefused
from secretsync.kube.client import KubeClient
from secretsync.kube.config import from_kubeconfig
from secretsync.kube.resources import SECRETS
from secretsync.sync import target
from secretsync.sync.types import TargetContent
from tests.checks.stage import declared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from secretsync.api import JsonObject
    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.contract

INVALID = 422
LIMIT = target.SIZE_LIMIT
CASES: list[tuple[str, dict[str, bytes], bool]] = [
    ("", {"a": b"x"}, True),
    ("", {}, True),
    ("", {"größe": b"x"}, False),
    ("", {"a b": b"x"}, False),
    ("", {".": b"x"}, False),
    ("", {"..": b"x"}, False),
    ("", {"..a": b"x"}, False),
    ("", {".a": b"x"}, True),
    ("", {"a..": b"x"}, True),
    ("", {"x" * 253: b"x"}, True),
    ("", {"x" * 254: b"x"}, False),
    ("", {"a": b"x" * LIMIT}, True),
    ("kubernetes.io/tls", {"tls.crt": b"", "tls.key": b""}, True),
    ("kubernetes.io/tls", {"tls.crt": b"x"}, False),
    ("kubernetes.io/ssh-auth", {"ssh-privatekey": b"x"}, True),
    ("kubernetes.io/ssh-auth", {"ssh-privatekey": b""}, False),
    ("kubernetes.io/ssh-auth", {}, False),
    ("kubernetes.io/basic-auth", {"username": b""}, True),
    ("kubernetes.io/basic-auth", {"password": b"x"}, True),
    ("kubernetes.io/basic-auth", {"a": b"x"}, False),
    ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b"{}"}, True),
    ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b"[]"}, False),
    ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b"{"}, False),
    ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b""}, False),
    ("kubernetes.io/dockerconfigjson", {"a": b"{}"}, False),
    ("kubernetes.io/dockercfg", {".dockercfg": b"{}"}, True),
    ("kubernetes.io/dockercfg", {".dockercfg": b"null"}, True),
    ("kubernetes.io/dockercfg", {".dockercfg": b"NaN"}, False),
    ("kubernetes.io/service-account-token", {"a": b"x"}, False),
    ("example.com/own", {"a": b"x"}, True),
]


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    async with KubeClient(from_kubeconfig(control_plane.kubeconfig)) as client:
        yield client


def subject_in(namespace: str, name: str = "app") -> Subject:
    made = declared(name)
    return Subject(made.model_copy(update={"metadata": made.metadata.model_copy(update={"namespace": namespace})}))


def errors(subject: Subject, wanted: JsonObject, live: JsonObject | None) -> list[str]:
    data = target.decoded_data(wanted)
    found = [*content.keys(subject, data, KeyNames(frozenset(data))), *content.size(subject, data)]
    found += content.secret_type(subject, wanted, live)
    found += content.immutable(subject, wanted, live, KeyNames()) if live is not None else []
    return [str(finding) for finding in found if finding.severity is Severity.Error]


async def refused(cluster: KubeClient, wanted: JsonObject, live: JsonObject | None) -> bool:
    try:
        if live is None:
            await cluster.create(SECRETS, wanted, field_manager="test", dry_run=True)
        else:
            await cluster.replace(SECRETS, wanted, field_manager="test", dry_run=True)
    except ClusterRefused as error:
        if error.status != INVALID:
            raise
        return True
    return False


def of_type(kind: str, data: Mapping[str, bytes]) -> TargetContent:
    return TargetContent(kind, data, {}, {})


async def test_a_new_secret(cluster: KubeClient, namespace: str) -> None:
    for number, (kind, data, accepted) in enumerate(CASES):
        subject = subject_in(namespace, f"app-{number}")
        wanted = target.desired(subject.external_secret, of_type(kind, data), None)
        assert await refused(cluster, wanted, None) is not accepted, (kind, list(data))
        assert bool(errors(subject, wanted, None)) is not accepted, (kind, list(data))


async def test_a_secret_that_is_there(cluster: KubeClient, namespace: str) -> None:
    kinds = ("", "Opaque", "example.com/own")
    numbers = itertools.count()
    for before, after, immutable, data in itertools.product(kinds, kinds, (False, True), ({"a": b"x"}, {"a": b"y"})):
        subject = subject_in(namespace, f"app-{next(numbers)}")
        first: dict[str, Any] = target.desired(subject.external_secret, of_type(before, {"a": b"x"}), None)
        live = await cluster.create(SECRETS, {**first, "immutable": immutable}, field_manager="test")
        wanted = target.desired(subject.external_secret, of_type(after, data), live)
        case = (before, after, immutable, data)
        assert await refused(cluster, wanted, live) is bool(errors(subject, wanted, live)), case

"""Generators by name: which object is asked, what it gives, and how one that cannot be asked is told of."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.api import GeneratorRef
from secretsync.errors import GeneratorError
from secretsync.kube.fake import MemoryCluster
from secretsync.sync.generating import SSH_KEYS, generate

pytestmark = pytest.mark.unit

API_VERSION = "generators.external-secrets.io/v1alpha1"
SERVED = "use one of Fake, Password, SSHKey, UUID"


def _generator(kind: str, spec: dict[str, Any], namespace: str = "team", name: str = "g") -> dict[str, Any]:
    metadata = {"name": name} if kind == "ClusterGenerator" else {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


async def _generate(kind: str, *objects: dict[str, Any]) -> dict[str, bytes]:
    cluster = MemoryCluster()
    cluster.register(SSH_KEYS)
    for obj in objects:
        resource = await cluster.discover(obj["apiVersion"], obj["kind"])
        assert resource is not None
        await cluster.create(resource, obj, field_manager="kubectl")
    ref = GeneratorRef.from_json({"apiVersion": API_VERSION, "kind": kind, "name": "g"})
    return await generate(ref, namespace="team", cluster=cluster)


async def test_the_generator_of_the_own_namespace_is_asked() -> None:
    other = _generator("Fake", {"data": {"a": "other"}}, "elsewhere")
    assert await _generate("Fake", other, _generator("Fake", {"data": {"a": "own"}})) == {"a": b"own"}
    with pytest.raises(GeneratorError):
        await _generate("Fake", other)


@pytest.mark.parametrize(
    ("kind", "member", "spec", "keys"),
    [
        ("Fake", "fakeSpec", {"data": {"a": "1"}}, {"a"}),
        ("Password", "passwordSpec", {"length": 12, "secretKeys": ["one", "two"]}, {"one", "two"}),
        ("UUID", "uuidSpec", {}, {"uuid"}),
        ("SSHKey", "sshKeySpec", {"keyType": "ed25519"}, {"privateKey", "publicKey"}),
    ],
)
async def test_every_kind_is_served_by_itself_and_inside_a_cluster_generator(
    kind: str, member: str, spec: dict[str, Any], keys: set[str]
) -> None:
    assert set(await _generate(kind, _generator(kind, spec))) == keys
    wrapped = _generator("ClusterGenerator", {"kind": kind, "generator": {member: spec}})
    assert set(await _generate("ClusterGenerator", wrapped)) == keys


@pytest.mark.parametrize(
    ("kind", "objects", "message"),
    [
        ("Fake", [], "Fake g: there is no such generator; create it"),
        ("ClusterGenerator", [], "ClusterGenerator g: there is no such generator; create it"),
        ("Grafana", [], f"Grafana g: generators of kind Grafana are not served; {SERVED}"),
        (
            "ClusterGenerator",
            [_generator("ClusterGenerator", {"kind": "Grafana", "generator": {}})],
            f"ClusterGenerator g: generators of kind Grafana are not served; {SERVED}",
        ),
        (
            "ClusterGenerator",
            [_generator("ClusterGenerator", {})],
            f"ClusterGenerator g: generators of kind  are not served; {SERVED}",
        ),
        (
            "ClusterGenerator",
            [
                _generator(
                    "ClusterGenerator", {"kind": "Password", "generator": {"passwordSpec": {"length": 2, "digits": 3}}}
                )
            ],
            (
                "ClusterGenerator g, Password g: the number of digits and symbols must not be above the length; "
                "change its specification"
            ),
        ),
        (
            "Password",
            [_generator("Password", {"length": 2, "digits": 3})],
            "Password team/g: the number of digits and symbols must not be above the length; change its specification",
        ),
    ],
)
async def test_a_generator_that_cannot_be_asked_is_named_with_a_remedy(
    kind: str, objects: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(GeneratorError) as refused:
        await _generate(kind, *objects)
    assert str(refused.value) == message

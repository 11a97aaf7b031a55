"""Generators by name: which object is asked, what it gives, and how one that cannot be asked is told of."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.api import GeneratorRef
from secretsync.errors import GeneratorError
from secretsync.kube.fake import MemoryCluster
from secretsync.sync.generating import SSH_KEYS, controller_class, generate

pytestmark = pytest.mark.unit

API_VERSION = "generators.external-secrets.io/v1alpha1"
SERVED = "use one of Fake, Password, SSHKey, UUID"


def _generator(kind: str, spec: dict[str, Any], namespace: str = "team", name: str = "g") -> dict[str, Any]:
    metadata = {"name": name} if kind == "ClusterGenerator" else {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _ref(kind: str, api_version: str = API_VERSION) -> GeneratorRef:
    return GeneratorRef.from_json({"apiVersion": api_version, "kind": kind, "name": "g"})


async def _holding(*objects: dict[str, Any]) -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.register(SSH_KEYS)
    for obj in objects:
        resource = await cluster.discover(obj["apiVersion"], obj["kind"])
        assert resource is not None
        await cluster.create(resource, obj, field_manager="kubectl")
    return cluster


async def _generate(kind: str, *objects: dict[str, Any]) -> dict[str, bytes]:
    return await generate(_ref(kind), namespace="team", cluster=await _holding(*objects))


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
            [_generator("ClusterGenerator", {"kind": "Password", "generator": {"fakeSpec": {"data": {"a": "1"}}}})],
            "ClusterGenerator g: its kind is Password, but it has no passwordSpec; add spec.generator.passwordSpec",
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


async def test_a_reference_to_another_api_version_is_refused() -> None:
    cluster = await _holding(_generator("Fake", {"data": {"a": "1"}}))
    with pytest.raises(GeneratorError) as refused:
        await generate(_ref("Fake", "v1"), namespace="team", cluster=cluster)
    assert str(refused.value) == f"Fake g: there are no generators of the apiVersion v1; use {API_VERSION}"


@pytest.mark.parametrize(
    ("kind", "objects", "expected"),
    [
        ("Fake", [_generator("Fake", {"controller": "other", "data": {}})], "other"),
        ("Fake", [_generator("Fake", {"data": {}})], ""),
        ("Fake", [], ""),
        ("Grafana", [], ""),
        (
            "ClusterGenerator",
            [_generator("ClusterGenerator", {"kind": "Fake", "generator": {"fakeSpec": {"controller": "other"}}})],
            "other",
        ),
        ("ClusterGenerator", [_generator("ClusterGenerator", {"kind": "Fake", "generator": {}})], ""),
    ],
)
async def test_the_controller_class_of_a_generator_is_its_own_or_that_of_the_one_inside(
    kind: str, objects: list[dict[str, Any]], expected: str
) -> None:
    cluster = await _holding(*objects)
    assert await controller_class(_ref(kind), namespace="team", cluster=cluster) == expected

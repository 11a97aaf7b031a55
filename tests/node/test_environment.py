from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.node.environment import (
    ContainerConfigError,
    Variables,
    command_line,
    content,
    expand,
    on_volumes,
    resolve,
)

pytestmark = pytest.mark.unit

POD = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"app": "web"}},
    "spec": {"serviceAccountName": "sa", "nodeName": "local"},
}
OBJECTS = {
    ("Secret", "s"): {"kind": "Secret", "data": {"k": base64.b64encode("grün".encode()).decode()}},
    ("Secret", "bytes"): {"kind": "Secret", "data": {"k": "/w==", "nul": "AA=="}},
    ("ConfigMap", "c"): {"kind": "ConfigMap", "data": {"a": "1"}, "binaryData": {"b": "Mg=="}},
}


async def read(kind: str, name: str) -> dict[str, Any] | None:
    return OBJECTS.get((kind, name))


async def resolved(**container: Any) -> dict[str, str]:
    return dict((await resolve(container, POD, read=read, ip="127.0.0.1")).values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("$(A)$(B)", "12"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A", "$A"),
        ("$(A", "$(A"),
    ],
)
def test_references_expand_as_kubernetes_does_it(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_references_stays(text: str) -> None:
    assert expand(text, {"A": "1"}) == text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "p"),
        ("metadata.namespace", "n"),
        ("metadata.uid", "u"),
        ("metadata.labels['app']", "web"),
        ("spec.serviceAccountName", "sa"),
        ("status.podIP", "127.0.0.1"),
    ],
)
async def test_fields_of_the_pod_become_variables(path: str, expected: str) -> None:
    assert await resolved(env=[{"name": "V", "valueFrom": {"fieldRef": {"fieldPath": path}}}]) == {"V": expected}


async def test_keys_of_secrets_and_config_maps_become_variables() -> None:
    sources = [{"configMapRef": {"name": "c"}, "prefix": "C_"}, {"secretRef": {"name": "s"}}]
    variables = [{"name": "V", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    assert await resolved(envFrom=sources, env=variables) == {"C_a": "1", "C_b": "2", "k": "grün", "V": "grün"}


async def test_later_variables_see_earlier_ones_only() -> None:
    variables = [{"name": "B", "value": "$(A)"}, {"name": "A", "value": "1"}, {"name": "C", "value": "$(A)"}]
    assert await resolved(env=variables) == {"B": "$(A)", "A": "1", "C": "1"}


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
        ({"configMapKeyRef": {"name": "c", "key": "z"}}, 'couldn\'t find key "z" in configmap "c"'),
        ({"secretKeyRef": {"name": "bytes", "key": "k"}}, "is not text"),
        ({"secretKeyRef": {"name": "bytes", "key": "nul"}}, "NUL"),
    ],
)
async def test_what_cannot_be_a_variable_is_named(origin: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContainerConfigError, match=problem):
        await resolved(env=[{"name": "V", "valueFrom": origin}])


async def test_what_is_optional_may_be_missing() -> None:
    variables = [{"name": "V", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": True}}}]
    sources = [{"secretRef": {"name": "none", "optional": True}}]
    assert await resolved(env=variables, envFrom=sources) == {}


def test_values_are_not_shown() -> None:
    assert "hidden" not in repr(Variables({"PASSWORD": "hidden"}))
    assert "PASSWORD" in repr(Variables({"PASSWORD": "hidden"}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--config=/etc/config/file.yaml", "--config=/d/config/file.yaml"),
        ("/etc/config", "/d/config"),
        ("/etc/config/deep/x", "/d/deep/x"),
        ("/etc/configuration", "/etc/configuration"),
        ("/other/etc/config", "/other/etc/config"),
        ("a:/etc/config:b", "a:/d/config:b"),
        ("https://host/etc/config", "https://host/etc/config"),
    ],
)
def test_paths_below_mounts_are_rewritten(text: str, expected: str) -> None:
    assert on_volumes(text, {"/etc/config": "/d/config", "/etc/config/deep": "/d/deep"}) == expected


def test_the_image_runs_its_module_and_a_command_replaces_it() -> None:
    assert command_line({"args": ["run", "$(A)"]}, "product", "/python", {"A": "1"}) == [
        "/python", "-m", "product", "run", "1",
    ]  # fmt: skip
    own = {"command": ["python3", "-m", "other"], "args": ["x"]}
    assert command_line(own, "product", "/python", {}) == ["/python", "-m", "other", "x"]


def test_an_object_without_keys_is_empty() -> None:
    assert content({"kind": "Secret"}) == {}
    assert content({"kind": "ConfigMap", "data": None}) == {}

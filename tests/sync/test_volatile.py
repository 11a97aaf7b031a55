"""What makes new values each time is found in the declaration."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.sync.volatile import volatile_parts
from tests.sync.builders import external_secret

pytestmark = pytest.mark.unit


def generator(kind: str) -> dict[str, Any]:
    ref = {"apiVersion": "generators.external-secrets.io/v1alpha1", "kind": kind, "name": "g"}
    return {"sourceRef": {"generatorRef": ref}}


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ({}, ()),
        ({"target": {"template": {"data": {"a": "{{ .own | upper }}"}}}}, ()),
        ({"target": {"template": {"data": {"a": "{{ now }}"}}}}, ("spec.target.template.data.a: now",)),
        (
            {"target": {"template": {"data": {"a": "{{ uuidv4 }}{{ randAlpha 3 }}"}}}},
            ("spec.target.template.data.a: randAlpha, uuidv4",),
        ),
        (
            {"target": {"template": {"templateFrom": [{"literal": "a: {{ randNumeric 3 }}"}]}}},
            ("spec.target.template.templateFrom[0].literal: randNumeric",),
        ),
        (
            {"target": {"template": {"metadata": {"annotations": {"at": "{{ now }}"}}, "data": {"a": "b"}}}},
            ("spec.target.template.metadata.annotations.at: now",),
        ),
        (
            {"dataFrom": [generator("Fake"), generator("Password")]},
            ("spec.dataFrom[1]: the generator Password/g",),
        ),
        (
            {
                "dataFrom": [
                    {"extract": {"key": "k"}, "rewrite": [{"transform": {"template": "{{ .value }}{{ uuidv4 }}"}}]}
                ]
            },
            ("spec.dataFrom[0].rewrite[0].transform: uuidv4",),
        ),
    ],
)
def test_volatile_parts_are_named_with_their_field(spec: dict[str, Any], parts: tuple[str, ...]) -> None:
    assert volatile_parts(external_secret(**spec)) == parts

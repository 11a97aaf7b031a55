"""ExternalSecrets change their lane in the stack file, and back: nobody who reads the Secrets notices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.e2e.checkout import NAMESPACE, OPERATOR_SECRET, PULUMI_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.e2e

SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
OBJECTS = f"/apis/external-secrets.io/v1/namespaces/{NAMESPACE}/externalsecrets"
TARGETS = (OPERATOR_SECRET, PULUMI_SECRET)


@pytest.fixture
def stack_file(platform: Checkout) -> Iterator[dict[str, Any]]:
    """The stack file's sync section, to be changed; as it was afterwards, and the lanes with it."""
    path = platform.folder / "Pulumi.dev.yaml"
    before = path.read_text()
    document = yaml.safe_load(before)

    class Section(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, value)
            document["config"]["external-secrets:sync"] = dict(self)
            path.write_text(yaml.safe_dump(document))

    try:
        yield Section(document["config"]["external-secrets:sync"])
    finally:
        if path.read_text() != before:
            path.write_text(before)
            platform.pulumi("up", "--yes", "--skip-preview")


def _events_since(platform: Checkout, version: str) -> list[tuple[str, dict[str, Any]]]:
    """All that a watch of the targets has to tell: (what happened, the Secret after it)."""
    answer = platform.kubernetes("GET", f"{SECRETS}?watch=1&resourceVersion={version}&timeoutSeconds=1")
    events = [json.loads(line) for line in answer.body.splitlines()]
    return [(event["type"], event["object"]) for event in events if event["object"]["metadata"]["name"] in TARGETS]


def _owner(secret: dict[str, Any]) -> str:
    (name,) = [owner["name"] for owner in secret["metadata"].get("ownerReferences") or [{"name": ""}]]
    return str(name)


def _objects(platform: Checkout) -> set[str]:
    return {item["metadata"]["name"] for item in platform.kubernetes("GET", OBJECTS).document()["items"]}


def _constant(secret: dict[str, Any]) -> tuple[str, str]:
    return secret["metadata"]["uid"], json.dumps([secret["data"], secret["type"]], sort_keys=True)


@pytest.mark.parametrize("set_from", [0, 1], ids=["each", "set"])
def test_a_change_of_lanes_and_back_changes_no_byte_of_data_and_no_uid(
    platform: Checkout, stack_file: dict[str, Any], set_from: int
) -> None:
    """With a set, the first change also makes one resource for all out of one for each."""
    version = platform.kubernetes("GET", SECRETS).document()["metadata"]["resourceVersion"]
    live = {name: platform.secret(name) or {} for name in TARGETS}
    before = {name: _constant(secret) for name, secret in live.items()}
    assert {name: _owner(secret) for name, secret in live.items()} == {
        OPERATOR_SECRET: "vault-example",
        PULUMI_SECRET: "",
    }

    stack_file["setFrom"] = set_from
    stack_file["pulumi"] = [f"{NAMESPACE}/vault-example"]
    platform.pulumi("up", "--yes", "--skip-preview")
    live = {name: platform.secret(name) or {} for name in TARGETS}
    assert _objects(platform) == {"vault-example-pulumi"}
    assert {name: _owner(secret) for name, secret in live.items()} == {
        OPERATOR_SECRET: "",
        PULUMI_SECRET: "vault-example-pulumi",
    }
    again = platform.pulumi("preview")
    assert "to update" not in again.output.partition("Resources:")[2]
    assert "drift" not in again.output

    stack_file["pulumi"] = [f"{NAMESPACE}/vault-example-pulumi"]
    platform.pulumi("up", "--yes", "--skip-preview")
    live = {name: platform.secret(name) or {} for name in TARGETS}
    assert _objects(platform) == {"vault-example"}
    assert {name: _owner(secret) for name, secret in live.items()} == {
        OPERATOR_SECRET: "vault-example",
        PULUMI_SECRET: "",
    }

    events = _events_since(platform, version)
    assert {secret["metadata"]["name"] for _, secret in events} == set(TARGETS)
    assert {kind for kind, _ in events} == {"MODIFIED"}
    assert {(secret["metadata"]["name"], *_constant(secret)) for _, secret in events} == {
        (name, *constant) for name, constant in before.items()
    }

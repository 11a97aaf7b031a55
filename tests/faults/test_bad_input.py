"""Wrong declarations: each is named with its place, all at once, and nothing is half-done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import OPERATOR_SECRET, PULUMI_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.faults

FIELDS = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: misspelt}
spec:
  secretStoreRefs: {name: vault-backend, kind: SecretStore}
  secretStoreRef: {name: vault-backend, kind: SecretStore}
  data: [{secretKey: a, remoteRef: {key: foo}}]
"""
KIND = "apiVersion: external-secrets.io/v1\nkind: ExternalSecrets\nmetadata: {name: plural}\nspec: {}\n"
LINK = """
apiVersion: "[external-secrets.io/v1](http://external-secrets.io/v1)"
kind: ExternalSecret
metadata: {name: pasted}
spec: {}
"""


@pytest.fixture
def manifests(platform: Checkout) -> Iterator[Checkout]:
    """The dev stack's manifests, put back as they were afterwards."""
    folder = platform.folder / "manifests" / "dev"
    before = {path: path.read_text() for path in folder.iterdir()}
    yield platform
    for path in folder.iterdir():
        if path not in before:
            path.unlink()
    for path, text in before.items():
        path.write_text(text)


def _untouched(platform: Checkout) -> tuple[list[str], list[str]]:
    """What the state knows, and which versions the Secrets have."""
    deployment = platform.pulumi("stack", "export").document()["deployment"]
    assert not deployment.get("pending_operations")
    versions = [
        (platform.secret(name) or {})["metadata"]["resourceVersion"] for name in (OPERATOR_SECRET, PULUMI_SECRET)
    ]
    return [resource["urn"] for resource in deployment["resources"]], versions


def test_every_wrong_manifest_is_named_in_one_run(manifests: Checkout) -> None:
    folder = manifests.folder / "manifests" / "dev"
    before = _untouched(manifests)
    (folder / "broken.yaml").write_text("kind: [\n")
    (folder / "fields.yaml").write_text(FIELDS)
    (folder / "kind.yaml").write_text(KIND)
    (folder / "link.yaml").write_text(LINK)
    done = manifests.local("up", check=False)
    assert done.code == 1
    for said in (
        "manifests/dev/broken.yaml:",
        "manifests/dev/fields.yaml:6",
        "secretStoreRefs",
        "manifests/dev/kind.yaml:",
        "ExternalSecrets",
        "manifests/dev/link.yaml:2",
        "external-secrets.io/v1",
    ):
        assert said in done.text
    assert "Traceback" not in done.text
    assert _untouched(manifests) == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("name: vault-backend", "SecretStore demo/nowhere: no manifest of this stack declares it"),
        ("property: my-value", "has no property 'nowhere'"),
        ("key: secret/foo", "secret/nowhere"),
    ],
)
def test_a_declaration_that_cannot_be_synced_fails_by_name_and_keeps_the_secret(
    manifests: Checkout, wrong: str, said: str
) -> None:
    path = manifests.folder / "manifests" / "dev" / "external-secret.yaml"
    operators, separator, programs = path.read_text().partition("---\n")
    field, _, value = wrong.partition(": ")
    there = value.rpartition("/")[0]
    path.write_text(operators + separator + programs.replace(wrong, f"{field}: {there + '/' if there else ''}nowhere"))
    value_before = manifests.value(PULUMI_SECRET)
    done = manifests.local("up", check=False)
    assert done.code == 1
    assert "SyncedSecret demo-vault-example-pulumi" in done.errors
    assert said in done.errors
    assert manifests.value(PULUMI_SECRET) == value_before


def test_the_right_manifests_mend_it(platform: Checkout) -> None:
    platform.local("up")
    assert platform.local("up", "--json").document()["unchanged"] is True


def test_a_wrong_setting_is_named_with_its_key(platform: Checkout) -> None:
    path = platform.folder / "Pulumi.dev.yaml"
    before = path.read_text()
    path.write_text(before.replace("replicas: 1", "replicas: none"))
    try:
        done = platform.pulumi("preview", check=False)
    finally:
        path.write_text(before)
    assert done.code != 0
    assert "external-secrets:operator.replicas" in done.text

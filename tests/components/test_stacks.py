"""The committed stacks: each file is right, its manifests are, and what it declares can be granted; offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.declarations import Declarations, declare, identity
from components.settings import PLAIN, SECTIONS
from components.testing import stack_settings
from secretsync.api import load_manifests
from tests.components.stack_files import ENVIRONMENTS, ROOT, committed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.unit

PROVISIONED = {"staging", "prod"}


def declared(stack: str) -> Declarations:
    return declare(stack_settings(ROOT, stack), root=ROOT, vault_address="https://vault.test")


def test_there_is_a_stack_file_for_each_environment_and_no_other() -> None:
    assert {path.name for path in ROOT.glob("Pulumi.*.yaml")} == {f"Pulumi.{stack}.yaml" for stack in ENVIRONMENTS}


@pytest.mark.parametrize(("stack", "environment"), ENVIRONMENTS.items())
def test_every_stack_file_is_valid_and_holds_known_keys_only(stack: str, environment: str) -> None:
    assert set(committed(stack)) <= {*PLAIN, *SECTIONS}
    assert stack_settings(ROOT, stack).environment == environment


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_every_stack_declares_what_can_be_granted(stack: str) -> None:
    made = declared(stack)
    assert made.external_secrets
    settings = stack_settings(ROOT, stack)
    served = {*(settings.vault.stores if settings.vault else ()), *(settings.aws.stores if settings.aws else ())}
    assert served == {identity(store) for store in made.stores}
    stores = [*(each.store for each in made.vault_access), *(each.store for each in made.aws_access)]
    assert {identity(store) for store in stores} == served


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_nothing_in_a_stacks_manifests_surprises(stack: str) -> None:
    manifests = load_manifests([ROOT / path for path in stack_settings(ROOT, stack).manifests], root=ROOT)
    assert [f"{each.place}: {each.problem.message}" for each in manifests.warnings] == []


@pytest.mark.parametrize("stack", [stack for stack in ENVIRONMENTS if stack != "dev"])
def test_what_external_secrets_read_in_secrets_manager_is_provisioned_and_nothing_else(stack: str) -> None:
    made, settings = declared(stack), stack_settings(ROOT, stack).aws
    assert settings is not None
    reading = {store.metadata.name for store in made.stores if _service(store.spec.provider.config) == "SecretsManager"}
    specs = [es.spec for es in made.external_secrets]
    specs += [each.spec.external_secret_spec for each in made.cluster_external_secrets]
    read = {
        ref.key
        for spec in specs
        if spec.secret_store_ref is not None and spec.secret_store_ref.name in reading
        for ref in (*(each.remote_ref for each in spec.data), *(each.extract for each in spec.data_from))
        if ref is not None
    }
    assert read == {each.name for each in settings.secrets}


def _service(config: Mapping[str, Any]) -> str:
    return str(config.get("service", ""))


@pytest.mark.parametrize("stack", [stack for stack in ENVIRONMENTS if stack != "dev"])
def test_keys_begin_with_the_namespace_or_are_shared(stack: str) -> None:
    for es in declared(stack).external_secrets:
        keys = [each.remote_ref.key for each in es.spec.data]
        keys += [each.extract.key for each in es.spec.data_from if each.extract is not None]
        keys += [each.find.path or "" for each in es.spec.data_from if each.find is not None]
        for key in keys:
            assert key.removeprefix("/").startswith((f"{es.metadata.namespace}/", "shared/"))


def test_staging_and_prod_have_the_same_shape() -> None:
    """What differs is data: values, never which keys there are."""
    assert set(_paths(committed("staging"))) == set(_paths(committed("prod")))


def _paths(value: object, at: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _paths(each, f"{at}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, f"{at}[]")
    else:
        yield at


@pytest.mark.parametrize("stack", sorted(PROVISIONED))
def test_the_cloud_stacks_hold_no_sample_and_no_plain_address(stack: str) -> None:
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    assert "http://" not in text
    settings = stack_settings(ROOT, stack)
    assert settings.aws is not None
    assert settings.vault is not None
    assert settings.aws.samples == settings.vault.samples == ()
    assert settings.vault.address is not None
    assert settings.vault.address.startswith("https://")


def test_the_cloud_stacks_are_in_accounts_of_their_own() -> None:
    accounts = {stack: committed(stack)["aws"]["accountId"] for stack in PROVISIONED | {"aws-local"}}
    assert len(set(accounts.values())) == len(accounts)


def test_the_project_declares_only_keys_that_are_settings_and_have_a_value_in_every_stack() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    keys = {name.partition(":")[2]: entry for name, entry in project.items()}
    assert set(keys) <= {*PLAIN, *SECTIONS}
    required = {name for name, entry in keys.items() if "default" not in entry}
    for stack in ENVIRONMENTS:
        assert required <= set(committed(stack)), stack

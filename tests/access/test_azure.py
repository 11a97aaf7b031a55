"""The compiler for Azure Key Vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.access.azure import AzureAccess, VaultScope, compile_azure
from secretsync.access.refusals import AccessRefused
from secretsync.errors import StoreInvalid
from tests.access.builders import declared, entry, secrets_manager, store

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit

VAULT = VaultScope("11111111-2222-3333-4444-555555555555", "platform", "team-vault")
SCOPE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform"
    "/providers/Microsoft.KeyVault/vaults/team-vault"
)
FIND = "ExternalSecret demo/e, spec.dataFrom[0].find"


def compiled(external_secret: ExternalSecret, **options: Any) -> AzureAccess:
    url = options.pop("url", "https://team-vault.vault.azure.net")
    return compile_azure(store("azurekv", vaultUrl=url), [external_secret], **{"vault": VAULT, **options})


def assigned(external_secret: ExternalSecret, **options: Any) -> list[tuple[str, str]]:
    return [(each.scope.removeprefix(SCOPE), each.role) for each in compiled(external_secret, **options).assignments]


def refused(external_secret: ExternalSecret, **options: Any) -> dict[str, str]:
    with pytest.raises(AccessRefused) as caught:
        compiled(external_secret, **options)
    return {refusal.place: refusal.problem for refusal in caught.value.refusals}


def test_a_key_is_assigned_on_its_own_scope() -> None:
    (assignment,) = compiled(declared("db", {"key": "secret/db", "property": "user"})).assignments
    assert assignment.scope == f"{SCOPE}/secrets/db"
    assert assignment.role == "Key Vault Secrets User"
    assert assignment.role_definition_id == "4633458b-17de-408a-b874-0445c86b69e6"
    assert assignment.reasons == (entry(0), entry(1))


def test_kinds_of_objects_have_roles_of_their_own() -> None:
    assert assigned(declared("cert/tls", "key/signing", "secret/db")) == [
        ("/certificates/tls", "Key Vault Certificate User"),
        ("/keys/signing", "Key Vault Reader"),
        ("/secrets/db", "Key Vault Secrets User"),
    ]


def test_a_search_needs_the_scope_of_the_vault() -> None:
    external_secret = declared("db", "key/k", find=[{"name": {"regexp": "^team"}}])
    assert "secrets are listed in a whole vault" in refused(external_secret)[FIND]
    access = compiled(external_secret, vault_scope=True)
    assert assigned(external_secret, vault_scope=True) == [
        ("", "Key Vault Secrets User"),
        ("/keys/k", "Key Vault Reader"),
    ]
    assert set(access.assignments[0].reasons) == {entry(0), FIND}
    assert access.notes == (f"{FIND}: every secret of the vault may be read",)


def test_a_search_for_single_names_only_lists_the_vault() -> None:
    external_secret = declared("key/k", find=[{"name": {"regexp": "^(a|b)$"}}])
    assert assigned(external_secret, vault_scope=True) == [
        ("", "Key Vault Reader"),
        ("/secrets/a", "Key Vault Secrets User"),
        ("/secrets/b", "Key Vault Secrets User"),
    ]


def test_a_wide_search_takes_over_the_listing_of_a_narrow_one() -> None:
    external_secret = declared("key/k", find=[{"name": {"regexp": "^a$"}}, {"name": {"regexp": "b"}}])
    assert assigned(external_secret, vault_scope=True) == [
        ("", "Key Vault Secrets User"),
        ("/keys/k", "Key Vault Reader"),
    ]


def test_a_search_that_finds_nothing_is_refused() -> None:
    found = refused(declared(find=[{"name": {"regexp": "^a_b$"}}]), vault_scope=True)
    assert found == {FIND: 'no name can match "^a_b$"'}


def test_a_search_that_is_no_regular_expression_is_refused() -> None:
    found = refused(declared(find=[{"name": {"regexp": "("}}]), vault_scope=True)
    assert found == {FIND: '"(" is not a regular expression'}


def test_all_keys_that_cannot_be_granted_are_refused_at_once() -> None:
    found = refused(declared("good", "a_b", "secret/*", "cert/", "other/x", "secret/a/b"))
    assert list(found) == [entry(index) for index in range(1, 6)]


@pytest.mark.parametrize(
    ("vault", "url"),
    [
        (VaultScope("x", "platform", "team-vault"), "https://team-vault.vault.azure.net"),
        (VaultScope(VAULT.subscription, "a/b", "team-vault"), "https://team-vault.vault.azure.net"),
        (VaultScope(VAULT.subscription, "platform", "*"), "https://team-vault.vault.azure.net"),
        (VAULT, "https://other-vault.vault.azure.net"),
        (VAULT, "https://team-vault-2.vault.azure.net"),
        (VAULT, "https://[broken"),
    ],
)
def test_a_vault_that_is_not_the_stores_is_refused(vault: VaultScope, url: str) -> None:
    assert set(refused(declared("db"), vault=vault, url=url)) == {"SecretStore demo/s"}


def test_other_stores_are_sent_elsewhere() -> None:
    with pytest.raises(StoreInvalid, match="is not an azurekv store"):
        compile_azure(secrets_manager(), [], vault=VAULT)

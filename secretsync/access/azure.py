"""Azure Key Vault: declarations to assignments of built-in roles, one object of a vault each.

Sources: the Azure documentation on Key Vault RBAC (scopes of vaults and of single objects) and on its built-in roles,
whose definition ids are the same in every tenant; ESO v2.9.0 on the grammar of keys.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from secretsync.access.needs import needs_of, store_name
from secretsync.access.patterns import is_single
from secretsync.access.refusals import Refusals
from secretsync.access.regexps import name_patterns
from secretsync.api.validation.regular_expressions import is_valid
from secretsync.errors import StoreInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from secretsync.access.needs import RemoteNeed
    from secretsync.api import ExternalSecret, Find, Store


@dataclass(frozen=True, slots=True)
class _Role:
    name: str
    definition: str


SECRETS_USER: Final = _Role("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6")
"""Reads values and metadata of secrets."""
CERTIFICATE_USER: Final = _Role("Key Vault Certificate User", "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba")
"""Reads certificates; on a certificate's own scope, its public part."""
READER: Final = _Role("Key Vault Reader", "21090545-7ca7-4776-b22c-e363652d74d2")
"""Reads metadata and public keys, and lists; no value of a secret."""

_KINDS: Final = {
    "secret": ("secrets", SECRETS_USER),
    "cert": ("certificates", CERTIFICATE_USER),
    "key": ("keys", READER),
}
"""The first segment of a key → collection in the vault, and the role that reads it."""
_VAULT_ITSELF: Final = ""
"""The path of the vault's own scope."""
_NAME: Final = re.compile(r"[0-9A-Za-z-]{1,127}")
_VAULT: Final = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_SUBSCRIPTION: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GROUP: Final = re.compile(r"[\w().-]{0,89}[\w()-]")


@dataclass(frozen=True, slots=True)
class VaultScope:
    """A key vault in Azure Resource Manager.

    Attributes:
        subscription: id of the subscription.
        resource_group: name of the resource group.
        vault: name of the vault.
    """

    subscription: str
    resource_group: str
    vault: str

    @property
    def id(self) -> str:
        """The resource id, which is the scope of the whole vault."""
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/Microsoft.KeyVault/vaults/{self.vault}"


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """One built-in role on one scope.

    Attributes:
        scope: resource id of an object in a vault, or of the vault.
        role: name of the role.
        role_definition_id: its id, without the subscription before it.
        reasons: who needs it, sorted.
    """

    scope: str
    role: str
    role_definition_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AzureAccess:
    """All that one store needs.

    Attributes:
        store: the store as people name it.
        assignments: ordered by scope.
        notes: where they admit more than the declarations ask for.
    """

    store: str
    assignments: tuple[RoleAssignment, ...]
    notes: tuple[str, ...] = ()


def compile_azure(
    store: Store, external_secrets: Sequence[ExternalSecret], *, vault: VaultScope, vault_scope: bool = False
) -> AzureAccess:
    """The narrowest role assignments with which every declared entry of `store` can be read.

    Args:
        store: a store with the provider ``azurekv``.
        external_secrets: all declarations; those that use other stores are left out.
        vault: the vault of the store.
        vault_scope: whether searches may be granted on the whole vault: secrets can be listed in no other way.

    Raises:
        AccessRefused: everything that cannot be granted narrowly, at once.
        StoreInvalid: the store is not one of Azure.
    """
    name = store_name(store)
    config = store.spec.provider.azurekv
    if config is None:
        raise StoreInvalid("is not an azurekv store", place=name, remedy="compile it with its own backend's compiler")
    refusals = Refusals()
    _check(vault, config.vault_url, name, refusals)
    refusals.raise_any()
    found: dict[tuple[str, _Role], set[str]] = defaultdict(set)
    notes: list[str] = []
    for need in needs_of(store, external_secrets):
        for path, role in _needed(need, refusals, notes, vault_scope=vault_scope):
            found[path, role].add(need.reason)
    refusals.raise_any()
    assignments = (
        RoleAssignment(f"{vault.id}{path}", role.name, role.definition, tuple(sorted(reasons)))
        for (path, role), reasons in _widest(found).items()
    )
    return AzureAccess(name, tuple(sorted(assignments, key=lambda each: (each.scope, each.role))), tuple(notes))


def _widest(found: Mapping[tuple[str, _Role], set[str]]) -> dict[tuple[str, _Role], set[str]]:
    """Without what a role on the whole vault grants already; that takes over the reasons."""
    reads_all = (_VAULT_ITSELF, SECRETS_USER) in found
    kept: dict[tuple[str, _Role], set[str]] = defaultdict(set)
    for (path, role), reasons in found.items():
        if reads_all and (path, role) == (_VAULT_ITSELF, READER):  # reading all includes listing
            kept[_VAULT_ITSELF, SECRETS_USER] |= reasons
        elif (_VAULT_ITSELF, role) in found and not (reads_all and role is READER):
            kept[_VAULT_ITSELF, role] |= reasons
        else:
            kept[path, role] |= reasons
    return kept


def _check(vault: VaultScope, url: str, name: str, refusals: Refusals) -> None:
    for what, value, valid in (
        ("subscription", vault.subscription, _SUBSCRIPTION),
        ("resource group", vault.resource_group, _GROUP),
        ("key vault", vault.vault, _VAULT),
    ):
        if not valid.fullmatch(value):
            refusals.add(name, f"{json.dumps(value)} is no {what}", "give subscription, resource group and vault")
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if host.partition(".")[0] != vault.vault.lower():
        remedy = "give the vault that spec.provider.azurekv.vaultUrl names"
        refusals.add(name, f"reads {json.dumps(url)}, which is not the vault {vault.vault}", remedy)


def _needed(
    need: RemoteNeed, refusals: Refusals, notes: list[str], *, vault_scope: bool
) -> Iterator[tuple[str, _Role]]:
    if need.find is not None:
        yield from _search(need.find, need.reason, refusals, notes, vault_scope=vault_scope)
    elif need.ref is not None:
        kind, slash, name = need.ref.key.partition("/")
        if not slash:
            kind, name = "secret", need.ref.key
        if kind not in _KINDS or not _NAME.fullmatch(name):
            problem = f"the key {json.dumps(need.ref.key)} names no object of a vault"
            remedy = "use a name of letters, digits and hyphens, with secret/, cert/ or key/ before it or nothing"
            refusals.add(need.reason, problem, remedy)
            return
        collection, role = _KINDS[kind]
        yield f"/{collection}/{name}", role


def _search(
    find: Find, reason: str, refusals: Refusals, notes: list[str], *, vault_scope: bool
) -> Iterator[tuple[str, _Role]]:
    regexp = find.name.regexp if find.name is not None else ""
    if not is_valid(regexp):
        refusals.add(reason, f"{json.dumps(regexp)} is not a regular expression", "use RE2 syntax")
        return
    if not vault_scope:
        problem = "secrets are listed in a whole vault, and a role on single secrets does not allow it"
        refusals.add(reason, problem, "name the secrets, or ask for the scope of the vault")
        return
    names = tuple(each for each in name_patterns(regexp).patterns if _NAME.fullmatch(re.sub(r"[*?]", "", each) or "a"))
    if not names:
        refusals.add(reason, f"no name can match {json.dumps(regexp)}", "correct find.name.regexp")
        return
    if all(map(is_single, names)):
        yield _VAULT_ITSELF, READER
        for name in names:
            yield f"/secrets/{name}", SECRETS_USER
        return
    notes.append(f"{reason}: every secret of the vault may be read")
    yield _VAULT_ITSELF, SECRETS_USER

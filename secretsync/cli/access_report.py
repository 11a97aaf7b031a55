"""What ``access`` prints of one store, whatever its backend: rows for people, documents for programs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from secretsync.access import (
    AccessRefused,
    AWSAccess,
    AWSAccount,
    Refusal,
    Statement,
    VaultScope,
    compile_aws,
    compile_azure,
    compile_gcp,
    compile_vault,
    policy_document,
)
from secretsync.access.aws import AccessLevel
from secretsync.access.needs import store_name
from secretsync.access.statements import MOST_POLICIES_PER_ROLE, document
from secretsync.errors import StoreInvalid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from secretsync.api import ExternalSecret, PushSecret, Store

_VAULT_ID: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.KeyVault/vaults/([^/]+)/?", re.IGNORECASE
)


OWN_CREDENTIALS: Final = "own credentials"
"""What a store logs in with, before it assumes a role."""


@dataclass(frozen=True, slots=True)
class Row:
    """One permission.

    Attributes:
        statement: name of its statement, or the role.
        allowed: actions, capabilities, or what a role does.
        resource: on what; with the conditions that narrow it.
        reasons: who needs it.
        identity: who gets it, where a store assumes roles: the ARN of a role, or `OWN_CREDENTIALS`.
    """

    statement: str
    allowed: str
    resource: str
    reasons: tuple[str, ...]
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The permissions of one store.

    Attributes:
        store: the store as people name it.
        backend: its provider.
        rows: permission by permission.
        documents: what the backend is given: name → JSON value, or text for Vault.
        notes: what the permissions alone do not tell.
        excess: what is more than one identity can have.
    """

    store: str
    backend: str
    rows: tuple[Row, ...]
    documents: dict[str, Any]
    notes: tuple[str, ...] = ()
    excess: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared, with its namespaces.

    Attributes:
        external_secrets: what is read.
        push_secrets: what is written.
    """

    external_secrets: Sequence[ExternalSecret]
    push_secrets: Sequence[PushSecret] = ()


def compile_store(store: Store, declared: Declared, arguments: argparse.Namespace) -> Compiled:
    """The permissions of a store, as the options say.

    Raises:
        AccessRefused: everything of it that cannot be granted narrowly.
        StoreInvalid: the store cannot be compiled.
    """
    if store.spec.provider.aws is not None:
        return _aws(store, declared, arguments)
    compilers = {"vault": _vault, "gcpsm": _gcp, "azurekv": _azure}
    return compilers[store.spec.provider.name](store, declared.external_secrets, arguments)


def _aws(store: Store, declared: Declared, arguments: argparse.Namespace) -> Compiled:
    account = AWSAccount(arguments.account, arguments.region, arguments.partition, dict(arguments.kms_key))
    access = compile_aws(
        store,
        declared.external_secrets,
        account,
        level=AccessLevel(arguments.level),
        versions=arguments.versions,
        batch=arguments.batch,
        upstream=arguments.upstream,
        prefixes=arguments.prefix,
        push_secrets=declared.push_secrets,
    )
    reader = access.roles[-1].role if access.roles else ""
    steps = [(step.identity or OWN_CREDENTIALS, step.statements) for step in access.roles]
    rows = [
        row
        for identity, statements in [*steps, (reader, access.statements)]
        for statement in statements
        for row in _statement_rows(statement, identity)
    ]
    documents: dict[str, Any] = {"policies": [json.loads(each) for each in access.documents]}
    if access.assume_documents:
        documents["assumeRolePolicies"] = [json.loads(each) for each in access.assume_documents]
    if further := {step.identity: [json.loads(document(step.statements))] for step in access.roles[1:]}:
        documents["furtherRolePolicies"] = further
    return Compiled(
        access.store,
        "aws",
        tuple(rows),
        documents,
        access.notes,
        _excess(access),
    )


def _excess(access: AWSAccess) -> tuple[Refusal, ...]:
    try:
        access.attachable(MOST_POLICIES_PER_ROLE)
    except AccessRefused as error:
        return error.refusals
    return ()


def _statement_rows(statement: Statement, identity: str) -> Iterator[Row]:
    allowed = ", ".join(statement.actions)
    narrowed = [
        f"{key}={value}"
        for keys in statement.conditions.values()
        for key, values in keys.items()
        for value in values
        if value not in statement.why
    ]
    for item, reasons in statement.why.items():
        where = item if item in statement.resources else f"{', '.join(statement.resources)} for {item}"
        yield Row(statement.sid, allowed, " ".join([where, *(f"[{each}]" for each in narrowed)]), reasons, identity)


def _vault(store: Store, external_secrets: Sequence[ExternalSecret], _: argparse.Namespace) -> Compiled:
    access = compile_vault(store, external_secrets)
    rows = tuple(Row("path", ", ".join(each.capabilities), each.path, each.reasons) for each in access.grants)
    return Compiled(access.store, "vault", rows, {"policy": policy_document(access)})


def _gcp(store: Store, external_secrets: Sequence[ExternalSecret], arguments: argparse.Namespace) -> Compiled:
    access = compile_gcp(store, external_secrets, project=arguments.project, project_scope=arguments.whole_project)
    rows = tuple(
        Row("binding", each.role, f"{each.secret} [{each.condition}]" if each.condition else each.secret, each.reasons)
        for each in access.bindings
    )
    bindings = [{"resource": each.secret, "role": each.role, "condition": each.condition} for each in access.bindings]
    return Compiled(access.store, "gcpsm", rows, {"bindings": bindings}, access.notes)


def _azure(store: Store, external_secrets: Sequence[ExternalSecret], arguments: argparse.Namespace) -> Compiled:
    config = store.spec.provider.azurekv
    url = config.vault_url.lower() if config is not None else ""
    scopes = [_vault_scope(each) for each in arguments.vault_scope]
    scope = next((each for each in scopes if f"//{each.vault.lower()}." in url), None)
    if scope is None:
        remedy = "give its resource id with --vault-scope"
        raise StoreInvalid(f"no key vault is given for {url}", place=store_name(store), remedy=remedy)
    access = compile_azure(store, external_secrets, vault=scope, vault_scope=arguments.whole_vault)
    rows = tuple(Row("assignment", each.role, each.scope, each.reasons) for each in access.assignments)
    assignments = [
        {"scope": each.scope, "role": each.role, "roleDefinitionId": each.role_definition_id}
        for each in access.assignments
    ]
    return Compiled(access.store, "azurekv", rows, {"roleAssignments": assignments}, access.notes)


def _vault_scope(text: str) -> VaultScope:
    found = _VAULT_ID.fullmatch(text)
    if found is None:
        remedy = "give /subscriptions/<id>/resourceGroups/<name>/providers/Microsoft.KeyVault/vaults/<name>"
        raise StoreInvalid("is no resource id of a key vault", place="--vault-scope", remedy=remedy)
    return VaultScope(*found.groups())

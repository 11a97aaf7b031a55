"""Which statement of a policy is missing where a backend denies a read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from secretsync.access import AccessRefused, compile_vault
from secretsync.sync.plan import DataEntry, GeneratorEntry

if TYPE_CHECKING:
    from secretsync.access.aws import AWSAccount
    from secretsync.api import ExternalSecret, Store, StoreRef
    from secretsync.checks.subject import Subject
    from secretsync.errors import ProviderDenied
    from secretsync.sync.plan import Entry

_PRINCIPAL: Final = re.compile(r"arn:(?P<partition>aws[a-z-]*):(iam|sts)::(?P<account>[0-9]{12}):")


def remedy(subject: Subject, entry: Entry, error: ProviderDenied) -> str:
    """What to grant so that an entry can be read: the statements that its declaration compiles to.

    Where the store is not known, or its backend is one without a compiler, the error's own remedy.
    """
    if isinstance(entry, GeneratorEntry):
        return error.remedy
    store = _declared(subject, entry.store)
    if store is None:
        return error.remedy
    external_secret = _only(subject.external_secret, entry)
    try:
        if store.spec.provider.vault is not None:
            statements = _vault(store, external_secret)
        elif store.spec.provider.aws is not None:
            statements = _aws(store, external_secret, subject.options.aws, error)
        else:
            statements = ""
    except AccessRefused as refused:
        return ", ".join(f"{refusal.problem}: {refusal.remedy}" for refusal in refused.refusals)
    return f"grant it with {statements}" if statements else error.remedy


def _declared(subject: Subject, ref: StoreRef) -> Store | None:
    namespace = "" if str(ref.kind) == "ClusterSecretStore" else subject.namespace
    wanted = (str(ref.kind), namespace, ref.name or "")
    known = {
        (str(store.kind), store.metadata.namespace, store.metadata.name): store for store in subject.options.stores
    }
    return known.get(wanted)


def _vault(store: Store, external_secret: ExternalSecret) -> str:
    """The rules of an ACL policy."""
    return ", ".join(
        f'path "{grant.path}" {{ capabilities = [{", ".join(map(json.dumps, grant.capabilities))}] }}'
        for grant in compile_vault(store, [external_secret]).grants
    )


def _aws(store: Store, external_secret: ExternalSecret, account: AWSAccount | None, error: ProviderDenied) -> str:
    """The statements with the denied action; none where more than a missing statement is the reason."""
    from secretsync.access.aws import AWSAccount, compile_aws  # noqa: PLC0415 - it loads the SDK, which others do without

    principal = _PRINCIPAL.search(error.problem)
    if account is None and principal is not None:
        account = AWSAccount(principal["account"], partition=principal["partition"])
    if account is None or "explicit deny" in error.remedy:
        return ""
    return ", ".join(
        f"{', '.join(statement.actions)} on {', '.join(statement.resources)}"
        for statement in compile_aws(store, [external_secret], account).statements
        if any(action in error.problem for action in statement.actions)
    )


def _only(external_secret: ExternalSecret, entry: Entry) -> ExternalSecret:
    """The declaration with nothing but one entry."""
    spec = external_secret.spec
    index = int(entry.field.partition("[")[2].partition("]")[0])  # spec.data[0], spec.dataFrom[0].find
    parts = (
        {"data": (spec.data[index],), "data_from": ()}
        if isinstance(entry, DataEntry)
        else {"data": (), "data_from": (spec.data_from[index],)}
    )
    return external_secret.model_copy(update={"spec": spec.model_copy(update=parts)})

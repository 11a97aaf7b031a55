"""Which statement of a policy is missing where a backend denies a read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.access import compile_vault
from secretsync.errors import SecretSyncError
from secretsync.sync.plan import DataEntry, GeneratorEntry

if TYPE_CHECKING:
    from secretsync.access import Grant
    from secretsync.api import ExternalSecret, Store, StoreRef
    from secretsync.checks.subject import Subject
    from secretsync.errors import ProviderDenied
    from secretsync.sync.plan import Entry


def remedy(subject: Subject, entry: Entry, error: ProviderDenied) -> str:
    """What to grant so that an entry can be read: the statements that its declaration compiles to.

    Where the store is not known, or its backend is one without a compiler, the error's own remedy.
    """
    if isinstance(entry, GeneratorEntry):
        return error.remedy
    store = _declared(subject, entry.store)
    if store is None:
        return error.remedy
    try:
        statements = _statements(store, _only(subject.external_secret, entry))
    except SecretSyncError as refused:
        return f"{refused.problem}; {refused.remedy}"
    return f"grant it with {statements}" if statements else error.remedy


def _declared(subject: Subject, ref: StoreRef) -> Store | None:
    namespaces = ("",) if str(ref.kind) == "ClusterSecretStore" else (subject.namespace,)
    return next(
        (
            store
            for store in subject.options.stores
            if (store.kind, store.metadata.name) == (str(ref.kind), ref.name) and store.metadata.namespace in namespaces
        ),
        None,
    )


def _statements(store: Store, external_secret: ExternalSecret) -> str:
    if store.spec.provider.vault is None:
        return ""
    return ", ".join(_vault(grant) for grant in compile_vault(store, [external_secret]).grants)


def _vault(grant: Grant) -> str:
    capabilities = ", ".join(f'"{capability}"' for capability in grant.capabilities)
    return f'path "{grant.path}" {{ capabilities = [{capabilities}] }}'


def _only(external_secret: ExternalSecret, entry: Entry) -> ExternalSecret:
    """The declaration with nothing but one entry."""
    spec = external_secret.spec
    index = int(entry.field.partition("[")[2].partition("]")[0])
    parts = (
        {"data": (spec.data[index],), "data_from": ()}
        if isinstance(entry, DataEntry)
        else {"data": (), "data_from": (spec.data_from[index],)}
    )
    return external_secret.model_copy(update={"spec": spec.model_copy(update=parts)})

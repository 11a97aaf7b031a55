"""The rules for PushSecrets (ESO v2.9.0: CEL rules of the CRD and checks before pushing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.api.problems import Problem
from secretsync.api.validation.regular_expressions import is_valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api.push_secret import PushSecretDataTo, PushSecretSpec


def push_secret(spec: PushSecretSpec) -> list[Problem]:
    """What is refused about a PushSecret."""
    problems = [
        problem
        for index, entry in enumerate(spec.data_to)
        for problem in _data_to(spec, entry, f"spec.dataTo[{index}]")
    ]
    if not spec.secret_store_refs:
        problems.append(Problem("spec.secretStoreRefs", "is empty", "name the stores to write to"))
    return problems


def _data_to(spec: PushSecretSpec, entry: PushSecretDataTo, field: str) -> Iterator[Problem]:
    store = entry.store_ref
    if store is None or (store.name is None and store.label_selector is None):
        yield Problem(f"{field}.storeRef", "names no store", "set storeRef.name or storeRef.labelSelector")
    elif store.name is not None and not any(
        reference.name == store.name and reference.kind is store.kind for reference in spec.secret_store_refs
    ):
        yield Problem(f"{field}.storeRef.name", "is not one of spec.secretStoreRefs", "add the store there")
    if entry.remote_key and entry.rewrite:
        yield Problem(f"{field}.rewrite", "cannot be combined with remoteKey", "keep one of the two")
    if entry.match is not None and not is_valid(entry.match.regexp):
        yield Problem(f"{field}.match.regexp", "is not a regular expression of Go (RE2)", "mend it")
    for index, operation in enumerate(entry.rewrite):
        if operation.regexp is not None and not is_valid(operation.regexp.source):
            yield Problem(
                f"{field}.rewrite[{index}].regexp.source", "is not a regular expression of Go (RE2)", "mend it"
            )

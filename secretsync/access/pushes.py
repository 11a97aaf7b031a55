"""Which secrets the PushSecrets of a store write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secretsync.access.needs import serves
from secretsync.api import LabelSelectorOperator, PushSecretDeletionPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from secretsync.api import LabelSelector, PushSecret, PushSecretStoreRef, Store


@dataclass(frozen=True, slots=True)
class Push:
    """One secret that one PushSecret writes.

    Attributes:
        reason: the PushSecret and the field, e.g. ``PushSecret demo/db, spec.data[0]``.
        key: name of the secret, without the store's prefix; empty where only the Secret's own keys tell it.
        deletes: whether it is deleted when the PushSecret goes.
        metadata: how it is written, in the backend's own form.
    """

    reason: str
    key: str
    deletes: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


def pushes_of(store: Store, push_secrets: Sequence[PushSecret]) -> tuple[Push, ...]:
    """Every entry of `push_secrets` that writes to `store`, in declaration order.

    A SecretStore is written to from its own namespace only, a ClusterSecretStore from those that its conditions admit;
    both are named, or chosen by their labels.
    """
    return tuple(push for push_secret in push_secrets for push in _pushes(store, push_secret))


def _pushes(store: Store, push_secret: PushSecret) -> Iterator[Push]:
    metadata, spec = push_secret.metadata, push_secret.spec
    if not serves(store, metadata.namespace) or not any(_is_meant(store, ref) for ref in spec.secret_store_refs):
        return
    name = f"PushSecret {metadata.namespace}/{metadata.name}"
    deletes = spec.deletion_policy is PushSecretDeletionPolicy.Delete
    for index, entry in enumerate(spec.data):
        key = entry.match.remote_ref.remote_key
        yield Push(f"{name}, spec.data[{index}]", key, deletes, _object(entry.metadata))
    for index, many in enumerate(spec.data_to):
        if many.store_ref is None or _is_meant(store, many.store_ref):
            yield Push(f"{name}, spec.dataTo[{index}]", many.remote_key, deletes, _object(many.metadata))


def _is_meant(store: Store, ref: PushSecretStoreRef) -> bool:
    if ref.kind != store.kind:
        return False
    if ref.name is not None:
        return ref.name == store.metadata.name
    return ref.label_selector is not None and _selects(ref.label_selector, store.metadata.labels)


def _selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    for requirement in selector.match_expressions:
        value = labels.get(requirement.key)
        met = {
            LabelSelectorOperator.In: value in requirement.values,
            LabelSelectorOperator.NotIn: value not in requirement.values,
            LabelSelectorOperator.Exists: value is not None,
            LabelSelectorOperator.DoesNotExist: value is None,
        }
        if not met[requirement.operator]:
            return False
    return selector.match_labels.items() <= labels.items()


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

"""The rule that a SecretStore refers to its own namespace only, in CEL, made from the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secretsync.api import shape
from secretsync.api.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from secretsync.api.stores.provider import SecretStoreProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

_REFERENCES: Final = frozenset({SecretKeySelector, ServiceAccountSelector, CAProvider})
_OWN: Final = "object.metadata.namespace"


def own_namespace() -> str:
    """An expression that holds where no reference of a store's provider names another namespace."""
    single, nested = [], []
    for path, inner in _paths(SecretStoreProvider):
        if inner is None:
            single.append(f"object.spec.provider.{path}.?namespace.orValue({_OWN})")
        else:
            nested.append(
                f"object.spec.provider.{path}.orValue([]).all(i, i.{inner}.?namespace.orValue({_OWN}) == {_OWN})"
            )
    return " && ".join([f"[{', '.join(single)}].all(n, n == {_OWN})", *nested])


def _paths(model: type) -> Iterator[tuple[str, str | None]]:
    """Paths of all references; of those inside a list, the list's path and the path in its elements."""
    for name, below in shape.fields(model).items():
        step = f"?{name}"
        if below.model in _REFERENCES:
            yield step, None
        elif below.model is not None:
            for path, inner in _paths(below.model):
                yield f"{step}.{path}", inner
        elif below.items is not None and below.items.model is not None:
            for path, _ in _paths(below.items.model):
                yield step, path

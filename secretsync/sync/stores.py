"""Which stores an ExternalSecret may use, and how they are looked up and opened outside the controller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsync.api import ClusterSecretStore, ConditionStatus, LabelSelectorOperator, SecretStore, StoreKind, parse
from secretsync.errors import StoreInvalid, StoreNotAllowed, StoreNotFound, StoreNotReady
from secretsync.kube.resources import CLUSTER_SECRET_STORES, NAMESPACES, SECRET_STORES
from secretsync.providers.registry import open_provider
from secretsync.sync.login_scope import login_scope
from secretsync.values import go_regexp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.api import (
        ClusterSecretStoreCondition,
        LabelSelector,
        LabelSelectorRequirement,
        Store,
        StoreRef,
    )
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider


def describe(ref: StoreRef, namespace: str) -> str:
    """How messages name a store."""
    return (
        f"{ref.kind} {ref.name}" if ref.kind is StoreKind.ClusterSecretStore else f"{ref.kind} {namespace}/{ref.name}"
    )


def check_ready(store: Store, place: str) -> None:
    """The floodgate: a store that is known not to work is not asked.

    Raises:
        StoreNotReady: its Ready condition is False.
    """
    for condition in store.status.conditions:
        if condition.type == "Ready" and condition.status is ConditionStatus.False_:
            remedy = "see the conditions of the store"
            raise StoreNotReady(f"the store is not ready: {condition.message}", place=place, remedy=remedy)


def check_allowed(store: Store, namespace: str, labels: Mapping[str, str]) -> None:
    """Whether the conditions of a ClusterSecretStore admit a namespace: any of them suffices, and within one any part.

    Args:
        store: the store; one without conditions admits all.
        namespace: the namespace of the ExternalSecret.
        labels: the labels of that namespace.

    Raises:
        StoreNotAllowed: none of the conditions admits it.
        StoreInvalid: a regular expression or a label selector cannot be read.
    """
    conditions = store.spec.conditions
    if not isinstance(store, ClusterSecretStore) or not conditions:
        return
    if any(_admits(condition, namespace, labels) for condition in conditions):
        return
    place = f"ClusterSecretStore {store.metadata.name}"
    remedy = "add the namespace to spec.conditions of the store"
    raise StoreNotAllowed(f"its conditions do not admit the namespace {namespace}", place=place, remedy=remedy)


def _admits(condition: ClusterSecretStoreCondition, namespace: str, labels: Mapping[str, str]) -> bool:
    if condition.namespace_selector is not None and selects(condition.namespace_selector, labels):
        return True
    if namespace in condition.namespaces:
        return True
    return any(go_regexp.compile(pattern).search(namespace) for pattern in condition.namespace_regexes)


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether a label selector admits these labels; an empty one admits all.

    Raises:
        StoreInvalid: values stand where the operator takes none, or are missing where it needs some.
    """
    exact = all(labels.get(key) == value for key, value in selector.match_labels.items())
    met = [_meets(requirement, labels) for requirement in selector.match_expressions]
    return exact and all(met)


def _meets(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    needs_values = requirement.operator in (LabelSelectorOperator.In, LabelSelectorOperator.NotIn)
    if needs_values is not bool(requirement.values):
        problem = f"the operator {requirement.operator} {'needs values' if needs_values else 'takes no values'}"
        raise StoreInvalid(problem, place=f"label selector, {requirement.key}", remedy="correct the selector")
    match requirement.operator:
        case LabelSelectorOperator.In:
            return value is not None and value in requirement.values
        case LabelSelectorOperator.NotIn:
            return value is None or value not in requirement.values
        case LabelSelectorOperator.Exists:
            return value is not None
        case LabelSelectorOperator.DoesNotExist:
            return value is None


@dataclass(slots=True)
class ClusterProviders:
    """Opens stores as they stand in the cluster, each once, for a single run (a dynamic provider, a command).

    Attributes:
        cluster: where stores are looked up.
        gated: whether a store that is not ready is refused.
    """

    cluster: Cluster
    gated: bool = True
    _opened: dict[tuple[str, str, str], Provider] = field(default_factory=dict)
    _asked: dict[tuple[str, str, str], Provider] = field(default_factory=dict)

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        """The provider of a store, as an ExternalSecret of `namespace` may use it."""
        asked = (str(ref.kind), ref.name or "", namespace)
        if asked not in self._asked:
            store = await read_store(self.cluster, ref, namespace)
            if self.gated:
                check_ready(store, describe(ref, namespace))
            if store.spec.conditions:
                found = await self.cluster.get(NAMESPACES, namespace)
                check_allowed(store, namespace, ((found or {}).get("metadata") or {}).get("labels") or {})
            identity = (store.kind, store.metadata.name, login_scope(store, namespace))
            if identity not in self._opened:
                self._opened[identity] = open_provider(store, namespace=namespace, cluster=self.cluster)
            self._asked[asked] = self._opened[identity]
        return self._asked[asked]

    async def aclose(self) -> None:
        """Close every provider that was opened."""
        opened, self._opened, self._asked = list(self._opened.values()), {}, {}
        for provider in opened:
            await provider.aclose()


async def read_store(cluster: Cluster, ref: StoreRef, namespace: str) -> Store:
    """The store that a reference names.

    Raises:
        StoreNotFound: there is none.
        StoreInvalid: it cannot be read.
    """
    name = ref.name or ""
    if ref.kind is StoreKind.ClusterSecretStore:
        found = await cluster.get(CLUSTER_SECRET_STORES, name)
    else:
        found = await cluster.get(SECRET_STORES, name, namespace)
    if found is None:
        raise StoreNotFound("there is no such store", place=describe(ref, namespace), remedy="create it")
    store = parse(found)
    if not isinstance(store, SecretStore | ClusterSecretStore):
        raise StoreInvalid("it is not a store", place=describe(ref, namespace))
    return store

"""Which namespaces a ClusterSecretStore admits, and how stores are looked up for a single run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import ClusterSecretStore, LabelSelector, SecretStore, StoreRef, parse
from secretsync.errors import SecretKeyError, StoreInvalid, StoreNotAllowed, StoreNotFound, StoreNotReady
from secretsync.kube.fake import MemoryCluster
from secretsync.sync import stores
from secretsync.sync.stores import ClusterProviders, check_allowed, describe, read_store, selects

if TYPE_CHECKING:
    from secretsync.api import Store
    from secretsync.kube.protocol import Cluster

pytestmark = pytest.mark.unit

FAKE: dict[str, Any] = {"provider": {"fake": {"data": []}}}


def _raw(kind: str = "ClusterSecretStore", name: str = "s", ready: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name} if kind.startswith("Cluster") else {"name": name, "namespace": "team"}
    raw = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": metadata, "spec": {**FAKE, **spec}}
    if ready:
        raw["status"] = {"conditions": [{"type": "Ready", "status": ready, "message": "because"}]}
    return raw


def _admits(conditions: list[Any], labels: dict[str, str] | None = None) -> bool:
    store = parse(_raw(conditions=conditions))
    assert isinstance(store, ClusterSecretStore)
    try:
        check_allowed(store, "team", labels or {})
    except StoreNotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    ("conditions", "labels", "admitted"),
    [
        ([], {}, True),
        ([{}], {}, False),
        ([{"namespaces": ["other", "team"]}], {}, True),
        ([{"namespaces": ["other"]}], {}, False),
        ([{"namespaceRegexes": ["^te.*"]}], {}, True),
        ([{"namespaceRegexes": ["ea"]}], {}, True),
        ([{"namespaceRegexes": ["^x"]}], {}, False),
        ([{"namespaceSelector": {"matchLabels": {"tier": "gold"}}}], {"tier": "gold"}, True),
        ([{"namespaceSelector": {"matchLabels": {"tier": "gold"}}}], {"tier": "tin"}, False),
        ([{"namespaceSelector": {}}], {}, True),
        ([{"namespaces": ["other"]}, {"namespaces": ["team"]}], {}, True),
        ([{"namespaces": ["other"], "namespaceSelector": {"matchLabels": {"a": "b"}}}], {"a": "b"}, True),
    ],
)
def test_any_condition_and_any_part_of_it_admits(
    conditions: list[Any], labels: dict[str, str], *, admitted: bool
) -> None:
    assert _admits(conditions, labels) is admitted


def test_a_bad_expression_is_an_error_not_a_pass() -> None:
    with pytest.raises((SecretKeyError, StoreInvalid)):
        _admits([{"namespaceRegexes": ["("]}])


@pytest.mark.parametrize(
    ("operator", "values", "labels", "met"),
    [
        ("In", ["a", "b"], {"k": "a"}, True),
        ("In", ["a"], {}, False),
        ("In", ["a"], {"k": "b"}, False),
        ("NotIn", ["a"], {"k": "b"}, True),
        ("NotIn", ["a"], {"k": "a"}, False),
        ("NotIn", ["a"], {}, True),
        ("Exists", [], {"k": ""}, True),
        ("Exists", [], {}, False),
        ("DoesNotExist", [], {}, True),
        ("DoesNotExist", [], {"k": "a"}, False),
    ],
)
def test_label_selector_operators(operator: str, values: list[str], labels: dict[str, str], *, met: bool) -> None:
    requirement = {"key": "k", "operator": operator, "values": values}
    assert selects(LabelSelector.from_json({"matchExpressions": [requirement]}), labels) is met


@pytest.mark.parametrize(
    ("operator", "values"), [("In", []), ("NotIn", []), ("Exists", ["a"]), ("DoesNotExist", ["a"])]
)
def test_a_bad_label_selector_is_an_error_not_a_pass(operator: str, values: list[str]) -> None:
    requirement = {"key": "k", "operator": operator, "values": values}
    conditions = [{"namespaceSelector": {"matchExpressions": [requirement]}}, {"namespaces": ["team"]}]
    with pytest.raises(StoreInvalid) as refused:
        _admits(conditions, {"k": "a"})
    assert refused.value.place == "label selector, k"
    assert f"the operator {operator} " in refused.value.problem


async def test_stores_are_found_by_kind_and_opened_once() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"a": "b"}}}
    conditions = [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]
    cluster = MemoryCluster([_raw(conditions=conditions), _raw("SecretStore"), namespace])
    providers = ClusterProviders(cluster)
    wide, narrow = StoreRef(name="s", kind="ClusterSecretStore"), StoreRef(name="s")
    opened = await providers.open(wide, "team")
    assert await providers.open(wide, "team") is opened
    assert await providers.open(narrow, "team") is not opened
    assert isinstance(await read_store(cluster, narrow, "team"), SecretStore)
    with pytest.raises(StoreNotAllowed) as refused:
        await providers.open(wide, "elsewhere")
    assert str(refused.value) == (
        "ClusterSecretStore s: its conditions do not admit the namespace elsewhere; "
        "add the namespace to spec.conditions of the store"
    )
    await providers.aclose()


async def test_a_store_that_is_absent_or_not_ready_is_refused_by_name() -> None:
    cluster = MemoryCluster([_raw("SecretStore", ready="False")])
    with pytest.raises(StoreNotFound, match=r"^SecretStore team/no: there is no such store; create it$"):
        await ClusterProviders(cluster).open(StoreRef(name="no"), "team")
    with pytest.raises(
        StoreNotReady, match=r"^SecretStore team/s: the store is not ready: because; see the conditions of the store$"
    ):
        await ClusterProviders(cluster).open(StoreRef(name="s"), "team")
    assert await ClusterProviders(cluster, gated=False).open(StoreRef(name="s"), "team")
    ready = MemoryCluster([_raw("SecretStore", ready="True")])
    assert await ClusterProviders(ready).open(StoreRef(name="s"), "team")
    assert describe(StoreRef(name="s", kind="ClusterSecretStore"), "team") == "ClusterSecretStore s"


async def test_every_store_is_opened_once_and_for_a_namespace_where_it_logs_in_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[tuple[str, str]] = []
    token = {"name": "bao-token", "key": "token"}
    referent = {"vault": {"server": "https://vault", "auth": {"tokenSecretRef": token}}}
    own = MemoryCluster(
        [_raw("SecretStore", "s"), _raw("SecretStore", "t"), _raw(name="s"), _raw(name="r", provider=referent)]
    )

    def note(store: Store, *, namespace: str, cluster: Cluster) -> object:
        assert cluster is own
        opened.append((store.metadata.name, namespace))
        return object()

    monkeypatch.setattr(stores, "open_provider", note)
    providers = ClusterProviders(own)
    for name in ("s", "t"):
        assert await providers.open(StoreRef(name=name), "team")
    shared, own_login = (StoreRef(name=name, kind="ClusterSecretStore") for name in ("s", "r"))
    one = await providers.open(shared, "team")
    assert await providers.open(shared, "elsewhere") is one, "its credentials are the same for all"
    another = await providers.open(own_login, "team")
    assert await providers.open(own_login, "elsewhere") is not another, "it reads credentials of the namespace"
    assert opened == [("s", "team"), ("t", "team"), ("s", "team"), ("r", "team"), ("r", "elsewhere")]

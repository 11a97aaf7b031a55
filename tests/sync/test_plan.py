"""The plan: order, stores, and what an item that says several things means."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.errors import StoreInvalid
from secretsync.sync.plan import DataEntry, ExtractEntry, FindEntry, GeneratorEntry, plan
from tests.sync.builders import external_secret

pytestmark = pytest.mark.unit

GENERATOR = {"apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "UUID", "name": "u"}


def test_data_from_comes_before_data_in_list_order() -> None:
    declared = external_secret(
        dataFrom=[{"extract": {"key": "e"}}, {"sourceRef": {"generatorRef": GENERATOR}}, {"find": {"path": "p"}}]
    )
    fields = [entry.field for entry in plan(declared).entries]
    assert fields == [
        "spec.dataFrom[0].extract",
        "spec.dataFrom[1].sourceRef.generatorRef",
        "spec.dataFrom[2].find",
        "spec.data[0]",
    ]


def test_find_counts_where_extract_stands_beside_it() -> None:
    both = plan(external_secret(data=[], dataFrom=[{"extract": {"key": "e"}, "find": {"path": "p"}}])).entries
    assert [type(entry) for entry in both] == [FindEntry]


def test_an_item_without_source_is_passed_over() -> None:
    assert plan(external_secret(data=[], dataFrom=[{}])).entries == ()


def test_own_store_of_an_entry_counts_before_that_of_the_spec() -> None:
    own = {"storeRef": {"name": "other", "kind": "ClusterSecretStore"}}
    declared = external_secret(
        data=[
            {"secretKey": "a", "remoteRef": {"key": "a"}, "sourceRef": own},
            {"secretKey": "b", "remoteRef": {"key": "b"}},
        ],
        dataFrom=[
            {"extract": {"key": "c"}, "sourceRef": own},
            {"find": {"path": "d"}, "sourceRef": own},
            {"find": {"path": "e"}},
        ],
    )
    planned = plan(declared)
    assert [entry.store.name for entry in planned.store_entries] == ["other", "other", "store", "other", "store"]
    assert [(ref.kind, ref.name) for ref in planned.stores] == [
        ("ClusterSecretStore", "other"),
        ("SecretStore", "store"),
    ]
    assert isinstance(planned.entries[0], ExtractEntry)
    assert isinstance(planned.entries[3], DataEntry)


def test_generators_need_no_store() -> None:
    planned = plan(external_secret(secretStoreRef=None, data=[], dataFrom=[{"sourceRef": {"generatorRef": GENERATOR}}]))
    assert planned.stores == ()
    assert [ref.name for ref in planned.generators] == ["u"]
    assert isinstance(planned.entries[0], GeneratorEntry)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "spec.data[0]"),
        ({"dataFrom": [{"extract": {"key": "e"}}]}, "spec.dataFrom[0]"),
        ({"dataFrom": [{}, {"find": {"path": "p"}}]}, "spec.dataFrom[1]"),
    ],
)
def test_an_entry_without_any_store_is_refused_with_its_field(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(StoreInvalid) as refused:
        plan(external_secret(secretStoreRef=None, **spec))
    assert str(refused.value) == (
        f"{field}: no store is named for this entry; set spec.secretStoreRef or the sourceRef.storeRef of the entry"
    )

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.values import object_hash
from tests.values.recorded_cases import all_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.unit

_DATA_HASH = "reconcile.external-secrets.io/data-hash"
_CREATED_BY = "reconcile.external-secrets.io/created-by"


def _states() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for case in all_cases():
        yield case["name"], case["externalsecret"]["metadata"], case["expected"]
        for step in case.get("steps", ()):
            yield case["name"], case["externalsecret"]["metadata"], step.get("expected", {})


def test_data_hash_is_the_recorded_annotation() -> None:
    compared = 0
    foreign = ("tamper", "manifest-target", "foreign", "existing", "none", "merge")
    for name, _, expected in _states():
        recorded = (expected.get("annotations") or {}).get(_DATA_HASH)
        data = expected.get("data")
        if recorded and data and not any(word in name for word in foreign) and name.startswith(("data-", "extract-")):
            values = {key: base64.b64decode(value) for key, value in data.items()}
            assert object_hash.data_hash(values) == recorded, name
            compared += 1
    assert compared > 100


def test_created_by_label_is_the_hash_of_namespace_and_name() -> None:
    compared = 0
    for name, metadata, expected in _states():
        recorded = (expected.get("labels") or {}).get(_CREATED_BY)
        if recorded and name.startswith(("data-", "extract-", "rewrite-", "decoding-")):
            assert object_hash.name_hash(f"golden/{metadata['name']}") == recorded, name
            compared += 1
    assert compared > 100


def test_long_names_are_hashed_in_field_managers() -> None:
    compared = 0
    for case in all_cases():
        writers = [case["externalsecret"], *case.get("objects", ())]
        hashes = {object_hash.name_hash(writer["metadata"]["name"]) for writer in writers}
        for manager in case["expected"].get("field_managers") or ():
            if "/sha3/" in manager:
                assert manager.split("/")[-2] in hashes
                compared += 1
    assert compared > 100


def test_synced_version_ends_in_the_hash_of_labels_and_annotations() -> None:
    compared = 0
    with_metadata = 0
    for case in all_cases():
        metadata = case["externalsecret"]["metadata"]
        recorded = case["expected"].get("syncedResourceVersion") or ""
        if recorded:
            labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
            assert recorded.partition("-")[2] == object_hash.meta_hash(labels, annotations), case["name"]
            compared += 1
            with_metadata += bool(labels or annotations)
    assert compared > 300
    assert with_metadata > 0


def test_maps_are_printed_in_the_order_of_keys() -> None:
    assert object_hash.data_hash({"foo": b"value1", "bar": b"value2"}) == object_hash.data_hash(
        {"bar": b"value2", "foo": b"value1"}
    )
    assert (
        object_hash.data_hash({"foo": b"value1", "bar": b"value2"})
        == "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64"
    )
    assert object_hash.meta_hash({"z": "1", "a": "2"}, {"b": "3"}) == object_hash.name_hash(
        "{annotations:map[b:3] labels:map[a:2 z:1]}"
    )
    assert object_hash.meta_hash({}, {}) == "f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"


def test_an_empty_map_and_an_empty_value_are_printed() -> None:
    assert object_hash.data_hash({}) == object_hash.name_hash("map[]")
    assert object_hash.data_hash({"a": b"", "é": b"\x00\xff"}) == object_hash.name_hash("map[a:[] é:[0 255]]")

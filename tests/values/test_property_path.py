from __future__ import annotations

import pytest

from secretsync.values import go_json, property_path
from secretsync.values.go_json import NumberStyle
from secretsync.values.property_path import PropertyOrder

pytestmark = pytest.mark.unit

_BOTH = b'{"a.b":"member","a":{"b":"path"},"n":1e-7,"o":{"z":1, "a":"<"},"nul":null,"*":"star"}'


@pytest.mark.parametrize(
    ("order", "selected"),
    [(PropertyOrder.PathOnly, b"path"), (PropertyOrder.ExactFirst, b"member"), (PropertyOrder.PathFirst, b"path")],
)
def test_the_order_decides_between_member_and_path(order: PropertyOrder, selected: bytes) -> None:
    assert property_path.select(_BOTH, "a.b", order=order) == selected


@pytest.mark.parametrize("order", [PropertyOrder.ExactFirst, PropertyOrder.PathFirst])
def test_what_is_tried_first_falls_back(order: PropertyOrder) -> None:
    assert property_path.select(b'{"x.y":"member"}', "x.y", order=order) == b"member"
    assert property_path.select(b'{"x":{"y":"path"}}', "x.y", order=order) == b"path"
    assert property_path.select(b'{"x":{"y":"path"}}', "x.z", order=order) is None


def test_a_path_alone_does_not_fall_back() -> None:
    assert property_path.select(b'{"x.y":"member"}', "x.y", order=PropertyOrder.PathOnly) is None


@pytest.mark.parametrize("order", PropertyOrder)
def test_text_is_selected_as_it_is_written(order: PropertyOrder) -> None:
    assert property_path.select(_BOTH, "o", order=order) == b'{"z":1, "a":"<"}'
    assert property_path.select(_BOTH, "n", order=order) == b"0.0000001"
    assert property_path.select(_BOTH, "nul", order=order) == b""
    assert property_path.select(_BOTH, "*", order=order) == b"member"
    assert property_path.select(b"just text", "a", order=order) is None


def test_decoded_objects_give_members_before_paths_and_written_anew() -> None:
    data = go_json.loads_object(_BOTH, numbers=NumberStyle.Raw)
    assert property_path.select_decoded(data, "a.b") == b"member"
    assert property_path.select_decoded(data, "a|b") == b"path"
    assert property_path.select_decoded(data, "o") == b'{"a":"\\u003c","z":1}'
    assert property_path.select_decoded(data, "{o}") == b'{"o":{"a":"\\u003c","z":1}}'
    assert property_path.select_decoded(data, "n") == b"1e-7"
    assert property_path.select_decoded(data, "nul") == b""
    assert property_path.select_decoded(data, "*") == b"star"
    assert property_path.select_decoded(data, "nope") is None


def test_entries_give_names_before_paths_into_them() -> None:
    values = {"a.b": b"entry", "a": b'{"b":"path","c":[1]}', "bin": b"\xff\x00"}
    assert property_path.select_entry(values, "a.b") == b"entry"
    assert property_path.select_entry(values, "a.c.0") == b"1"
    assert property_path.select_entry(values, "a.x") is None
    assert property_path.select_entry(values, "bin") == b"\xff\x00"
    assert property_path.select_entry(values, "nope.x") is None
    assert property_path.select_entry(values, "nope") is None
    assert property_path.select_entry(values, "a.") is None

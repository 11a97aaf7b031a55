"""Diff, refresh and scrubbing, as pure functions."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.pulumi import property_diff
from local.pulumi.live_merge import merge_live
from local.pulumi.plugin_errors import scrub
from local.pulumi.property_diff import Change
from local.pulumi.wire import UNKNOWN, PropertyValue, Secret, plain

pytestmark = pytest.mark.unit

JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(-99, 99), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=4), JSON, max_size=4)


@given(JSON)
def test_equal_values_have_no_changes_whether_marked_or_not(value: PropertyValue) -> None:
    assert property_diff.changes(value, Secret(value)) == {}


@given(OBJECTS, OBJECTS)
def test_different_objects_have_changes_both_ways(one: PropertyValue, other: PropertyValue) -> None:
    assert bool(property_diff.changes(one, other)) == (one != other) == bool(property_diff.changes(other, one))


def test_changes_are_named_by_their_paths() -> None:
    old = {"a": {"b": [1, 2], "gone": 1}, "same": 1, "with.dot": 1}
    new = {"a": {"b": [1, 3, 4]}, "same": 1, "with.dot": 2, "new": UNKNOWN}
    assert property_diff.changes(old, new) == {
        "a.b[1]": Change.UPDATE,
        "a.b[2]": Change.ADD,
        "a.gone": Change.DELETE,
        '["with.dot"]': Change.UPDATE,
        "new": Change.ADD,
    }


def test_null_is_absent_and_true_is_not_one() -> None:
    assert property_diff.changes({"a": None}, {}) == {}
    assert property_diff.changes({"a": 1}, {"a": True}) == {"a": Change.UPDATE}


def test_only_named_prefixes_replace_and_ignored_ones_do_not_count() -> None:
    found = property_diff.changes({"spec": {"selector": 1, "x": 1}, "y": 1}, {"spec": {"selector": 2, "x": 2}, "y": 2})
    answer = property_diff.response(found, replace=["spec.selector"], delete_before_replace=True, ignore=["y"])
    assert list(answer.replaces) == ["spec.selector"]
    assert answer.deleteBeforeReplace
    assert set(answer.detailedDiff) == {"spec.selector", "spec.x"}
    assert answer.detailedDiff["spec.selector"].kind == 5  # UPDATE_REPLACE
    assert list(answer.diffs) == ["spec"]


def test_a_prefix_is_a_path_and_not_a_beginning_of_a_word() -> None:
    assert property_diff.under("data.x", ["data"])
    assert property_diff.under("a[3].b", ["a[*].b"])
    assert not property_diff.under("dataJson", ["data"])


def test_top_level_names_an_input_even_when_its_name_has_a_dot() -> None:
    assert property_diff.top_level('["a.b"].c') == "a.b"
    assert property_diff.top_level("a[0].b") == "a"


@given(OBJECTS, OBJECTS)
def test_a_refresh_without_a_change_keeps_the_inputs(inputs: PropertyValue, defaults: PropertyValue) -> None:
    after = {**defaults, **inputs}
    live = json.loads(json.dumps(after))
    assert merge_live(inputs, after, live) == inputs


def test_an_input_the_server_spells_otherwise_is_kept_as_long_as_it_does() -> None:
    inputs = {"cpu": "1000m", "hosts": ["B", "a"]}
    after = {"cpu": "1", "hosts": [["a"], "b"]}
    assert merge_live(inputs, after, json.loads(json.dumps(after))) == inputs


def test_the_servers_spelling_is_no_drift_and_a_hand_s_edit_is() -> None:
    inputs = {"cpu": "1000m", "memory": "1Gi", "labels": {"a": "b"}}
    after = {"cpu": "1", "memory": "1Gi", "labels": {"a": "b", "added": "by the server"}}
    assert merge_live(inputs, after, after) == inputs
    edited = {**after, "memory": "2Gi", "labels": {"added": "by the server"}}
    assert merge_live(inputs, after, edited) == {"cpu": "1000m", "memory": "2Gi", "labels": {}}


def test_a_refresh_never_loses_a_mark() -> None:
    inputs = {"data": Secret({"k": "v"}), "list": [Secret("a"), "b"], "inner": {"p": Secret("x")}}
    outputs = {"data": {"k": "v"}, "list": ["a", "b"], "inner": Secret({"p": "x"})}
    live = {"data": {"k": "canary-1"}, "list": ["canary-2"], "inner": {"p": "canary-3"}}
    merged = merge_live(inputs, outputs, live)
    assert plain(merged) == live
    assert "canary" not in repr(merged)


@given(st.text(min_size=4, max_size=40), st.text(max_size=10), st.text(max_size=10))
def test_no_form_of_a_secret_survives_in_a_message(value: str, before: str, after: str) -> None:
    forms = {value, json.dumps(value)[1:-1], base64.b64encode(value.encode()).decode()}
    for form in forms:
        told = scrub(f"{before} Invalid value: {form} {after}", [{"data": Secret({"k": value})}])
        assert f"Invalid value: {form} " not in told or form in "Invalid value: [secret]"


def test_values_inside_a_secret_document_are_scrubbed_too() -> None:
    document = json.dumps({"password": "hunter22", "deep": ["canary"]})
    assert scrub("hunter22 and canary", [Secret(document)]) == "[secret] and [secret]"


def test_a_short_secret_is_scrubbed_where_it_stands_alone() -> None:
    assert scrub("a value of a: bad base", [Secret("ba")]) == "a value of a: bad base"
    assert scrub('got "ba" here', [Secret("ba")]) == 'got "[secret]" here'


def test_what_is_not_marked_stays_readable() -> None:
    assert scrub("namespaces 'team' not found", [{"name": "team", "data": Secret("other")}]) == (
        "namespaces 'team' not found"
    )

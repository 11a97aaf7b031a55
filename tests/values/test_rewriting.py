from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.api.rewrite import Rewrite
from secretsync.errors import SecretKeyError, SecretSyncError, TemplateError
from secretsync.values import go_regexp, rewriting
from tests.values.recorded_answers import recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.unit


def _render(template: str, data: Mapping[str, bytes]) -> bytes:
    if template == "fail":
        raise TemplateError("it fails", place="transform:1")
    return template.encode().replace(b"{{.value}}", data["value"])


def _rewrite(values: Mapping[str, bytes], *operations: dict[str, Any]) -> dict[str, bytes]:
    return rewriting.rewrite([Rewrite.model_validate(operation) for operation in operations], values, _render)


def _regexp(source: str, target: str) -> dict[str, Any]:
    return {"regexp": {"source": source, "target": target}}


class TestGoRegexp:
    @pytest.mark.parametrize("case", recorded("regexp"))
    def test_matches_are_replaced_as_go_replaces_them(self, case: dict[str, Any]) -> None:
        if case["ok"]:
            pattern = go_regexp.compile(case["pattern"])
            assert pattern.replace_all(case["text"], case["template"]) == case["replaced"]
        else:
            with pytest.raises(SecretKeyError):
                go_regexp.compile(case["pattern"])

    def test_names_of_groups_may_hold_underlines_letters_and_digits(self) -> None:
        pattern = go_regexp.compile("(?P<a_b>x)(?P<c2>y)")
        assert pattern.replace_all("xy", "${c2}${a_b} $a_b-$c2") == "yx x-y"

    def test_half_a_surrogate_pair_passes_where_nothing_looks_at_it(self) -> None:
        assert go_regexp.compile("a").replace_all("a\ud800", "b") == "b\ud800"

    def test_search_looks_anywhere(self) -> None:
        assert go_regexp.compile("b+").search("abc")
        assert not go_regexp.compile("^b").search("abc")

    def test_a_wrong_pattern_is_named_with_its_fault(self) -> None:
        with pytest.raises(SecretKeyError) as caught:
            go_regexp.compile("(?=x)")
        assert str(caught.value) == (
            "'(?=x)' is not a regular expression: invalid perl operator: (?=; "
            "use RE2 syntax, without look-around and back-references"
        )

    def test_lengths_are_bounded(self) -> None:
        assert go_regexp.compile("a" * go_regexp.MAX_PATTERN).search("b") is False
        with pytest.raises(SecretKeyError, match="8193 bytes, 8192 are allowed"):
            go_regexp.compile("a" * (go_regexp.MAX_PATTERN + 1))
        any_character = go_regexp.compile(".")
        assert any_character.replace_all("a" * go_regexp.MAX_TEXT, "b") == "b" * go_regexp.MAX_TEXT
        with pytest.raises(SecretKeyError, match="a key of 8193 bytes cannot be rewritten"):
            any_character.replace_all("a" * (go_regexp.MAX_TEXT + 1), "b")
        with pytest.raises(SecretKeyError, match="the replacement has more than 8192"):
            any_character.replace_all("a", "b" * (go_regexp.MAX_PATTERN + 1))
        with pytest.raises(SecretKeyError, match="makes more than 65536 bytes"):
            any_character.replace_all("a" * 100, "b" * 1000)
        with pytest.raises(SecretKeyError, match="makes more than 65536 bytes"):
            any_character.replace_all("a" * 8000, "$2" * 4000)

    def test_a_pattern_that_backtracks_elsewhere_is_quick(self) -> None:
        assert go_regexp.compile("^(a+)+$").search("a" * 5_000 + "b") is False

    def test_patterns_show_their_source(self) -> None:
        assert repr(go_regexp.compile("^a$")) == "Pattern('^a$')"
        assert go_regexp.compile("^a$").source == "^a$"

    @given(pattern=st.text(max_size=12), text=st.text(max_size=12), template=st.text(alphabet="$1{}na_é", max_size=8))
    def test_any_pattern_is_applied_or_refused(self, pattern: str, text: str, template: str) -> None:
        try:
            compiled = go_regexp.compile(pattern)
        except SecretKeyError:
            return
        assert isinstance(compiled.replace_all(text, template), str)


class TestRenaming:
    def test_operations_apply_in_order(self) -> None:
        values = {"db_user": b"u", "db_pass": b"p", "other": b"o"}
        operations = (_regexp("^db_(.*)$", "${1}"), {"transform": {"template": "x-{{.value}}"}}, _regexp("-", "."))
        assert _rewrite(values, *operations) == {"x.user": b"u", "x.pass": b"p", "x.other": b"o"}

    def test_no_operation_leaves_the_values(self) -> None:
        assert _rewrite({"a": b"1"}) == {"a": b"1"}

    def test_different_values_under_one_name_are_refused_with_both_old_keys(self) -> None:
        with pytest.raises(SecretKeyError) as caught:
            _rewrite({"a1": b"1", "a2": b"2", "b": b"3", "a3": b"4"}, _regexp("z", ""), _regexp("[0-9]", ""))
        assert str(caught.value) == (
            "rewrite[1]: different values would share a key: 'a1' and 'a2' both become 'a', "
            "'a1' and 'a3' both become 'a'; rewrite so that every key keeps a name of its own"
        )

    def test_equal_values_may_share_a_name(self) -> None:
        assert _rewrite({"a1": b"1", "a2": b"1"}, _regexp("[0-9]", "")) == {"a": b"1"}

    def test_names_that_end_empty_may_collide(self) -> None:
        assert set(_rewrite({"a1": b"1", "a2": b"2"}, _regexp(".*", ""))) == {""}
        with pytest.raises(SecretKeyError, match=r"rewrite\[0\]: .* both become ''"):
            _rewrite({"a1": b"1", "a2": b"2"}, _regexp(".*", ""), _regexp("^", "m"))

    def test_transforms_see_the_key_and_may_collide_too(self) -> None:
        with pytest.raises(SecretKeyError, match="'a' and 'b' both become 'same'"):
            _rewrite({"a": b"1", "b": b"2"}, {"transform": {"template": "same"}})

    def test_a_failing_template_is_placed(self) -> None:
        with pytest.raises(TemplateError, match=r"^rewrite\[1\], transform:1: it fails$"):
            _rewrite({"a": b"1"}, _regexp("a", "b"), {"transform": {"template": "fail"}})

    def test_a_wrong_pattern_is_placed(self) -> None:
        with pytest.raises(SecretKeyError, match=r"^rewrite\[0\]: '\(' is not"):
            _rewrite({"a": b"1"}, _regexp("(", "b"))

    def test_an_empty_operation_is_refused(self) -> None:
        with pytest.raises(
            SecretKeyError, match=r"^rewrite\[0\]: the operation is empty; set one of regexp, transform and merge$"
        ):
            rewriting.rewrite([Rewrite.model_construct(merge=None, regexp=None, transform=None)], {}, _render)

    @given(
        keys=st.lists(st.text(max_size=6), unique=True, max_size=6),
        source=st.text(alphabet="ab.*+?[]()^$\\", max_size=6),
        target=st.text(alphabet="ab$1{}", max_size=4),
    )
    def test_any_rewrite_keeps_every_value_or_refuses(self, keys: list[str], source: str, target: str) -> None:
        values = {key: key.encode() for key in keys}
        try:
            rewritten = _rewrite(values, _regexp(source, target))
        except SecretSyncError:
            return
        kept = set(rewritten.values())
        assert kept <= set(values.values())
        assert len(values) - len(rewritten) == 0 or "" in rewritten


class TestMerge:
    VALUES = {  # noqa: RUF012 - never changed
        "one": b'{"a":"1","shared":"one","n":1.50}',
        "two": b'{"b":"2","shared":"two"}',
        "three": b'{"c":{"z":"<","y":1}}',
    }

    def test_members_become_keys_and_later_values_win(self) -> None:
        assert _rewrite(self.VALUES, {"merge": {"conflictPolicy": "Ignore"}}) == {
            "a": b"1",
            "n": b"1.5",
            "shared": b"two",
            "c": b'{"y":1,"z":"\\u003c"}',
            "b": b"2",
        }

    def test_priority_comes_last_in_its_order(self) -> None:
        merge = {"conflictPolicy": "Ignore", "priority": ["two", "one"]}
        assert _rewrite(self.VALUES, {"merge": merge})["shared"] == b"one"
        merge = {"conflictPolicy": "Ignore", "priority": ["one", "two"]}
        assert _rewrite(self.VALUES, {"merge": merge})["shared"] == b"two"

    def test_conflicts_are_refused_by_default_and_each_named_once(self) -> None:
        values = {**self.VALUES, "zero": b'{"a":"9","shared":"zero"}'}
        with pytest.raises(SecretKeyError, match=r"^rewrite\[0\]: merged values share the keys a, shared; "):
            _rewrite(values, {"merge": {}})

    def test_a_missing_priority_is_refused_unless_ignored(self) -> None:
        with pytest.raises(SecretKeyError, match=r"merge\.priority names 'nope', which is not there"):
            _rewrite(self.VALUES, {"merge": {"conflictPolicy": "Ignore", "priority": ["nope"]}})
        merge = {"conflictPolicy": "Ignore", "priority": ["nope"], "priorityPolicy": "IgnoreNotFound"}
        assert "a" in _rewrite(self.VALUES, {"merge": merge})

    def test_json_goes_into_one_key_without_html_escapes(self) -> None:
        merged = _rewrite(self.VALUES, {"merge": {"strategy": "JSON", "into": "two", "conflictPolicy": "Ignore"}})
        assert merged == {
            **self.VALUES,
            "two": b'{"a":"1","b":"2","c":{"y":1,"z":"<"},"n":1.5,"shared":"two"}',
        }

    def test_json_needs_a_key(self) -> None:
        with pytest.raises(SecretKeyError, match=r"strategy JSON has no key to go into; set merge\.into"):
            _rewrite({}, {"merge": {"strategy": "JSON"}})

    def test_all_values_that_cannot_be_merged_are_named(self) -> None:
        with pytest.raises(SecretKeyError) as caught:
            _rewrite({"b": b"[1]", "a": b"", "c": b"x", "d": b"null"}, {"merge": {"priority": ["e"]}})
        assert str(caught.value) == (
            "rewrite[0]: merge.priority names 'e', which is not there; "
            "the value of key 'a' cannot be merged: the value is empty where JSON is needed; "
            "the value of key 'b' cannot be merged: the value is an array where a JSON object is needed; "
            "the value of key 'c' cannot be merged: the value is not JSON at character 0; "
            "merge JSON objects; set conflictPolicy Ignore where a later value may win"
        )

    def test_a_key_named_twice_in_priority_conflicts_with_itself(self) -> None:
        with pytest.raises(SecretKeyError, match="share the keys a"):
            _rewrite({"one": b'{"a":1}'}, {"merge": {"priority": ["one", "one"]}})

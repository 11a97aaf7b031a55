"""Patterns of IAM against the regular expressions they stand for, and against each other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.access.patterns import after, beginning_with, covers, fixed_beginning, normal, without_covered
from secretsync.access.regexps import name_patterns
from secretsync.values import go_regexp

pytestmark = pytest.mark.unit

names = st.text(alphabet="ab/-1", max_size=8)
patterns = st.text(alphabet="ab*?", max_size=6).map(normal)


def matches(pattern: str, name: str) -> bool:
    """What IAM does."""
    expression = "".join({"*": ".*", "?": "."}.get(each) or re.escape(each) for each in pattern)
    return re.fullmatch(expression, name, re.DOTALL) is not None


atoms = st.sampled_from(
    ["a", "b", "ab", ".", "[ab]", "[^a]", "[a-b]", r"\d", r"\-", "(a|b)", "(?:ab|/)", "(?P<n>a)", "()"]
)
quantified = st.tuples(atoms, st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "*?"])).map("".join)
sequences = st.lists(quantified, max_size=4).map("".join)
regexps = st.lists(
    st.tuples(st.sampled_from(["", "^", r"\A"]), sequences, st.sampled_from(["", "$", r"\z"])).map("".join),
    min_size=1,
    max_size=3,
).map("|".join)


@settings(max_examples=300)
@given(regexp=regexps, name=names)
def test_no_name_that_is_found_is_left_out(regexp: str, name: str) -> None:
    found = name_patterns(regexp)
    matched = any(matches(pattern, name) for pattern in found.patterns)
    wanted = go_regexp.compile(regexp).search(name)
    if wanted:
        assert matched
    elif found.exact:
        assert not matched


@pytest.mark.parametrize(
    ("regexp", "expected", "exact"),
    [
        ("", ("*",), True),
        (".*", ("*",), True),
        (".+", ("?*",), True),
        ("^a", ("a*",), True),
        ("a$", ("*a",), True),
        ("^a$", ("a",), True),
        ("a", ("*a*",), True),
        ("^a|b", ("a*", "*b*"), True),
        ("^(a|b)c?$", ("a", "ac", "b", "bc"), True),
        (r"^a\.b.c", ("a.b?c*",), True),
        ("^a{3}$", ("aaa",), True),
        ("^[ab.]x", ("ax*", "bx*", ".x*"), True),
        ("^a[0-9]+", ("a?*",), False),
        (r"^a\d$", ("a?",), False),
        (r"^a\b", ("a*",), False),
        ("^a+$", ("a*",), False),
        ("^(ab)*$", ("*",), False),
        ("(?i)a", ("*",), False),
        ("a^b", ("*",), False),
        (r"\Qa*\E", ("*",), False),
        ("^a{100}$", ("*",), False),
        (r"^a\*b", (), True),
        ("^x(a|b|c|d|e)(a|b|c|d|e)(a|b|c|d|e)$", ("x*",), False),
    ],
)
def test_regular_expressions_become_patterns(regexp: str, expected: tuple[str, ...], *, exact: bool) -> None:
    found = name_patterns(regexp)
    assert (found.patterns, found.exact) == (expected, exact)


@settings(max_examples=300)
@given(wide=patterns, narrow=patterns, name=names)
def test_what_covers_matches_all_that_is_covered(wide: str, narrow: str, name: str) -> None:
    if covers(wide, narrow) and matches(narrow, name):
        assert matches(wide, name)


@given(pattern=st.text(alphabet="ab*?", max_size=8), name=names)
def test_the_normal_form_matches_the_same(pattern: str, name: str) -> None:
    assert matches(normal(pattern), name) == matches(pattern, name)
    assert normal(normal(pattern)) == normal(pattern)


@settings(max_examples=300)
@given(prefix=st.text(alphabet="ab", max_size=4), pattern=patterns, name=names)
def test_names_that_match_and_begin_so_are_just_those(prefix: str, pattern: str, name: str) -> None:
    both = matches(pattern, name) and name.startswith(prefix)
    assert any(matches(each, name) for each in beginning_with(prefix, [pattern])) == both
    assert any(matches(each, name) for each in after(prefix, pattern)) == matches(pattern, prefix + name)


@given(several=st.lists(patterns, max_size=5), name=names)
def test_leaving_out_what_is_covered_loses_nothing(several: list[str], name: str) -> None:
    kept = without_covered(several)
    assert any(matches(each, name) for each in kept) == any(matches(each, name) for each in several)
    assert len(set(kept)) == len(kept)


@given(pattern=patterns, name=names)
def test_every_match_begins_with_the_fixed_beginning(pattern: str, name: str) -> None:
    for each in (name, pattern.replace("*", name).replace("?", "a")):
        assert not matches(pattern, each) or each.startswith(fixed_beginning(pattern))

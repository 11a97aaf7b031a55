from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.pulumi.wire import (
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN,
    UNKNOWN_TEXT,
    PropertyValue,
    Secret,
    decode,
    encode,
    has_secret,
    has_unknown,
    mark_like,
    plain,
    secret,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

pytestmark = pytest.mark.unit

KEYS = st.text(max_size=8).filter(lambda key: key != SIGNATURE)
SCALARS: SearchStrategy[PropertyValue] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    st.text().filter(lambda text: text != UNKNOWN_TEXT),
    st.just(UNKNOWN),
)


def _containers(inner: SearchStrategy[PropertyValue]) -> SearchStrategy[PropertyValue]:
    secrets = inner.filter(lambda value: not isinstance(value, Secret)).map(Secret)
    return st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4), secrets)


VALUES = st.recursive(SCALARS, _containers, max_leaves=20)


def _hides_nothing(value: PropertyValue) -> bool:
    """Whether somewhere inside an absent or unknown value is marked; such a mark need not be kept."""
    if isinstance(value, Secret):
        return value.value is None or value.value is UNKNOWN or _hides_nothing(value.value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_hides_nothing(item) for item in inner)


@given(VALUES)
def test_every_value_survives_the_wire(value: PropertyValue) -> None:
    assert decode(encode(value)) == value


@given(VALUES.filter(lambda value: not _hides_nothing(value)))
def test_marks_follow_their_source(value: PropertyValue) -> None:
    marked = mark_like(plain(value), value)
    assert plain(marked) == plain(value)
    assert has_secret(marked) == has_secret(value)


@given(VALUES)
def test_plain_leaves_no_mark_and_no_value_behind(value: PropertyValue) -> None:
    assert not has_secret(plain(value))
    assert has_unknown(plain(value)) == has_unknown(value)


def test_a_secret_inside_a_secret_is_one_secret() -> None:
    assert decode(encode(Secret(Secret("x")))) == Secret("x")


def test_the_signature_is_the_engine_s() -> None:
    fields = encode(Secret("x")).struct_value.fields
    assert fields[SIGNATURE].string_value == SECRET_SIGNATURE
    assert fields["value"].string_value == "x"


def test_whole_numbers_come_back_as_integers_and_others_as_floats() -> None:
    assert decode(encode(3.0)) == 3
    assert isinstance(decode(encode(3.0)), int)
    assert math.isclose(decode(encode(0.5)), 0.5)


def test_no_text_form_shows_a_secret() -> None:
    value = {"password": Secret({"inner": "canary-value"})}
    assert "canary-value" not in f"{value!r} {value!s}"


def test_an_unknown_has_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(UNKNOWN)


def test_what_has_no_form_on_the_wire_is_refused_by_its_type_only() -> None:
    with pytest.raises(TypeError, match="a bytes has no form on the wire") as caught:
        encode({"key": b"canary-value"})
    assert "canary" not in str(caught.value)


def test_absent_and_unknown_values_are_not_marked() -> None:
    assert secret(None) is None
    assert secret(UNKNOWN) is UNKNOWN
    assert secret([Secret("x")]) == Secret(["x"])


def test_a_list_that_holds_a_secret_is_marked_as_a_whole() -> None:
    assert mark_like(["b", "a"], ["a", Secret("b")]) == Secret(["b", "a"])

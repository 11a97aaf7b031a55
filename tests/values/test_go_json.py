from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.errors import ValueRuleError
from secretsync.values import go_float, go_json, go_json_deep, members
from secretsync.values.go_json import Number, NumberStyle
from tests.values.recorded_answers import recorded

pytestmark = pytest.mark.unit

_REMEDY = "name a property that is an object, or read the value with data instead of dataFrom"
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("case", recorded("encoding_json"))
def test_reading_and_writing_again_gives_what_go_gives(case: dict[str, Any]) -> None:
    document = case["document"].encode()
    if case["ok"]:
        assert go_json.remarshal(document, numbers=NumberStyle.Float64).decode() == case["marshalled"]
        assert go_json.valid(document)
    else:
        with pytest.raises(ValueRuleError):
            go_json.remarshal(document, numbers=NumberStyle.Float64)


@pytest.mark.parametrize("case", recorded("encoding_json"))
def test_the_reader_for_deep_text_agrees(case: dict[str, Any]) -> None:
    text = case["document"]
    assert go_json_deep.valid(text) is go_json.valid(text.encode())
    if case["ok"]:
        assert go_json_deep.decode(text, str) == json.loads(text, parse_int=str, parse_float=str)


@given(value=_JSON)
def test_what_is_written_reads_back(value: object) -> None:
    assert go_json.loads(go_json.dumps(value)) == value
    assert go_json.loads(go_json.dumps(value, escape_html=False)) == value
    assert go_json_deep.decode(go_json.dumps(value).decode(), float) == value


@given(document=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(document: bytes) -> None:
    try:
        value = go_json.loads(document)
    except ValueRuleError:
        assert not go_json.valid(document) or b"e" in document.lower()
        return
    assert go_json.valid(document)
    assert go_json.loads(go_json.dumps(value)) == value


def test_members_are_sorted_by_bytes_and_html_is_escaped_on_request() -> None:
    value = {"z": 1.0, "é": 2.0, "B": "<&>", "a": [True, False, None], "\U0001f600": {}}
    assert go_json.dumps(value).decode() == '{"B":"\\u003c\\u0026\\u003e","a":[true,false,null],"z":1,"é":2,"😀":{}}'
    assert b'"<&>"' in go_json.dumps(value, escape_html=False)


def test_bytes_are_texts_whose_stray_bytes_are_replaced() -> None:
    assert go_json.dumps({"b": b"\xff\x00\xe2\x82", "c": b"ok"}) == b'{"b":"\\ufffd\\u0000\\ufffd\\ufffd","c":"ok"}'


def test_integers_and_tuples_are_written() -> None:
    assert go_json.dumps((1, 10**30, Number("1.50"))) == b"[1,1000000000000000000000000000000,1.50]"


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_undefined_numbers_are_refused(value: float) -> None:
    with pytest.raises(ValueRuleError, match="no JSON form"):
        go_json.dumps([value])


def test_unknown_types_are_refused() -> None:
    with pytest.raises(TypeError, match="set has no JSON form"):
        go_json.dumps({"a": set()})


def test_numbers_stay_text_in_raw_style() -> None:
    document = b'{"b": 1.50, "a": [12345678901234567890, 1e21]}'
    assert go_json.remarshal(document, numbers=NumberStyle.Raw) == b'{"a":[12345678901234567890,1e21],"b":1.50}'
    assert go_json.remarshal(document, numbers=NumberStyle.Float64) == b'{"a":[12345678901234567000,1e+21],"b":1.5}'


@pytest.mark.parametrize("numbers", NumberStyle)
def test_ten_thousand_levels_are_read_and_one_more_is_not(numbers: NumberStyle) -> None:
    fits = b"[" * 10_000 + b"1" + b"]" * 10_000
    assert go_json.remarshal(fits, numbers=numbers) == fits
    assert go_json.valid(fits)
    with pytest.raises(ValueRuleError, match="not JSON"):
        go_json.loads(b"[" + fits + b"]", numbers=numbers)
    assert not go_json.valid(b"[" + fits + b"]")


def test_deep_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueRuleError, match=r"^the value holds a number beyond the range of a double$"):
        go_json.loads(b"[" * 2_000 + b"1e400" + b"]" * 2_000)
    with pytest.raises(ValueRuleError, match="beyond the range"):
        go_json.loads(b"[-1e400]")


def test_a_long_number_is_read() -> None:
    assert go_json.loads(b"1" * 5_000, numbers=NumberStyle.Raw) == "1" * 5_000
    assert go_json.valid(b"1" * 5_000)


@pytest.mark.parametrize(
    "text", ['{"a":1', "[1 2]", '{"a" 1}', "{1:2}", '{"a":1,}', "[1,]", "tru", "[", '"', '"\\x"', '{"a":1}x', "", "[-]"]
)
def test_the_reader_for_deep_text_refuses(text: str) -> None:
    assert not go_json_deep.valid(text)


def test_errors_quote_nothing_of_the_value() -> None:
    with pytest.raises(ValueRuleError) as caught:
        go_json.loads(b'{"password": hunter2}')
    assert str(caught.value) == ("the value is not JSON at character 13; correct the value upstream, or read it whole")
    with pytest.raises(ValueRuleError, match="the value is empty where JSON is needed"):
        go_json.loads(b" \n")


class TestRawMembers:
    def test_values_keep_their_text(self) -> None:
        document = b' { "a" : 1.50 , "b":{"x": [1, "}"]},"\\u00e9":"q\\"" ,"a":2 , "n":null,"t":true} '
        assert go_json.loads_raw(document) == {
            "a": b"2",
            "b": b'{"x": [1, "}"]}',
            "é": b'"q\\""',
            "n": b"null",
            "t": b"true",
        }

    def test_null_has_no_members(self) -> None:
        assert go_json.loads_raw(b" null ") == {}
        assert go_json.loads_object(b"null") == {}
        assert go_json.loads_raw(b"{ }") == {}

    @pytest.mark.parametrize(
        ("document", "kind"),
        [
            (b"[1]", "an array"),
            (b' "x"', "a string"),
            (b"true", "a boolean"),
            (b"false", "a boolean"),
            (b"-4", "a number"),
        ],
    )
    def test_other_kinds_are_refused_by_name(self, document: bytes, kind: str) -> None:
        for read in (go_json.loads_raw, go_json.loads_object):
            with pytest.raises(ValueRuleError, match=f"^the value is {kind} where a JSON object is needed; {_REMEDY}$"):
                read(document)

    def test_text_that_is_not_json_is_refused(self) -> None:
        with pytest.raises(ValueRuleError, match="the value is not JSON;"):
            go_json.loads_raw(b'{"a":}')

    @given(value=st.dictionaries(st.text(max_size=4), _JSON, max_size=5))
    def test_raw_members_read_back(self, value: dict[str, Any]) -> None:
        raw = go_json.loads_raw(json.dumps(value, indent=1).encode())
        assert {key: json.loads(text) for key, text in raw.items()} == value


class TestMembers:
    DOCUMENT = (
        b'{"str":"a\\nb","num":42,"fz":1.50,"big":12345678901234567890,"exp":1e21,"t":true,"f":false,"nul":null,'
        b'"obj":{"b":1, "a":"<"},"arr":[1, "x"]}'
    )

    def test_raw_members_are_as_written(self) -> None:
        assert members.from_json_object(self.DOCUMENT, numbers=NumberStyle.Raw) == {
            "str": b"a\nb",
            "num": b"42",
            "fz": b"1.50",
            "big": b"12345678901234567890",
            "exp": b"1e21",
            "t": b"true",
            "f": b"false",
            "nul": b"",
            "obj": b'{"b":1, "a":"<"}',
            "arr": b'[1, "x"]',
        }

    def test_float_members_are_decoded_and_written_again(self) -> None:
        assert members.from_json_object(self.DOCUMENT, numbers=NumberStyle.Float64) == {
            "str": b"a\nb",
            "num": b"42",
            "fz": b"1.5",
            "big": b"12345678901234567000",
            "exp": b"1000000000000000000000",
            "t": b"true",
            "f": b"false",
            "nul": b"",
            "obj": b'{"a":"\\u003c","b":1}',
            "arr": b'[1,"x"]',
        }

    def test_numbers_kept_as_text_are_values_as_they_are(self) -> None:
        assert members.value_bytes(Number("1e-7")) == b"1e-7"

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(ValueRuleError, match="a complex cannot be"):
            members.value_bytes(1j)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_plain_and_json_notation_read_back(value: float) -> None:
    assert float(go_float.format_plain(value)) == value
    assert "e" not in go_float.format_plain(value)
    assert float(go_float.format_json(value)) == value
    assert go_float.parse(repr(value)) == value

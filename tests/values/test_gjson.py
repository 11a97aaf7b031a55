from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.errors import RemoteRefError
from secretsync.values import gjson
from secretsync.values.gjson import limits, wildcard
from secretsync.values.gjson.limits import Budget
from secretsync.values.gjson.result import Result, Type
from secretsync.values.gjson.search import evaluate
from tests.values.recorded_answers import recorded

pytestmark = pytest.mark.unit

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
_PATH_PIECES = st.sampled_from(
    [
        *(
            "a",
            "b",
            "0",
            "1",
            "#",
            "*",
            "?",
            ".",
            ".",
            "|",
            "\\",
            "..",
            "@this",
            "@reverse",
            "@pretty",
            "@ugly",
            "@keys",
        ),
        *("@values", "@flatten", '@flatten:{"deep":true}', "@join", "@tostr", "@fromstr", "@group", "@dig:a", "@valid"),
        *("#(", ")", ")#", "#[", "]", "{", "}", "[", ",", ":", '"', "==", "!=", "%", "!%", "<", "<=", "~true", '!"x"'),
    ]
)
_PATHS = st.lists(_PATH_PIECES, max_size=10).map("".join) | st.text(max_size=12)


@pytest.mark.parametrize("case", [*recorded("gjson"), *recorded("gjson_by_hand")])
def test_recorded_path_selects_what_gjson_selects(case: dict[str, Any]) -> None:
    result = gjson.get(case["document"], case["path"])
    answer = (result.exists, result.type.value, result.string.decode(), result.raw.decode())
    assert answer == (case["exists"], case["type"], case["string"], case["raw"])


@given(document=st.binary(max_size=60) | _JSON.map(lambda value: json.dumps(value).encode()), path=_PATHS)
def test_any_path_over_any_bytes_ends_with_a_result_or_a_refusal(document: bytes, path: str) -> None:
    try:
        result = gjson.get(document, path)
    except RemoteRefError:
        return
    assert isinstance(result.string, bytes)


@given(value=_JSON, path=_PATHS)
def test_the_short_cut_agrees_with_the_walk(value: object, path: str) -> None:
    document = json.dumps(value).encode()
    try:
        walked = evaluate(document, path.encode("utf-8", "surrogateescape"), Budget(len(document)))
    except RemoteRefError:
        return
    short = gjson.get(document, path)
    assert (short.type, short.raw, short.string) == (walked.type, walked.raw, walked.string)


@given(
    value=st.dictionaries(st.sampled_from("abc"), _JSON, max_size=3), names=st.lists(st.sampled_from("abc"), max_size=3)
)
def test_a_plain_path_selects_what_indexing_selects(value: dict[str, Any], names: list[str]) -> None:
    expected: Any = value
    for name in names:
        expected = expected.get(name, ...) if isinstance(expected, dict) else ...
    if not names:
        return
    result = gjson.get(json.dumps(value), ".".join(names))
    if expected is ...:
        assert not result.exists
    else:
        assert json.loads(result.raw) == expected


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_name_before_a_long_text_is_found_by_the_walk(repeats: int) -> None:
    document = b'{"x":"' + b"y" * 5000 * repeats + b'","list":[{"k":1},{"k":2}]}'
    assert gjson.get(document, "list.1.k").raw == b"2"


def test_raw_text_keeps_digits_and_white_space() -> None:
    document = b'{ "o" : { "f" : 1.50 , "a":[ 1,2 ] } }'
    assert gjson.get(document, "o").raw == b'{ "f" : 1.50 , "a":[ 1,2 ] }'
    assert gjson.get(document, "o.f").raw == b"1.50"
    assert gjson.get(document, "o.f").text == "1.5"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("1e3", "1000"),
        ("-", "-"),
        ("1e400", "+Inf"),
        ("-1e400", "-Inf"),
        ("nan", "NaN"),
        ("Inf", "+Inf"),
        ("0x10p0", "16"),
        ("0x1p99999", "+Inf"),
        ("-0x1p99999", "-Inf"),
        ("1_0", "0"),
        ("-0.0", "-0"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("0.1e1", "1"),
        ("1e-7", "0.0000001"),
    ],
)
def test_numbers_print_as_doubles_unless_they_are_whole(raw: str, text: str) -> None:
    assert gjson.get(f"[{raw}]", "0").text == text


def test_invalid_utf8_becomes_the_replacement_character_in_text_only() -> None:
    result = gjson.get(b'{"a":"x\xff"}', "a")
    assert result.string == b"x\xff"
    assert result.text == "x\ufffd"


def test_repr_shows_no_value() -> None:
    assert "hunter2" not in repr(gjson.get('{"a":"hunter2"}', "a"))


@pytest.mark.parametrize(
    ("result", "boolean", "number"),
    [
        (Result(Type.String, b'"T"', b"T"), True, 0.0),
        (Result(Type.String, b'"yes"', b"yes"), False, 0.0),
        (Result(Type.Number, b"2"), True, 2.0),
        (Result(Type.Number, b"0"), False, 0.0),
        (Result(Type.True_, b"true"), True, 0.0),
        (Result(Type.JSON, b"[1]"), False, 0.0),
        (Result(), False, 0.0),
    ],
)
def test_results_as_switch_and_number(result: Result, boolean: bool, number: float) -> None:  # noqa: FBT001 - a case
    assert result.boolean is boolean
    assert result.number == number


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("abc", "a*c", True),
        ("abc", "a*b", False),
        ("ac", "a*c*", True),
        ("a", "a?", False),
        ("é", "?", True),
        ("a*b", "a\\*b", True),
        ("axb", "a\\*b", False),
        ("a", "a\\", False),
        ("", "*", True),
        ("", "", True),
        ("aXbXc", "a*X*c", True),
        ("ab", "*b*b", False),
        ("abab", "*b*b", True),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
        ("line\nend", "line?end", True),
        ("ab", "ab*b", False),
        ("xab", "*ab*ab", False),
        ("aXc", "a*Y*c", False),
    ],
)
def test_wildcards(text: str, pattern: str, expected: bool) -> None:  # noqa: FBT001 - a case
    assert wildcard.matches(text.encode(), pattern.encode()) is expected


@pytest.mark.parametrize(
    ("document", "path", "text"),
    [
        ('["\\ud800\\udc00"]', "0", "\U00010000"),
        ('["\\udbff\\udfff"]', "0", "\U0010ffff"),
        ('["\\ud800x"]', "0", "\ufffdx"),
        ('"a\\tb', "@this", "a\tb"),
        ('{"c\\u0064":2,"cd":3}', "cd", "2"),
        ('{"ab":1,"*":2}', "\\*", "2"),
        ('{"ab":1,"a*":2}', "a\\*", "2"),
        ('{"a":1,"a":{"b":2}}', "a.b", "2"),
        ('{"a":1,"a":{"b":2},"c":{"*":3}}', "c.\\*", "3"),
    ],
)
def test_escapes_in_texts_names_and_paths(document: str, path: str, text: str) -> None:
    assert gjson.get(document, path).text == text


_PAIRS = '[{"a":1,"b":2},7,{"a":3}]'


@pytest.mark.parametrize(
    ("document", "path", "raw"),
    [
        (_PAIRS, "@join", '{"a":3,"b":2}'),
        (_PAIRS, '@join:{"preserve":false}', '{"a":3,"b":2}'),
        (_PAIRS, '@join:{"preserve":true}', '{"a":1,"b":2,"a":3}'),
        (_PAIRS, '@join:{"other":true}', '{"a":3,"b":2}'),
        ('{"id":["1","2"],"val":[3,4,5],"x":1}', "@group", '[{"id":"1","val":3},{"id":"2","val":4},{"val":5}]'),
        ('{"a":1}', '@pretty:{"indent":"X","prefix":"X"}', '{\n"a": 1\n}\n'),
        ('{"a":1}', '@pretty:{"indent":"\\t","prefix":" "}', '{\n \t"a": 1\n }\n'),
        (
            '{"b":1,"a":10,"a":9,"a":"z","a":"b","a":null,"a":true,"a":false,"a":[2],"a":[1]}',
            '@pretty:{"sortKeys":true}|@ugly',
            '{"a":null,"a":false,"a":9,"a":10,"a":"b","a":"z","a":true,"a":[1],"a":[2],"b":1}',
        ),
    ],
)
def test_modifiers_with_several_members_and_options(document: str, path: str, raw: str) -> None:
    assert gjson.get(document, path).raw.decode() == raw


@pytest.mark.parametrize(("document", "path"), [("[1]", "@group"), ('{"a":', "@valid"), ('"a', "@fromstr")])
def test_modifiers_that_cannot_answer_give_nothing(document: str, path: str) -> None:
    result = gjson.get(document, path)
    assert (result.exists, result.raw, result.string) == (False, b"", b"")


class TestBounds:
    def test_ten_thousand_levels_are_walked(self) -> None:
        document = b'{"a":' * 10_000 + b'"x"' + b"}" * 10_000
        assert gjson.get(document, ".".join(["a"] * 10_000)).text == "x"
        assert gjson.get(document, "b").exists is False
        assert gjson.get(b'{"c":' + document + b',"b":[1]}', "b.0").text == "1"

    def test_ten_thousand_open_brackets_are_walked(self) -> None:
        assert gjson.get(b"[" * 10_000, ".".join(["0"] * 10_000)).exists is False
        assert gjson.get(b"[" * 10_000, "#").text == "1"

    def test_ten_thousand_keys(self) -> None:
        document = json.dumps({f"k{number}": "v" * 90 for number in range(10_000)})
        assert gjson.get(document, "k9999").text == "v" * 90
        assert gjson.get(document, "k99?9.#").exists is False

    @pytest.mark.parametrize("modifier", ["@pretty", "@dig:x", '@flatten:{"deep":true}'])
    def test_modifiers_over_deep_text_refuse_or_answer(self, modifier: str) -> None:
        try:
            result = gjson.get(b"[" * 4_000 + b"]" * 4_000, modifier)
        except RemoteRefError:
            return
        assert result.exists

    @pytest.mark.parametrize("step", ["{a:@this,b:@this}", "@tostr", "[@this,@this]"])
    def test_a_path_that_doubles_the_text_is_refused(self, step: str) -> None:
        with pytest.raises(RemoteRefError, match="more work than is allowed"):
            gjson.get('{"a":"\\\\"}', "|".join([step] * 60))

    def test_indentation_counts_as_work(self) -> None:
        indent = "\\t" * 4000
        with pytest.raises(RemoteRefError, match="more work than is allowed"):
            gjson.get(b'{"a":' * 200 + b"1" + b"}" * 200, f'@pretty:{{"indent":"{indent}"}}')

    def test_selectors_nest_up_to_the_limit(self) -> None:
        document = b"[" * 60 + b"]" * 60
        assert gjson.get(document, "#." * (limits.MAX_NESTING - 1) + "#").exists
        with pytest.raises(RemoteRefError, match="nests more than 50 selectors"):
            gjson.get(document, "#." * (limits.MAX_NESTING + 1) + "#")

    @pytest.mark.parametrize(
        ("opening", "closing"),
        [("#(", ")"), ("#(", ")#"), ("[", "]"), ("{", "}"), ("#(@this).#.", ""), ("@dig:@dig:", ""), ("@dig:#.", "")],
    )
    def test_nested_selectors_of_any_kind_are_refused(self, opening: str, closing: str) -> None:
        document = b"[" * 300 + b"]" * 300
        with pytest.raises(RemoteRefError, match=r"nests more than 50 selectors|more work than is allowed"):
            gjson.get(document, opening * 200 + closing * 200)

    def test_nested_queries_count_one_each(self) -> None:
        document = b"[" * 60 + b"1" + b"]" * 60
        levels = limits.MAX_NESTING
        assert gjson.get(document, "#(" * levels + ")#" * levels).exists
        with pytest.raises(RemoteRefError, match="nests more than 50 selectors"):
            gjson.get(document, "#(" * (levels + 1) + ")#" * (levels + 1))

    def test_a_path_may_have_32768_characters(self) -> None:
        assert not gjson.get("{}", "a" * limits.MAX_PATH).exists
        with pytest.raises(RemoteRefError, match="has 32769 characters, 32768 are allowed; use a shorter path"):
            gjson.get("{}", "a" * (limits.MAX_PATH + 1))

    def test_a_budget_grows_with_the_document(self) -> None:
        assert Budget(1000).left - Budget(0).left == 8000

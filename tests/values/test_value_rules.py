"""Decoding, key conversion, key rules and NUL bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.api.enums import ConversionStrategy, DecodingStrategy, NullBytePolicy
from secretsync.errors import DecodingError, NullByteError, SecretKeyError
from secretsync.values import conversion, decoding, null_bytes, secret_keys
from tests.values.recorded_answers import recorded

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("case", recorded("encoding_base64"))
def test_base64_is_decoded_as_go_decodes_it(case: dict[str, Any]) -> None:
    text = case["text"].encode("latin-1")
    strategy = DecodingStrategy(case["alphabet"])
    if case["ok"]:
        assert decoding.decode(text, strategy).hex() == case["decoded"]
    else:
        with pytest.raises(DecodingError, match=f"the value is not {strategy.value}:"):
            decoding.decode(text, strategy)


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        (b"Zm9vJV8/YmFy", b"foo%_?bar"),
        (b"Zm9vJV8_YmFy", b"foo%_?bar"),
        (b"hello world!", b"hello world!"),
        (b"test", b"\xb5\xeb-"),
        (b"", b""),
    ],
)
def test_auto_tries_both_alphabets_and_then_leaves_the_value(value: bytes, decoded: bytes) -> None:
    assert decoding.decode(value, DecodingStrategy.Auto) == decoded


@given(value=st.binary(max_size=40), strategy=st.sampled_from(DecodingStrategy))
def test_any_value_is_decoded_or_refused(value: bytes, strategy: DecodingStrategy) -> None:
    try:
        decoded = decoding.decode(value, strategy)
    except DecodingError:
        assert strategy in (DecodingStrategy.Base64, DecodingStrategy.Base64URL)
        return
    assert decoded == value if strategy is DecodingStrategy.None_ else len(decoded) <= max(len(value), 1)


def test_a_megabyte_is_decoded() -> None:
    assert len(decoding.decode(b"QUJD" * 262_144, DecodingStrategy.Base64)) == 786_432
    assert decoding.decode(b"QUJD" * 262_144 + b"%", DecodingStrategy.Auto)[-1:] == b"%"


def test_a_decoding_error_quotes_nothing_of_the_value() -> None:
    with pytest.raises(DecodingError) as caught:
        decoding.decode(b"hunter2!", DecodingStrategy.Base64)
    assert str(caught.value) == (
        "the value is not Base64: its alphabet, length or padding is wrong; "
        "correct the value upstream, or set decodingStrategy to None or Auto"
    )


@pytest.mark.parametrize(
    ("key", "default", "unicode"),
    [
        ("ok-1_.", "ok-1_.", "ok-1_."),
        ("a b/c", "a_b_c", "a_U0020_b_U002f_c"),
        ("żółć", "żółć", "żółć"),
        ("e\u0301", "e_", "e_U0301_"),
        ("✓", "_", "_U2713_"),
        ("😀", "_", "_U1f600_"),
        ("½٣", "½٣", "½٣"),
        ("", "", ""),
    ],
)
def test_keys_are_converted(key: str, default: str, unicode: str) -> None:
    assert conversion.convert_keys({key: b"v"}, ConversionStrategy.Default) == {default: b"v"}
    assert conversion.convert_keys({key: b"v"}, ConversionStrategy.Unicode) == {unicode: b"v"}


def test_keys_that_become_one_are_refused_all_at_once() -> None:
    values = {"a b": b"1", "a/b": b"1", "c d": b"1", "c_d": b"2", "ok": b"3"}
    with pytest.raises(SecretKeyError) as caught:
        conversion.convert_keys(values, ConversionStrategy.Default)
    assert str(caught.value) == (
        "conversionStrategy Default makes keys collide: 'a b' and 'a/b' both become 'a_b', "
        "'c d' and 'c_d' both become 'c_d'; "
        "use conversionStrategy Unicode or a rewrite that keeps the keys apart"
    )


@given(keys=st.lists(st.text(max_size=12), unique=True, max_size=8), strategy=st.sampled_from(ConversionStrategy))
def test_converted_keys_pass_the_character_check(keys: list[str], strategy: ConversionStrategy) -> None:
    try:
        converted = conversion.convert_keys(dict.fromkeys(keys, b""), strategy)
    except SecretKeyError:
        return
    assert len(converted) == len(keys)
    assert set(secret_keys.check(converted)) == set(converted) - {""}


def test_the_empty_key_is_dropped() -> None:
    assert secret_keys.check({"": b"1", "a": b"2"}) == {"a": b"2"}


def test_keys_may_have_253_bytes() -> None:
    assert secret_keys.check({"x" * 253: b""}) == {"x" * 253: b""}
    assert secret_keys.check({"é" * 126: b""}) == {"é" * 126: b""}
    with pytest.raises(SecretKeyError, match=f"^key '{'x' * 32}'… is 254 bytes long where 253 are allowed; "):
        secret_keys.check({"x" * 254: b""})
    with pytest.raises(SecretKeyError, match="is 254 bytes long where 253 are allowed"):
        secret_keys.check({"é" * 127: b""})


def test_every_wrong_key_is_named_with_its_characters() -> None:
    with pytest.raises(SecretKeyError) as caught:
        secret_keys.check({"a b": b"", "good": b"", "c/d:/": b"", "✓": b""})
    assert str(caught.value) == (
        "key 'a b' has characters other than letters, numbers, '-', '.' and '_': ' ', "
        "key 'c/d:/' has characters other than letters, numbers, '-', '.' and '_': '/:', "
        "key '✓' has characters other than letters, numbers, '-', '.' and '_': '✓'; "
        "change the keys with a rewrite, or with conversionStrategy and no rewrite"
    )


def test_of_many_wrong_keys_twenty_are_named() -> None:
    with pytest.raises(SecretKeyError, match=r": '/', and 5 more;") as caught:
        secret_keys.check({f"{number:02}/": b"" for number in range(25)})
    assert "'19/'" in str(caught.value)
    assert "'20/'" not in str(caught.value)
    with pytest.raises(SecretKeyError) as exactly:
        secret_keys.check({f"{number:02}/": b"" for number in range(20)})
    assert "more" not in str(exactly.value)


def test_ten_thousand_keys_are_converted_and_checked() -> None:
    values = {f"key/{number}": b"" for number in range(10_000)}
    assert len(secret_keys.check(conversion.convert_keys(values, ConversionStrategy.Default))) == 10_000


def test_a_nul_byte_fails_only_where_the_policy_says_so() -> None:
    null_bytes.check("k", b"a\0b", NullBytePolicy.Ignore)
    null_bytes.check("k", b"ab", NullBytePolicy.Fail)
    with pytest.raises(NullByteError) as caught:
        null_bytes.check("k", b"a\0b", NullBytePolicy.Fail)
    assert str(caught.value) == (
        "the value of key 'k' holds a NUL byte and nullBytePolicy is Fail; "
        "store a text-safe form such as PEM or Base64 upstream, or set nullBytePolicy to Ignore"
    )

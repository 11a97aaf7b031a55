"""Durations are read and written as Go does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.api import go_duration

pytestmark = pytest.mark.unit

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("0s", 0),
        ("5s", 5 * SECOND),
        ("+5s", 5 * SECOND),
        ("-5s", -5 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("30m1h", 5400 * SECOND),
        ("1.5h", 5400 * SECOND),
        (".5s", SECOND // 2),
        ("5.s", 5 * SECOND),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("12.000004s", 12_000_004_000),
        ("0.830103483285477580700h", 2_988_372_539_827),
        ("9223372036854775807ns", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
    ],
)
def test_reads_what_go_reads(text: str, nanoseconds: int) -> None:
    assert go_duration.parse_nanoseconds(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "3", "-", "+", "s", ".", "-.", ".s", "+.s", "1d", "1 h", " 1h", "1h ", "1H", "--1s", "1h-5m", "٣s",
        "9223372036854775808ns", "-9223372036854775809ns", "2562047h48m", "1" * 300 + "s", "1_0s", "1e3s", "0x1s",
        "1h\n",
    ],
)  # fmt: skip
def test_refuses_what_go_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        go_duration.parse(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=1), "1µs"),
        (timedelta(microseconds=1_100), "1.1ms"),
        (timedelta(milliseconds=2), "2ms"),
        (timedelta(seconds=1), "1s"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(minutes=1), "1m0s"),
        (timedelta(hours=1), "1h0m0s"),
        (timedelta(hours=26, minutes=3, seconds=4.25), "26h3m4.25s"),
        (timedelta(seconds=-90), "-1m30s"),
    ],
)
def test_writes_as_go_does(duration: timedelta, text: str) -> None:
    assert go_duration.format(duration) == text


def test_the_smallest_durations_keep_their_sign() -> None:
    assert go_duration.parse("1ns") > timedelta(0)
    assert go_duration.parse("-1ns") < timedelta(0)


@given(st.timedeltas(min_value=timedelta(days=-100_000), max_value=timedelta(days=100_000)))
def test_what_is_written_reads_back(duration: timedelta) -> None:
    assert go_duration.parse(go_duration.format(duration)) == duration


@given(st.text(max_size=300))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        duration = go_duration.parse(text)
    except ValueError:
        return
    assert abs(duration) <= timedelta(microseconds=2**63 // 1_000 + 1)


@given(st.from_regex(go_duration.PATTERN.replace("$", r"\Z"), fullmatch=True))
def test_the_schema_pattern_lets_through_only_durations_though_some_are_too_long(text: str) -> None:
    try:
        go_duration.parse(text)
    except ValueError as error:
        assert "long" in str(error)  # noqa: PT017 - both outcomes are right

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.node.backoff import BackOff

pytestmark = pytest.mark.unit


def test_the_kubelets_series() -> None:
    assert [BackOff().delay(ended) for ended in range(1, 10)] == [0, 10, 20, 40, 80, 160, 300, 300, 300]


@given(st.integers(min_value=1, max_value=10**9))
def test_no_pause_is_longer_than_the_longest(ended: int) -> None:
    assert 0 <= BackOff().delay(ended) <= 300


def test_a_long_good_run_is_forgiven() -> None:
    assert BackOff().ended_in_a_row(6, 600) == 1
    assert BackOff().ended_in_a_row(6, 599) == 7

"""Retry delays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._model.retries import RetryPolicy, delay_after, exponential, jittered


def test_the_last_delay_counts_for_all_further_tries() -> None:
    policy = RetryPolicy(4, (1.0, 2.0))
    assert [delay_after(policy, n) for n in (1, 2, 3, 4, 5)] == [1.0, 2.0, 2.0, 2.0, None]


def test_without_delays_the_next_try_is_at_once() -> None:
    assert delay_after(RetryPolicy(1), 1) == 0.0
    assert delay_after(RetryPolicy(0), 1) is None


@given(st.floats(0.001, 1e6), st.floats(0, 10), st.floats(0, 0.999999))
def test_jitter_stays_within_its_factor(delay: float, factor: float, draw: float) -> None:
    found = jittered(delay, factor, draw)
    assert delay / (1 + factor) * 0.999 <= found <= delay * (1 + factor) * 1.001


def test_exponential_doubles() -> None:
    assert exponential(10, 5) == [10, 20, 40, 80, 160]
    assert exponential(0.5, 3) == [0.5, 1.0, 2.0]
    assert exponential(1, 0) == []
    assert len(exponential(1, 1000)) == 50
    with pytest.raises(ValueError, match="negative"):
        exponential(-1, 2)

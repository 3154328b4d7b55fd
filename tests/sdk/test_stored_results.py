"""What a run returned, read from another process or later."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato import flow, task
from legato._sdk import plain_results
from legato.client.orchestration import get_client
from legato.exceptions import CorruptResult, MissingResult

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)  # fmt: skip


def results() -> dict[str, Any]:
    """The values of all task runs, as another process reads them."""
    with get_client(sync_client=True) as client:
        return {run.name: run.state.result() for run in client.read_task_runs() if run.state}


@task
def give(value: Any) -> Any:
    return value


@pytest.mark.parametrize(
    "value",
    [None, 0, True, 1.5, "text", [1, [2]], {"a": {"b": None}}, "x" * 1022, "x" * 5000],
    ids=lambda value: repr(value)[:12],
)
def test_a_plain_result_is_read_back(value, home):
    @flow
    def run() -> Any:
        return give(value)

    assert run() == value
    assert results() == {"give-0": value}
    with get_client(sync_client=True) as client:
        (found,) = client.read_flow_runs()
        assert found.state.result() == value
        (state,) = [s for s in client.read_flow_run_states(found.id) if s.is_completed()]
        assert state.result() == value


@given(JSON)
def test_plain_json_comes_back_as_it_was(value):
    import msgspec

    body = plain_results.encoded(value)
    assert body is not None
    back = msgspec.json.decode(body)
    assert back == value
    assert repr(back) == repr(value)


@pytest.mark.parametrize("length", [65_534, 65_535])
def test_64_kib_are_the_longest_plain_result(length):
    longest = length == 65_534  # and two quotes
    assert (plain_results.encoded("x" * length) is not None) is longest
    assert (plain_results.encoded({"a": ["x" * (length - 8)]}) is not None) is longest


def test_a_large_value_is_not_walked_to_its_end():
    twice: Any = [0]
    for _ in range(19):
        twice = [twice, twice]  # 20 lists that seem a million
    calls: list[str] = []
    sys.setprofile(lambda frame, event, _: calls.append(event) if event == "call" else None)
    try:
        assert plain_results.encoded(twice) is None
        assert plain_results.encoded([[1.5] * 1000] * 1000) is None
    finally:
        sys.setprofile(None)
    assert len(calls) < 250_000


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    "value",
    [(1,), {1: 2}, Point(1), dt.date(2026, 1, 1), b"x", math.nan, defaultdict(int),
     "\ud800", "x" * 70_000, [0] * 40_000, {1, 2}],
    ids=lambda value: repr(value)[:12],
)  # fmt: skip
def test_what_json_would_change_is_not_kept_unasked(value, home):
    @flow
    def run() -> None:
        give(value)

    run()
    with pytest.raises(MissingResult):
        results()


@pytest.mark.parametrize("value", [(1, 2), {1: "x"}, b"y" * 200_000], ids=["pair", "dict", "long"])
def test_a_result_that_is_asked_for_is_read_back(value, home):
    @flow
    def run() -> None:
        give.with_options(persist_result=True)(value)

    run()
    assert results() == {"give-0": value}


def test_every_read_gives_a_copy_of_its_own(home):
    @flow
    def run() -> None:
        give.with_options(persist_result=True)([1])

    run()
    results()["give-0"].append("changed")
    assert results() == {"give-0": [1]}


def test_persist_result_false_keeps_nothing(home):
    @flow(persist_result=False)
    def run() -> str:
        return give.with_options(persist_result=False)("secret")

    run()
    assert b"secret" not in (home / "legato.db").read_bytes()
    with pytest.raises(MissingResult):
        results()


def test_a_file_that_was_changed_or_deleted_is_told(home):
    @flow
    def run() -> None:
        give.with_options(persist_result=True, result_storage_key="mine")("value")

    run()
    path = home / "storage" / "mine"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptResult, match="mine"):
        results()
    path.unlink()
    with pytest.raises(MissingResult, match="mine"):
        results()


def test_an_async_read(home):
    @flow
    def run() -> None:
        give([1])

    run()
    with get_client(sync_client=True) as client:
        (found,) = client.read_task_runs()
    assert asyncio.run(found.state.aresult()) == [1]


def test_a_task_that_ends_in_a_later_batch_keeps_its_result_in_its_row(home):
    from legato._sdk.services import backend

    @task
    def slow() -> int:
        backend().journal.flush()
        return 7

    @flow
    def run() -> None:
        slow()

    run()
    assert results() == {"slow-0": 7}

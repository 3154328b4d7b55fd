"""Direct calls of flows and tasks: values, states, histories."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from legato import flow, tags, task
from legato.exceptions import (
    CancelledRun,
    FailedRun,
    ParameterBindError,
    ParameterTypeError,
    ReservedArgumentError,
)
from legato.states import Cancelled, Completed, Failed

Rows = Callable[..., list[tuple[Any, ...]]]
HISTORY = "select name from task_run_state order by position"
FLOW_HISTORY = "select name from flow_run_state order by position"


@task
def double(x: int) -> int:
    return 2 * x


@flow
def chain(x: int) -> int:
    return double(double(x))


def test_a_flow_returns_what_its_function_returns(rows: Rows) -> None:
    assert chain(3) == 12
    assert rows("select state_type, run_count from flow_run") == [("COMPLETED", 1)]
    assert rows(FLOW_HISTORY) == [("Pending",), ("Running",), ("Completed",)]
    assert rows(HISTORY) == [("Pending",), ("Running",), ("Completed",)] * 2


def test_an_async_flow_is_recorded_the_same_way(rows: Rows) -> None:
    @task
    async def adouble(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    @flow
    async def achain(x: int) -> list[int]:
        return await asyncio.gather(adouble(x), adouble(x + 1), adouble(x))

    assert asyncio.run(achain(1)) == [2, 4, 2]
    assert rows("select count(*), count(distinct dynamic_key) from task_run") == [(3, 3)]
    assert rows("select distinct state_type from task_run") == [("COMPLETED",)]


def test_a_subflow_has_a_task_run_that_mirrors_it(rows: Rows) -> None:
    @flow
    def outer() -> int:
        return chain(1)

    assert outer() == 4
    found = rows(
        "select p.state_type, p.flow_run_id = o.id, c.root_flow_run_id = o.id"
        " from flow_run c join task_run p on p.id = c.parent_task_run_id"
        " join flow_run o on o.id <> c.id"
    )
    assert found == [("COMPLETED", 1, 1)]


def test_a_task_outside_of_flows_is_recorded(rows: Rows) -> None:
    assert double(4) == 8
    assert rows("select state_type, flow_run_id from task_run") == [("COMPLETED", None)]


def test_an_exception_reaches_the_caller_and_fails_the_run(rows: Rows) -> None:
    @task
    def bad() -> None:
        raise ValueError("no")

    @flow
    def job() -> None:
        bad()

    with pytest.raises(ValueError, match="no"):
        job()
    assert rows("select state_type, state_message from task_run") == [
        ("FAILED", "Task run encountered an exception ValueError: no")
    ]
    assert rows("select state_message from flow_run") == [
        ("Flow run encountered an exception: ValueError: no",)
    ]


def test_return_state_gives_the_state() -> None:
    state = chain(1, return_state=True)
    assert state.is_completed()
    assert state.result() == 4

    @flow
    def bad() -> None:
        raise KeyError("k")

    failed = bad(return_state=True)
    assert failed.is_failed()
    with pytest.raises(KeyError):
        failed.result()
    assert isinstance(failed.result(raise_on_failure=False), KeyError)


def test_none_is_a_result() -> None:
    @flow
    def nothing() -> None:
        return None

    assert nothing(return_state=True).result() is None


@pytest.mark.parametrize(
    ("made", "error"),
    [(Failed(message="why"), FailedRun), (Cancelled(message="stop"), CancelledRun)],
)
def test_a_state_made_by_hand_is_the_end_of_the_run(made: Any, error: type, rows: Rows) -> None:
    @flow
    def job() -> Any:
        return made

    with pytest.raises(error, match=made.message):
        job()
    assert rows("select state_name, state_message from flow_run") == [(made.name, made.message)]


def test_a_custom_name_is_kept(rows: Rows) -> None:
    @flow
    def job() -> Any:
        return Completed(name="Done", message="all good", data=5)

    assert job() == 5
    assert rows("select state_type, state_name from flow_run") == [("COMPLETED", "Done")]


@pytest.mark.parametrize("wrap", [list, tuple, lambda s: {"a": s[0], "b": s[1]}, lambda s: [s]])
def test_states_in_any_container_decide_together(wrap: Callable[..., Any]) -> None:
    @task
    def bad() -> None:
        raise ValueError("bad")

    @flow
    def job() -> Any:
        return wrap([double(1, return_state=True), bad(return_state=True)])

    state = job(return_state=True)
    assert state.is_failed()
    assert state.message == "1/2 states failed."


def test_a_task_retries_and_keeps_its_history(rows: Rows) -> None:
    calls: list[int] = []

    @task(retries=2, retry_delay_seconds=[0, 0.001])
    def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise ValueError("again")
        return "ok"

    @flow
    def job() -> str:
        return flaky()

    assert job() == "ok"
    names = [name for (name,) in rows(HISTORY)]
    assert names == ["Pending", "Running", "Retrying", "AwaitingRetry", "Retrying", "Completed"]
    assert rows("select run_count, version from task_run") == [(3, 6)]


def test_a_flow_retries_in_the_same_attempt(rows: Rows) -> None:
    calls: list[int] = []

    @flow(retries=1)
    def flaky() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("again")
        return len(calls)

    assert flaky() == 2
    assert rows(FLOW_HISTORY) == [
        ("Pending",), ("Running",), ("AwaitingRetry",), ("Running",), ("Completed",),
    ]  # fmt: skip
    assert rows("select run_count, epoch from flow_run") == [(2, 1)]


def test_all_bad_parameters_are_named_with_their_values(rows: Rows) -> None:
    @flow
    def typed(n: int, when: float, name: str = "x") -> None: ...

    with pytest.raises(ParameterTypeError) as caught:
        typed("abc", "later")  # type: ignore[arg-type]
    text = str(caught.value)
    assert " - n: " in text
    assert " - when: " in text
    assert "(got 'abc')" in text
    assert rows("select state_type from flow_run") == [("FAILED",)]
    message: str = rows("select state_message from flow_run")[0][0]
    assert message.startswith("Validation of flow parameters failed with error: ")


def test_arguments_that_do_not_fit_make_no_run(rows: Rows) -> None:
    with pytest.raises(ParameterBindError, match="x"):
        chain()  # type: ignore[call-arg]
    with pytest.raises(ParameterBindError):
        double(1, 2)  # type: ignore[call-arg]


@pytest.mark.parametrize("decorate", [flow, task])
def test_reserved_parameter_names_are_refused(decorate: Any) -> None:
    with pytest.raises(ReservedArgumentError, match="return_state"):
        decorate(lambda return_state: 1)


def test_tags_of_the_context_and_the_task_are_joined(rows: Rows) -> None:
    @task(tags=["own"])
    def tagged() -> None: ...

    @flow
    def job() -> None:
        with tags("a"):
            tagged()

    with tags("b"):
        job()
    assert sorted(rows("select tag from task_run_tag")) == [("a",), ("b",), ("own",)]
    assert rows("select tag from flow_run_tag") == [("b",)]


def test_inputs_name_the_task_run_that_made_a_value(rows: Rows) -> None:
    import json

    chain(1000)
    (first,), (second,) = rows("select task_inputs from task_run order by id")
    assert json.loads(first) == {"x": []}
    assert [made["input_type"] for made in json.loads(second)["x"]] == ["task_run"]


@pytest.mark.parametrize("kind", ["completion", "failure", "running"])
def test_task_hooks_are_called_with_task_run_and_state(kind: str) -> None:
    seen: list[Any] = []

    @task
    def job(fail: bool) -> None:
        if fail:
            raise ValueError

    getattr(job, f"on_{kind}")(lambda t, run, state: seen.append((t.name, run.name, state.type)))
    flow(lambda: job(kind == "failure", return_state=True), name="f")(return_state=True)
    assert [(name, run) for name, run, _ in seen] == [("job", "job-0")]


def test_a_hook_that_raises_is_logged_and_the_run_stands(rows: Rows) -> None:
    @flow
    def job() -> int:
        return 1

    @job.on_completion
    def broken(*args: Any) -> None:
        raise RuntimeError("hook")

    assert job() == 1
    found = rows("select message from log where level = 40")
    assert "An error was encountered while running hook 'broken'" in found[0][0]
    assert "RuntimeError: hook" in found[0][0]


def test_a_parameter_that_is_too_large_is_named_by_its_size(rows: Rows) -> None:
    @flow
    def job(text: str) -> int:
        return len(text)

    assert job("x" * 20_000_000) == 20_000_000
    recorded = rows("select parameters from flow_run")[0][0]
    assert "<str of 20,000,002 bytes: too large to record>" in recorded


def test_an_endless_exception_message_is_cut(rows: Rows) -> None:
    @flow
    def job() -> None:
        raise ValueError("x" * 20_000_000)

    assert job(return_state=True).is_failed()
    state_type, size = rows("select state_type, length(state_message) from flow_run")[0]
    assert state_type == "FAILED"
    assert size < 101_000


def test_flows_that_overlap_on_a_loop_share_the_signals() -> None:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    seen: list[bool] = []

    @flow
    async def short() -> None: ...

    @flow
    async def long(done: asyncio.Event) -> None:
        await done.wait()
        seen.append(signal.getsignal(signal.SIGTERM) is not before)

    async def main() -> None:
        done = asyncio.Event()
        first = asyncio.ensure_future(short())
        other = asyncio.ensure_future(long(done))
        await first
        done.set()
        await other

    asyncio.run(main())
    assert seen == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_parameters_that_are_validated_by_hand_get_defaults_and_no_strangers():
    @flow
    def etl(path: str, limit: int = 10, *more: int, **named: int): ...

    expected = {"path": "a", "limit": 3, "more": (), "named": {}}
    assert etl.validate_parameters({"limit": "3", "path": "a"}) == expected
    assert etl.validate_parameters({"path": "a"})["limit"] == 10
    with pytest.raises(ParameterTypeError, match="path: Field required"):
        etl.validate_parameters({"limit": 3})
    with pytest.raises(
        ParameterBindError, match="'etl' has no parameter 'lmit'; it has path, limit"
    ):
        etl.validate_parameters({"path": "a", "lmit": 3})


def test_flows_and_tasks_tell_their_options() -> None:
    stored = task(result_storage_key="k", viz_return_value=3)(double.fn)
    assert (stored.persist_result, stored.result_storage_key, stored.viz_return_value) == (
        True,
        "k",
        3,
    )
    assert (double.persist_result, double.result_storage, double.result_serializer) == (
        None,
        None,
        None,
    )
    assert flow(persist_result=False, result_serializer="json")(chain.fn).persist_result is False
    assert chain.cache_result_in_memory
    assert not chain.with_options(cache_result_in_memory=False).cache_result_in_memory
    assert repr(flow(retry_delay_seconds=2)(chain.fn).retry_delay_seconds) == "2"
    assert "return 2 * x" in (double.source_code or "")
    assert task(len).source_code is None

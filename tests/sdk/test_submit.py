"""Submitted and mapped tasks in threads: order, dependencies, failures, limits."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from legato import allow_failure, flow, tags, task, unmapped
from legato._journal.ids import TimeOrderedIds
from legato._sdk.lineage import LIMIT, Lineage
from legato.exceptions import (
    CancelledRun,
    MappingLengthMismatch,
    MappingMissingIterable,
    ParameterBindError,
    UnfinishedRun,
    UpstreamTaskError,
)
from legato.runtime import task_run
from legato.task_runners import ThreadPoolTaskRunner
from legato.utilities.annotations import quote

Rows = Callable[..., list[tuple[Any, ...]]]
WAIT_S = 30


@task
def double(x: int) -> int:
    return 2 * x


@task
def bad(text: str = "no") -> None:
    raise ValueError(text)


@task
def kind(x: Any) -> str:
    return type(x).__name__


def in_flow(body: Callable[[], Any], **options: Any) -> Any:
    """Run `body` as a flow."""
    return flow(body, name="test", **options)()


def test_a_submitted_task_runs_in_another_thread_and_is_recorded(rows: Rows) -> None:
    @task
    def where() -> int:
        return threading.get_ident()

    assert in_flow(lambda: where.submit().result()) != threading.get_ident()
    assert rows("select name from task_run_state order by position") == [
        ("Pending",),
        ("Running",),
        ("Completed",),
    ]
    assert rows("select name, state_type from task_run") == [("where-0", "COMPLETED")]


def test_names_and_step_keys_are_those_of_the_calls_in_order(rows: Rows) -> None:
    gate = threading.Event()

    @task
    def late(x: int) -> int:
        gate.wait(WAIT_S)
        return x

    def body() -> None:
        held = late.submit(1)
        double.submit(held)
        double.submit(5)
        gate.set()

    in_flow(body)
    assert rows("select name from task_run where name like 'double%' order by id") == [
        ("double-0",),
        ("double-1",),
    ]
    assert rows("select count(distinct dynamic_key) from task_run") == [(3,)]


def test_the_pending_state_is_of_the_moment_of_the_call(rows: Rows) -> None:
    gate = threading.Event()

    def body() -> list[str]:
        held = task(gate.wait, name="held").submit(WAIT_S)
        waiting = double.submit(held)
        before = waiting.state.name
        gate.set()
        waiting.wait()
        return [before, waiting.state.name]

    assert in_flow(body) == ["Pending", "Completed"]


def test_a_task_whose_upstream_is_unfinished_occupies_no_thread() -> None:
    gate = threading.Event()

    def body() -> list[int]:
        held = task(gate.wait, name="held").submit(WAIT_S)
        waiting = [double.submit(i, wait_for=[held]) for i in range(50)]
        others = double.map([1, 2]).result()  # these need the second place
        gate.set()
        assert [future.result() for future in waiting] == [2 * i for i in range(50)]
        return others

    assert in_flow(body, task_runner=ThreadPoolTaskRunner(max_workers=2)) == [2, 4]


def test_inputs_are_recorded_for_futures_states_and_wait_for(rows: Rows) -> None:
    def body() -> list[str]:
        a, b = double.submit(1), double.submit(2)
        state = double(3, return_state=True)
        ids = [str(a.task_run_id), str(b.task_run_id), str(state.state_details.task_run_id)]
        kind.submit([a, state], wait_for=[b]).wait()
        kind(a)
        return ids

    a, b, c = in_flow(body)
    found = rows("select task_inputs from task_run where name like 'kind%' order by id")
    assert [(a in text, b in text, c in text, '"wait_for"' in text) for (text,) in found] == [
        (True, True, True, True),
        (True, False, False, False),
    ]


def test_futures_anywhere_in_the_arguments_give_way_to_values() -> None:
    @task
    def look(d: dict[str, Any]) -> Any:
        return d, dict(task_run.parameters)

    def body() -> Any:
        a = double.submit(1)
        return look.submit({"a": a, "b": [(a, {"c": double.submit(2)})]}).result()

    found = {"a": 2, "b": [(2, {"c": 4})]}
    assert in_flow(body) == (found, {"d": found})


def test_an_upstream_that_failed_blocks_what_depends_on_it(rows: Rows) -> None:
    def body() -> list[Any]:
        failed = bad.submit()
        by_data, by_order = double.submit(failed), double.submit(1, wait_for=[failed])
        chained = double.submit([by_data])
        for future in (by_data, by_order, chained):
            future.wait()
        with pytest.raises(UnfinishedRun, match="NotReady"):
            by_data.result()
        with pytest.raises(UpstreamTaskError, match="did not reach a 'COMPLETED'") as caught:
            double(failed)
        assert repr(caught.value.__cause__) == "ValueError('no')"
        return [future.state.name for future in (by_data, by_order, chained)]

    assert in_flow(body) == ["NotReady"] * 3
    found = rows("select state_type, state_name, run_count from task_run where name like 'double%'")
    assert found == [("PENDING", "NotReady", 0)] * 4


def test_a_flow_that_is_given_a_failed_future_fails_and_names_it(rows: Rows) -> None:
    @flow
    def child(x: Any) -> Any:
        return x

    def body() -> None:
        failed = bad.submit()
        for call in (lambda: child(failed), lambda: child(1, wait_for=[failed])):
            with pytest.raises(UpstreamTaskError, match=str(failed.task_run_id)):
                call()

    in_flow(body)
    found = rows("select name, message from flow_run_state where message is not null")
    assert [name for name, _ in found] == ["Failed"] * 2
    assert all("Upstream task run" in message for _, message in found)


def test_a_flow_waits_for_the_futures_that_it_is_given() -> None:
    @flow
    def child(x: int) -> int:
        return x + 1

    assert in_flow(lambda: child(double.submit(2))) == 5


def test_allow_failure_passes_the_exception_and_quote_the_value_as_it_is() -> None:
    def body() -> list[Any]:
        failed = bad.submit()
        blocked = kind.submit(failed)
        return [
            kind.submit(allow_failure(failed)).result(),
            kind(allow_failure(double.submit(1))),
            kind.submit("s", wait_for=[allow_failure(failed)]).result(),
            kind(allow_failure(blocked)),
            kind.submit(quote(failed)).result(),
        ]

    assert in_flow(body) == ["ValueError", "int", "str", "UpstreamTaskError", "Future"]


def test_map_takes_items_in_order_and_passes_the_rest_to_every_call() -> None:
    @task
    def join(a: int, b: Any = 0, *rest: Any, sep: str = "-") -> str:
        return sep.join(map(str, (a, b, *rest)))

    def body() -> list[Any]:
        two = double.map([1, 2])
        return [
            join.map([1, 2], "ab", [7, 8]).result(),
            join.map(range(2), unmapped([5, 6])).result(),
            join.map((n for n in (1, 2)), b=two, sep=":").result(),
            join.map({"x": 1, "y": 2}).result(),
            kind.map(allow_failure(bad.map(["a", "b"]))).result(),
            double.map([]).result(),
        ]

    assert in_flow(body) == [
        ["1-ab-7", "2-ab-8"],
        ["0-[5, 6]", "1-[5, 6]"],
        ["1:2", "2:4"],
        ["x-0", "y-0"],
        ["ValueError", "ValueError"],
        [],
    ]


def test_map_over_a_future_takes_the_items_of_its_result() -> None:
    @task
    def numbers() -> list[int]:
        return [1, 2, 3]

    assert in_flow(lambda: double.map(numbers.submit()).result()) == [2, 4, 6]


def test_map_over_a_state_takes_the_items_of_its_result() -> None:
    @task
    def numbers() -> list[int]:
        return [1, 2, 3]

    def body() -> list[int]:
        return double.map(numbers(return_state=True)).result()

    assert in_flow(body) == [2, 4, 6]


def test_a_state_of_a_flow_that_returned_futures_gives_way_to_their_values() -> None:
    @flow
    def both() -> list[Any]:
        return [double.submit(1), double.submit(2)]

    @task
    def look(*values: Any) -> str:
        return str(values)

    def body() -> list[str]:
        state = both(return_state=True)
        return [look(state, [state]), look.submit(allow_failure(state)).result()]

    assert in_flow(body) == ["([2, 4], [[2, 4]])", "([2, 4],)"]


def test_what_a_map_returned_arrives_as_a_list_of_values() -> None:
    @task
    def look(values: Any, more: Any) -> str:
        return f"{values} {more} {type(values).__name__}"

    def body() -> list[Any]:
        made = double.map([1, 2])
        return [look(made, {"x": made}), look.submit(made, [made]).result()]

    assert in_flow(body) == ["[2, 4] {'x': [2, 4]} list", "[2, 4] [[2, 4]] list"]


def test_a_map_that_does_not_fit_says_why() -> None:
    @task
    def add(x: int, y: int) -> int:
        return x + y

    def body() -> None:
        with pytest.raises(MappingLengthMismatch, match=r"{'x': 2, 'y': 3}"):
            add.map([1, 2], [1, 2, 3])
        with pytest.raises(ParameterBindError, match="double"):
            double.map([1, 2], [1, 2, 3])
        with pytest.raises(MappingMissingIterable, match="at least one iterable"):
            double.map(1)
        with pytest.raises(ParameterBindError, match="double"):
            double.map([1], y=2)

    in_flow(body)


def test_a_failed_task_that_nobody_looks_at_says_so_in_the_log(rows: Rows) -> None:
    class Mute(Exception):
        def __repr__(self) -> str:
            raise RuntimeError

        __str__ = __repr__

    @task
    def fails(error: Exception) -> None:
        raise error

    def body() -> None:
        fails.submit(ValueError("no"))
        fails.submit(Mute())

    in_flow(body)
    query = "select message from log where level = 40 order by length(message)"
    place = f"(test_submit.py, line {fails.fn.__code__.co_firstlineno + 2})"
    assert rows(query) == [
        (f"Task run failed with exception: ValueError('no') {place}",),
        (f"Task run failed with exception: Mute: <RuntimeError in __str__> {place}",),
    ]
    assert rows("select distinct state_type from task_run") == [("FAILED",)]


def test_text_is_one_value_to_map_and_a_dict_its_keys() -> None:
    def body() -> list[Any]:
        with pytest.raises(MappingMissingIterable):
            double.map("ab")
        return double.map({1: "a", 2: "b"}).result()

    assert in_flow(body) == [2, 4]


def test_submit_outside_of_flows_says_what_to_do() -> None:
    for call in (lambda: double.submit(1), lambda: double.map([1])):
        with pytest.raises(RuntimeError, match="inside a flow"):
            call()


def test_a_flow_waits_for_what_it_submitted_and_nobody_awaited(rows: Rows) -> None:
    gate = threading.Event()

    def body() -> str:
        held = task(gate.wait, name="held").submit(WAIT_S)
        for i in range(20):
            double.submit(i, wait_for=[held])
        threading.Timer(0.01, gate.set).start()
        return "early"

    assert in_flow(body, task_runner=ThreadPoolTaskRunner(max_workers=1)) == "early"
    assert rows("select state_type, count(*) from task_run group by 1") == [("COMPLETED", 21)]


def test_a_flow_that_fails_starts_no_more_of_its_tasks(rows: Rows) -> None:
    gate, kept = threading.Event(), []

    def body() -> None:
        held = task(gate.wait, name="held").submit(WAIT_S)
        kept.append(double.submit(1, wait_for=[held]))
        threading.Timer(0.01, gate.set).start()
        raise KeyError("x")

    with pytest.raises(KeyError):
        in_flow(body)
    with pytest.raises(CancelledRun, match="flow run ended before"):
        kept[0].result()
    found = rows("select name, state_type from task_run order by id")
    assert found == [("held-0", "COMPLETED"), ("double-0", "CANCELLED")]


def test_a_flow_that_is_tried_again_has_threads_again() -> None:
    tries: list[int] = []

    def body() -> list[int]:
        tries.append(1)
        found = double.map([1, 2]).result()
        if len(tries) == 1:
            raise ValueError
        return found

    assert in_flow(body, retries=1) == [2, 4]


def test_returned_futures_decide_the_state_of_the_flow() -> None:
    good = flow(lambda: [double.submit(1), double.submit(2)])(return_state=True)
    assert (good.name, good.message) == ("Completed", "All states completed.")
    assert [state.result() for state in good.result()] == [2, 4]
    mixed = flow(lambda: {"a": double.submit(1), "b": bad.submit()})(return_state=True)
    assert (mixed.name, mixed.message) == ("Failed", "1/2 states failed.")
    blocked = flow(lambda: double.submit(bad.submit()))(return_state=True)
    assert (blocked.name, blocked.message) == ("Failed", "1/1 states are not final.")


@pytest.mark.parametrize("limit", [1, 2, None])
def test_tasks_that_submit_tasks_and_wait_for_them_never_lock_up(limit: int | None) -> None:
    @task
    def tree(depth: int) -> int:
        if depth == 0:
            return 1
        return sum(tree.map([depth - 1] * 2).result())

    @flow
    def sub(depth: int, other: Any) -> int:
        return tree.submit(depth).result() + other

    @task
    def calls_flow(depth: int, other: Any) -> int:
        return sub(depth, other)

    def body() -> list[int]:
        one = tree.submit(0)
        return [tree.submit(3).result(), calls_flow.submit(2, one).result()]

    assert in_flow(body, task_runner=ThreadPoolTaskRunner(limit)) == [8, 5]


def test_what_a_hook_submits_is_awaited_and_leaves_no_thread(rows: Rows) -> None:
    threads: list[threading.Thread] = []

    @task
    def notify() -> None:
        threads.append(threading.current_thread())

    def submit(*_: Any) -> None:
        notify.submit()

    @flow(on_failure=[submit, submit])
    def etl() -> None:
        raise ConnectionError("no route")

    etl(return_state=True)
    for thread in threads:
        thread.join(WAIT_S)
    assert [thread.is_alive() for thread in threads] == [False] * 2
    assert rows("select state_type from task_run") == [("COMPLETED",)] * 2


def test_no_more_than_max_workers_are_at_work() -> None:
    lock, at_work, most = threading.Lock(), [0], [0]

    @task
    def leaf() -> None:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        threading.Event().wait(0.005)
        with lock:
            at_work[0] -= 1

    @task
    def parent() -> None:
        leaf.submit().result()
        leaf.fn()

    def body() -> None:
        for _ in range(6):
            parent.submit()

    in_flow(body, task_runner=ThreadPoolTaskRunner(max_workers=3))
    assert most[0] == 3


def test_without_a_limit_all_that_block_run_at_once() -> None:
    barrier = threading.Barrier(60)

    @task
    def meet(i: int) -> int:
        barrier.wait(WAIT_S)
        return i

    assert in_flow(lambda: meet.map(range(60)).result()) == list(range(60))


def test_context_variables_are_those_of_the_moment_of_submission() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    @task
    def read() -> list[Any]:
        found = [variable.get(), sorted(task_run.tags)]
        variable.set("inside")
        return found

    def body() -> list[Any]:
        variable.set("before")
        with tags("t"):
            first = read.submit()
        variable.set("after")
        return [first.result(), read.submit().result(), variable.get()]

    assert in_flow(body) == [["before", ["t"]], ["after", []], "after"]


def test_a_direct_call_shares_its_context_with_the_caller() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    @task
    def write() -> None:
        variable.set("inside")

    def body() -> str:
        write()
        return variable.get()

    assert in_flow(body) == "inside"


def test_a_task_that_exits_its_thread_is_a_crashed_run(rows: Rows) -> None:
    @task
    def leave() -> None:
        raise SystemExit(3)

    def body() -> str:
        future = leave.submit()
        future.wait()
        return future.state.name

    assert in_flow(body) == "Crashed"


def test_retries_and_timeouts_work_in_threads() -> None:
    tries: list[int] = []

    @task(retries=2)
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError
        return len(tries)

    @task(timeout_seconds=0.05)
    def slow() -> None:
        while True:
            threading.Event().wait(0.001)

    def body() -> list[Any]:
        timed_out = slow.submit(return_state=True)
        return [flaky.submit().result(), timed_out.name]

    assert in_flow(body) == [3, "TimedOut"]


@pytest.mark.parametrize("value", [0, -1, "two", True])
def test_max_workers_is_a_whole_number_from_one_up(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="max_workers"):
        ThreadPoolTaskRunner(max_workers=value)


def test_a_task_runner_must_be_one() -> None:
    with pytest.raises(TypeError, match="task_runner must be"):
        in_flow(lambda: double.submit(1).result(), task_runner=3)
    assert in_flow(lambda: double.submit(1).result(), task_runner=ThreadPoolTaskRunner) == 2


def test_lineage_stands_more_results_than_it_remembers_from_several_threads() -> None:
    lineage, run_id, errors = Lineage(), TimeOrderedIds().new(), []

    def remember(first: int) -> None:
        try:
            for number in range(first, first + LIMIT):
                lineage.remember(10**6 + number, run_id)
        except RuntimeError as error:
            errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=remember, args=(n * LIMIT,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not errors


def test_lineage_remembers_the_latest_results_and_forgets_old_ones() -> None:
    lineage, run_id = Lineage(), TimeOrderedIds().new()
    values = [10**6 + number for number in range(2 * LIMIT + 5)]
    for value in values:
        lineage.remember(value, run_id)
    assert {lineage.maker(value) for value in values[-LIMIT:]} == {run_id}
    assert lineage.maker(values[0]) is None

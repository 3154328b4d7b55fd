"""A run that is done again reuses what is finished; the rest runs, with the code as it is now."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from legato import flow, task
from legato.client.orchestration import get_client
from legato.durable import resume
from legato.exceptions import MissingTaskError, ObjectAlreadyExists, ParameterBindError
from legato.flow_runs import plan_rerun, rerun
from legato.futures import wait
from legato.task_runners import ThreadPoolTaskRunner
from legato.task_runs import mark_succeeded

if TYPE_CHECKING:
    from pathlib import Path

calls: Counter[str] = Counter()
broken: set[str] = set()


@pytest.fixture(autouse=True)
def _anew() -> None:
    calls.clear()
    broken.clear()


def called(name: str) -> None:
    """Count a call, and fail if that is asked for."""
    calls[name] += 1
    if name in broken:
        raise ValueError(f"{name} is broken")


@task
def load(day: int) -> list[int]:
    called("load")
    return [day, day + 1]


@task
def clean(rows: Any) -> list[int]:
    called("clean")
    return [row * 10 for row in rows]


@task
def total(rows: list[int]) -> int:
    called("total")
    return sum(rows)


@task
def opaque(rows: list[int]) -> tuple[int, ...]:
    called("opaque")
    return tuple(rows)


@task
def number(n: int) -> int:
    called(f"number {n}")
    return n


@flow
def etl(day: int = 7) -> int:
    return total(clean(load(day)))


def failed(target: Any, *args: Any, at: str) -> UUID:
    """Run a flow that fails in a task, mend it, and return the run's id."""
    broken.add(at)
    state = target(*args, return_state=True)
    assert state.is_failed()
    broken.clear()
    calls.clear()
    run_id: UUID = state.state_details.flow_run_id
    return run_id


def whys(run_id: UUID, **choice: Any) -> dict[str, str]:
    return {planned.step.name: planned.why for planned in plan_rerun(run_id, **choice)}


def states(run_id: UUID) -> dict[str, str | None]:
    with get_client(sync_client=True) as client:
        return {run.name: run.state_name for run in client.read_task_runs(limit=200)
                if run.flow_run_id == run_id}  # fmt: skip


def newest() -> Any:
    with get_client(sync_client=True) as client:
        return max(client.read_flow_runs(limit=200), key=lambda run: run.id)


@pytest.mark.parametrize("durable", [False, True])
def test_finished_steps_are_reused_and_seen_in_the_new_run(durable):
    again = etl.with_options(durable=durable)
    run_id = failed(again, at="total")
    assert whys(run_id) == {"load-0": "", "clean-0": "", "total-0": "it ended Failed"}
    assert rerun(run_id, flow=again) == 150
    assert calls == {"total": 1}
    made = newest()
    assert made.rerun_of == run_id
    assert states(made.id) == {"load-0": "Cached", "clean-0": "Cached", "total-0": "Completed"}
    assert states(run_id)["total-0"] == "Failed"


def test_all_tasks_and_those_from_one_on_run_again():
    state = etl(return_state=True)
    run_id = state.state_details.flow_run_id
    rerun(run_id, flow=etl, from_task="clean")
    assert calls == {"load": 1, "clean": 2, "total": 2}
    rerun(run_id, flow=etl, from_task="total-0")
    assert calls == {"load": 1, "clean": 2, "total": 3}
    rerun(run_id, flow=etl, all_tasks=True)
    assert calls == {"load": 2, "clean": 3, "total": 4}
    rerun(run_id, flow=etl)
    assert calls == {"load": 2, "clean": 3, "total": 4}


def test_a_rerun_of_a_rerun_needs_nothing_of_the_first_run():
    first = failed(etl, at="total")
    rerun(first, flow=etl)
    second = newest().id
    with get_client(sync_client=True) as client:
        client.delete_flow_run(first)
    calls.clear()
    assert rerun(second, flow=etl, from_task="total") == 150
    assert calls == {"total": 1}


def test_other_parameters_run_what_depends_on_them():
    @flow
    def two(left: int, right: int) -> int:
        return number(left) + number(right)

    state = two(1, 2, return_state=True)
    run_id = state.state_details.flow_run_id
    calls.clear()
    assert rerun(run_id, flow=two, parameters={"right": 5}) == 6
    assert calls == {"number 5": 1}
    assert newest().parameters == {"left": 1, "right": 5}
    with pytest.raises(ParameterBindError, match="no parameter 'middle'"):
        rerun(run_id, flow=two, parameters={"middle": 5})


def test_what_has_no_stored_result_runs_again_and_so_does_what_takes_it():
    @flow
    def through() -> int:
        found = total(clean(opaque(load(1))))
        number(3)
        return number(found)

    run_id = failed(through, at="number 30")
    assert whys(run_id) == {
        "load-0": "",
        "opaque-0": "it has no stored result",
        "clean-0": "it takes what opaque-0 returns",
        "total-0": "it takes what clean-0 returns",
        "number-0": "",
        "number-1": "it ended Failed",
    }
    rerun(run_id, flow=through)
    assert calls == {"opaque": 1, "clean": 1, "total": 1, "number 30": 1}


def test_the_plan_says_that_what_yields_runs_again():
    @task
    def rows():
        called("rows")
        yield from (1, 2)

    @flow
    def job():
        return total([*rows()])

    run_id = failed(job, at="total")
    assert list(whys(run_id)) == ["rows-0", "total-0"]
    assert all(whys(run_id).values())
    assert rerun(run_id, flow=job) == 3
    assert calls["rows"] == 1


def test_a_durable_run_is_reused_with_results_that_json_lacks():
    @flow(durable=True)
    def through() -> int:
        return total(clean(opaque(load(1))))

    run_id = failed(through, at="total")
    assert rerun(run_id, flow=through) == 30
    assert calls == {"total": 1}


@pytest.mark.parametrize("size", [3_000, 100_000])
def test_larger_results_are_the_new_runs_own(size):
    @task(**({"persist_result": True} if size > 64 * 1024 else {}))
    def text() -> str:
        called("text")
        return "x" * size

    @task
    def length(found: str) -> int:
        called("length")
        return len(found)

    @flow
    def measure() -> int:
        return length(text())

    first = failed(measure, at="length")
    assert rerun(first, flow=measure) == size
    second = newest().id
    with get_client(sync_client=True) as client:
        client.delete_flow_run(first)
    assert rerun(second, flow=measure, from_task="length") == size
    assert calls == {"length": 2}


def test_subflows_are_reused_or_gone_on_with():
    @flow
    def inner(n: int) -> int:
        return number(n) + number(n + 1)

    @flow
    def outer() -> int:
        return inner(1) + inner(5)

    run_id = failed(outer, at="number 6")
    assert whys(run_id) == {
        "inner-0": "",
        "inner-1": "it goes on where it stopped (Failed)",
        "number-0": "",
        "number-1": "it ended Failed",
    }
    assert rerun(run_id, flow=outer) == 14
    assert calls == {"number 6": 1}
    with get_client(sync_client=True) as client:
        runs = sorted(client.read_flow_runs(), key=lambda run: run.id)
    below = runs[-1]
    assert below.rerun_of == runs[2].id
    assert below.parent_task_run_id is not None
    assert states(below.id) == {"number-0": "Cached", "number-1": "Completed"}

    calls.clear()
    inside = next(p.step for p in plan_rerun(run_id) if p.step.name == "number-1")
    rerun(run_id, flow=outer, from_task=inside.task_run_id)
    assert calls == {"number 6": 1}


def test_of_mapped_tasks_only_the_failed_ones_run_again():
    @flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
    def mapped() -> int:
        first = number.map(range(20))
        second = number.map(first)
        wait(second)  # what has not started when the flow fails would run again, too
        return total(second)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
    def alone() -> int:
        futures = number.map(range(20))
        wait(futures)
        return total([future.result() for future in futures])

    run_id = failed(alone, at="number 7")
    assert rerun(run_id, flow=alone) == sum(range(20))
    assert calls == {"number 7": 1, "total": 1}

    calls.clear()
    run_id = failed(mapped, at="number 7")
    assert rerun(run_id, flow=mapped) == sum(range(20))
    assert calls == {"number 7": 2, "total": 1}
    second = newest().id
    calls.clear()
    assert rerun(second, flow=mapped) == sum(range(20))
    assert not calls


def test_async_flows_and_gathered_tasks():
    @task
    async def slowly(n: int) -> int:
        called(f"slowly {n}")
        await asyncio.sleep(0)
        return n

    @flow
    async def gathered() -> int:
        return sum(await asyncio.gather(*(slowly(n) for n in range(5))))

    broken.add("slowly 3")
    state = asyncio.run(gathered(return_state=True))
    broken.clear()
    calls.clear()
    assert asyncio.run(rerun(state.state_details.flow_run_id, flow=gathered)) == 10
    assert calls == {"slowly 3": 1}


def test_what_any_try_of_a_flow_has_finished_counts():
    @flow(retries=2)
    def stubborn() -> int:
        rows = clean(load(1))
        if calls["clean"] == 2:
            broken.add("load")
        return total(rows)

    run_id = failed(stubborn, at="total")
    once = stubborn.with_options(retries=0)
    assert whys(run_id) == {"load-0": "", "clean-0": "", "total-1": "it ended Failed"}
    assert rerun(run_id, flow=once) == 30
    assert calls == {"total": 1}


class Table:
    """Stands for a data frame: no JSON, so the arguments of a call are not in its key."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows


@task
def summed(table: Table) -> int:
    called("summed")
    return sum(table.rows)


def test_a_step_whose_arguments_cannot_be_compared_is_reused_if_nothing_before_it_changed():
    @flow
    def framed(day: int) -> int:
        return number(summed(Table(load(day))))

    run_id = failed(framed, 1, at="number 3")
    assert not whys(run_id)["summed-0"]
    rerun(run_id, flow=framed)
    assert calls == {"number 3": 1}

    calls.clear()
    assert "parameters are others" in whys(run_id, parameters={"day": 2})["summed-0"]
    assert rerun(run_id, flow=framed, parameters={"day": 2}) == 5
    assert calls == {"load": 1, "summed": 1, "number 5": 1}


def test_a_step_whose_arguments_cannot_be_compared_runs_again_after_what_runs_again():
    @flow
    def framed() -> int:
        rows = load(1)
        kept = opaque(rows)
        found = summed(Table(list(kept)))
        return number(found)

    run_id = failed(framed, at="number 3")
    assert whys(run_id)["summed-0"] == (
        "its arguments cannot be compared, and opaque-0 runs again before it"
    )

    @flow
    def changed() -> int:
        return number(summed(Table(clean(load(1)))))

    calls.clear()
    assert rerun(run_id, flow=changed.with_options(name="framed")) == 30
    assert calls == {"clean": 1, "summed": 1, "number 30": 1}


def test_tasks_within_tasks():
    @task
    def around(n: int) -> int:
        found = number(n)
        called("around")
        return found

    @flow
    def nested() -> int:
        return around(1) + around(2)

    state = nested(return_state=True)
    calls.clear()
    rerun(state.state_details.flow_run_id, flow=nested)
    assert not calls
    run_id = failed(nested, at="around")
    assert whys(run_id) == {"around-0": "it ended Failed", "number-0": ""}
    rerun(run_id, flow=nested)
    assert calls == {"around": 2, "number 2": 1}


def test_a_retry_of_the_new_run_repeats_its_tasks_as_ever():
    @flow
    def flaky() -> int:
        found = number(1)
        called("body")
        return found

    run_id = failed(flaky, at="body")
    broken.add("body")
    with pytest.raises(ValueError, match="body is broken"):
        rerun(run_id, flow=flaky.with_options(retries=1))
    assert calls == {"body": 2, "number 1": 1}


def test_what_is_meant_must_be_there():
    run_id = failed(etl, at="total")
    with pytest.raises(MissingTaskError, match=r"no task 'sweep'. It has: load, clean, total"):
        rerun(run_id, flow=etl, from_task="sweep")
    with pytest.raises(ValueError, match="exclude each other"):
        rerun(run_id, flow=etl, from_task="clean", all_tasks=True)

    @flow
    def mapped() -> None:
        number.with_options(task_run_name="same").map([1, 2])

    state = mapped(return_state=True)
    with pytest.raises(MissingTaskError, match=r"more than one task run. Give its id"):
        plan_rerun(state.state_details.flow_run_id, from_task="same")


def test_parameters_that_were_only_described_must_be_given_again():
    @flow(validate_parameters=False)
    def framed(table: Any, day: int = 1) -> int:
        return number(len(table.rows) + day)

    run_id = failed(framed, Table([1]), at="number 2")
    with pytest.raises(ParameterBindError, match=r"'table' was not recorded.*<Table>"):
        rerun(run_id, flow=framed)
    assert rerun(run_id, flow=framed, parameters={"table": Table([1, 2])}) == 3


def test_a_run_that_has_not_ended_is_left_alone():
    @flow
    def itself(run: Any) -> None:
        from legato.runtime import flow_run

        with pytest.raises(ObjectAlreadyExists, match="is Running: it has not ended"):
            plan_rerun(flow_run.id)

    itself(None)


def test_a_result_that_is_gone_makes_its_step_run_again(home: Path, caplog):
    @task(persist_result=True)
    def text() -> str:
        called("text")
        return "x" * 100_000

    @flow
    def measure() -> int:
        return number(len(text()))

    run_id = failed(measure, at="number 100000")
    for stored in (home / "storage").rglob("*"):
        if stored.is_file():
            stored.unlink()
    assert rerun(run_id, flow=measure) == 100_000
    assert "text-0 runs again: its result cannot be read" in caplog.text
    assert calls == {"text": 1, "number 100000": 1}


@pytest.mark.parametrize("durable", [False, True])
def test_what_was_marked_as_succeeded_is_taken(durable):
    again = etl.with_options(durable=durable)
    run_id = failed(again, at="clean")
    (step,) = [one.step for one in plan_rerun(run_id) if one.why]
    with pytest.raises(ValueError, match="value is a tuple: give what JSON gives back"):
        mark_succeeded(step.task_run_id, (1, 2))
    mark_succeeded(step.task_run_id, [1, 2], reason="counted by hand")
    with get_client(sync_client=True) as client:
        told = client.read_task_run(step.task_run_id).state
    assert told is not None
    assert told.name == "MarkedSucceeded"
    assert (told.message or "").endswith(": counted by hand")
    go_on = resume if durable else rerun
    assert go_on(run_id, flow=again) == 3
    assert calls == {"total": 1}

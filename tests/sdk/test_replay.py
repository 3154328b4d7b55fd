"""What a resumed run takes for a finished step, where calls come in another order or from hooks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from legato import durable, flow, task
from legato._sdk import resumption
from legato.transactions import transaction


@pytest.mark.parametrize("on_change", ["rerun", "reuse", "fail"])
def test_branches_that_come_in_another_order_take_no_step_of_each_other(on_change, caplog):
    waits = [[0.0, 0.02, 0.04], [0.02, 0.04, 0.0]]
    calls: list[int] = []

    @task
    async def ask(number: int) -> int:
        calls.append(number)
        if calls.count(3) == 1 and number == 3:
            raise ConnectionError("no answer yet")
        return 10 * number

    async def branch(number: int, wait: float) -> int:
        await asyncio.sleep(wait)
        return await ask(number)

    @flow(durable=True, on_replay_change=on_change)
    async def etl() -> list[int]:
        return list(await asyncio.gather(*map(branch, (1, 2, 3), waits.pop(0))))

    run_id = asyncio.run(etl(return_state=True)).state_details.flow_run_id
    assert asyncio.run(durable.resume(run_id, flow=etl)) == [10, 20, 30]
    assert calls == [1, 2, 3, 3]
    assert "other inputs" not in caplog.text


def test_what_a_hook_calls_is_called_each_time(caplog):
    calls: list[str] = []

    @task
    def notify(what: str) -> None:
        calls.append(what)

    def of_task(*_: Any) -> None:
        notify("the task failed")

    def of_flow(*_: Any) -> None:
        notify.submit("the flow failed").wait()

    @task(on_failure=[of_task])
    def load() -> None:
        raise ConnectionError("no route")

    @flow(durable=True, on_failure=[of_flow])
    def etl() -> None:
        notify("begins")
        load()

    run_id = etl(return_state=True).state_details.flow_run_id
    durable.resume(run_id, flow=etl, return_state=True)
    assert calls == ["begins", *["the task failed", "the flow failed"] * 2]
    assert [planned.step.name for planned in resumption.plan_of(run_id)] == ["notify-0", "load-0"]
    assert "1 finished step will not run again" in caplog.text
    assert "not asked for" not in caplog.text


def test_what_undoes_a_step_is_called_each_time_that_it_is_undone():
    calls: list[str] = []

    @task
    def refund() -> None:
        calls.append("refund")

    @task
    def charge() -> None:
        calls.append("charge")

    @charge.on_rollback
    def _undo(_: Any) -> None:
        refund()

    @flow(durable=True)
    def pay() -> None:
        with transaction():
            charge()
            raise ConnectionError("no route")

    run_id = pay(return_state=True).state_details.flow_run_id
    durable.resume(run_id, flow=pay, return_state=True)
    assert calls == ["charge", "refund"] * 2

"""What a resumed run takes for a finished step, where calls come in another order or from hooks."""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from legato import durable, flow, task
from legato._backend import current as backends
from legato._sdk import resumption
from legato.client.orchestration import get_client
from legato.exceptions import MissingResult, ParameterBindError
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


class Hidden:
    """An object that is no container and holds a secret below its attributes."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = [{"deep": [[[[held]]]]}]


def recorded(home: Path, text: str) -> bool:
    """Tell whether a text is anywhere in the database, base64 of pickles included."""
    backends.current().journal.flush()
    rows = sqlite3.connect(home / "legato.db").iterdump()
    dump = "\n".join(rows)
    return text in dump or any(
        base64.b64encode(b"x" * shift + text.encode())[4:-4].hex().upper() in dump
        for shift in range(3)
    )


def test_what_a_task_keeps_back_is_not_in_the_arguments_of_others(home):
    @task(persist_result=False)
    def log_in(password: str) -> dict[str, Any]:
        return {"tokens": [f'token of "{password}"']}

    @task
    def load(header: str) -> None: ...

    @flow(durable=True)
    def etl() -> None:
        found = log_in("pass-phrase")
        load("Bearer " + found["tokens"][0])
        load("shown openly")

    etl()
    assert recorded(home, "shown openly")
    assert not recorded(home, "token of")
    assert not recorded(home, "pass-phrase")


def test_secrets_are_not_pickled_wherever_they_are(home):
    pydantic = pytest.importorskip("pydantic")

    @task
    def load(_: Any) -> Any:
        return Hidden(pydantic.SecretStr("hush-hush"))

    @flow(durable=True, persist_result=False)
    def etl(key: pydantic.SecretStr, day: Any) -> None:
        load(key)
        load(day)

    etl(pydantic.SecretStr("hush-hush"), (1, "not so secret"))
    assert recorded(home, "not so secret")
    assert not recorded(home, "hush-hush")


@pytest.mark.parametrize("is_durable", [True, False])
def test_a_resume_asks_for_the_parameters_that_were_not_stored(is_durable):
    seen: list[Any] = []

    @flow(durable=is_durable)
    def etl(day: int, lock: Any) -> None:
        seen.append((day, lock))
        if len(seen) == 1:
            raise ConnectionError("no route")

    lock = threading.Lock()
    run_id = etl(1, lock, return_state=True).state_details.flow_run_id
    with pytest.raises((MissingResult, ParameterBindError), match="'lock'"):
        durable.resume(run_id, flow=etl)
    durable.resume(run_id, flow=etl, parameters={"lock": lock})
    assert seen == [(1, lock)] * 2


@pytest.mark.parametrize("meanwhile", ["resumed", "deleted", "its result deleted"])
def test_a_run_goes_on_whatever_became_of_its_subflow(meanwhile, home):
    calls: list[int] = []
    broken = {"outer" if meanwhile == "its result deleted" else "inner"}

    @task
    def step(number: int) -> int:
        calls.append(number)
        return number

    @flow
    def inner() -> tuple[int, int]:
        found = step(1)
        if "inner" in broken:
            raise ConnectionError("no route")
        return found, step(2)

    @flow(durable=True)
    def outer() -> tuple[int, int]:
        found = inner()
        if "outer" in broken:
            raise ConnectionError("no route")
        return found

    run_id = outer(return_state=True).state_details.flow_run_id
    broken.clear()
    with get_client(sync_client=True) as client:
        (inside,) = [run.id for run in client.read_flow_runs() if run.parent_task_run_id]
        if meanwhile == "resumed":
            assert durable.resume(inside, flow=inner) == (1, 2)
        elif meanwhile == "deleted":
            client.delete_flow_run(inside)
    if meanwhile == "its result deleted":
        with closing(sqlite3.connect(home / "legato.db")) as database:
            database.execute("DELETE FROM result WHERE flow_run_id = ?", (inside.bytes,))
            database.commit()
    assert durable.resume(run_id, flow=outer) == (1, 2)
    assert calls == ([1, 1, 2] if meanwhile == "deleted" else [1, 2])


def test_steps_inside_of_tasks_on_worker_processes_are_found_again(home, tmp_path):
    script = Path(__file__).with_name("durable_flow.py")
    ledger = tmp_path / "ledger"

    def run(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "LEDGER": str(ledger), **more}
        command = [sys.executable, *args]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    assert "crashed" in run(str(script), "pooled", DIE_AT="around 2").stderr.lower()
    with get_client(sync_client=True) as client:
        (broken,) = client.read_flow_runs()
    done = run("-m", "legato", "flow-run", "resume", str(broken.id))
    assert done.returncode == 0, done.stderr
    lines = ["step 1", "around 1", "step 2", "around 2"]
    assert ledger.read_text().splitlines() == [*lines, "around 2"]
    assert "not asked for" not in done.stderr


def test_a_task_that_yields_runs_again_and_the_plan_says_so(caplog):
    calls: list[int] = []

    @task
    def count(number: int) -> Iterator[int]:
        calls.append(number)
        yield from range(number)

    @flow(durable=True)
    def etl() -> tuple[list[int], list[int]]:
        found = list(count(2)), count.submit(3).result()
        if len(calls) == 2:
            raise ConnectionError("no route")
        return found

    run_id = etl(return_state=True).state_details.flow_run_id
    assert {planned.why for planned in resumption.plan_of(run_id)} == {resumption.NOT_STORED}
    assert durable.resume(run_id, flow=etl) == ([0, 1], [0, 1, 2])
    assert calls == [2, 3, 2, 3]
    assert "will not run again" not in caplog.text

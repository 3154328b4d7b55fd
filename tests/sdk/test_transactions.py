"""Transactions: what is committed or rolled back, in which order, and what is recorded of it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from legato import flow, task
from legato._sdk.context import TaskRunContext
from legato._sdk.transactions import when_committed
from legato.states import Completed
from legato.transactions import (
    CommitMode,
    Transaction,
    TransactionState,
    get_transaction,
    transaction,
)
from tests.chaos.processes import Actor

Rows = Callable[..., list[tuple[Any, ...]]]
Log = list[str]


@pytest.fixture
def log() -> Log:
    return []


def step(log: Log, name: str, **options: Any) -> Any:
    """Return a task that logs its call, its commit and its undoing."""

    @task(name=name, **options)
    def act() -> str:
        log.append(name)
        return name

    act.on_commit(lambda txn: log.append(f"commit {name}"))
    act.on_rollback(lambda txn: log.append(f"undo {name}"))
    return act


@task
def bad() -> None:
    raise ValueError("bad")


def in_flow(body: Callable[[], Any], **options: Any) -> Any:
    return flow(body, name="test", **options)()


def test_a_rolled_back_run_has_that_as_its_last_state_and_keeps_its_end(
    log: Log, rows: Rows
) -> None:
    with pytest.raises(ValueError, match="stop"), transaction():  # noqa: PT012
        step(log, "a")()
        raise ValueError("stop")

    history = rows("select type, name, message, at from task_run_state order by version")
    assert [row[1] for row in history] == ["Pending", "Running", "Completed", "RolledBack"]
    assert history[-1][0] == "COMPLETED"
    assert history[-1][2] == "Task rolled back as part of transaction"
    (row,) = rows("select state_name, version, end_at, state_at from task_run")
    assert row == ("RolledBack", 4, history[2][3], history[3][3])


def test_what_is_rolled_back_after_its_flow_run_has_ended_is_recorded_all_the_same(
    log: Log, rows: Rows
) -> None:
    one = step(log, "a")
    with pytest.raises(ValueError, match="stop"), transaction():  # noqa: PT012
        in_flow(one)
        raise ValueError("stop")

    assert log == ["a", "undo a"]
    assert rows("select state_name from task_run") == [("RolledBack",)]
    assert rows("select state_name from flow_run") == [("Completed",)]


def test_without_a_transaction_a_task_commits_at_its_own_end(log: Log, rows: Rows) -> None:
    def body() -> None:
        step(log, "a")()
        log.append("after")

    in_flow(body)
    assert log == ["a", "commit a", "after"]
    assert rows("select name from task_run_state order by version") == [
        ("Pending",),
        ("Running",),
        ("Completed",),
    ]


def test_commit_hooks_run_before_completion_hooks(log: Log) -> None:
    one = step(log, "a", on_completion=[lambda t, run, state: log.append(state.name)])
    in_flow(one)
    assert log == ["a", "commit a", "Completed"]


def test_options_and_copies_have_the_hooks(log: Log) -> None:
    def note(txn: Any) -> None:
        log.append("noted")

    @task(on_commit=[note])
    def act() -> None: ...

    act.with_options(name="copy")()
    act.with_options(on_commit=[])()
    assert log == ["noted"]
    assert act.on_commit_hooks == [note]
    wrong: Any = "no"
    with pytest.raises(TypeError, match="on_rollback"):
        task(on_rollback=wrong)(lambda: None)


def test_a_commit_hook_that_fails_rolls_all_back_and_is_raised(log: Log, rows: Rows) -> None:
    a, b, c = step(log, "a"), step(log, "b"), step(log, "c")

    @b.on_commit
    def fail(txn: Any) -> None:
        raise RuntimeError("cannot commit")

    def body() -> None:
        with transaction() as txn:
            a()
            b()
            c()
        assert txn.is_rolled_back()

    with pytest.raises(RuntimeError, match="cannot commit"):
        in_flow(body)
    assert log == ["a", "b", "c", "commit a", "commit b", "undo c", "undo b", "undo a"]
    assert set(rows("select state_name from task_run")) == {("RolledBack",)}


def test_a_rollback_hook_that_fails_is_named_and_the_others_run(log: Log, rows: Rows) -> None:
    a, b = step(log, "a"), step(log, "b")

    @b.on_rollback
    def broken(txn: Any) -> None:
        raise RuntimeError("cannot undo")

    with transaction() as txn:
        a()
        b()
        assert txn.rollback() is False
        assert txn.rollback() is False
    assert log == ["a", "b", "undo b", "undo a"]
    assert txn.is_rolled_back()
    message = "Task rolled back as part of transaction; these hooks failed: broken"
    assert rows("select state_message from task_run where name like 'b%'") == [(message,)]


def test_a_task_that_is_retried_is_staged_once_and_its_first_try_undone(log: Log) -> None:
    inner = step(log, "inner")
    tries: list[int] = []

    @task(retries=1)
    def outer() -> None:
        tries.append(1)
        inner()
        if len(tries) == 1:
            raise ValueError("again")

    outer.on_commit(lambda txn: log.append("commit outer"))

    def body() -> None:
        with transaction() as txn:
            outer()
            assert not txn.is_rolled_back()
            log.append("end")

    in_flow(body)
    assert log == ["inner", "undo inner", "inner", "end", "commit inner", "commit outer"]


def test_a_failure_that_is_caught_rolls_back_what_came_before_it_and_after(log: Log) -> None:
    def body() -> bool:
        with transaction() as txn:
            step(log, "a")()
            bad(return_state=True)
            log.append("caught")
            step(log, "b")()
        return txn.is_rolled_back()

    assert in_flow(body)
    assert log == ["a", "undo a", "caught", "b", "undo b"]


def test_a_nested_block_that_is_rolled_back_takes_the_one_around_with_it(log: Log) -> None:
    with transaction() as outer:
        step(log, "a")()
        with transaction() as inner:
            step(log, "b")()
            inner.rollback()
        assert outer.is_rolled_back()
    assert log == ["a", "b", "undo b", "undo a"]


def test_a_task_that_handles_a_failure_inside_is_staged_without_what_came_before(
    log: Log,
) -> None:
    a, b = step(log, "a"), step(log, "b")

    @task
    def careful() -> None:
        a()
        bad(return_state=True)
        b()

    careful.on_commit(lambda txn: log.append("commit careful"))
    with transaction() as txn:
        careful()
    assert txn.is_committed()
    assert log == ["a", "undo a", "b", "commit b", "commit careful"]


def test_values_come_from_the_transactions_around_as_copies(log: Log) -> None:
    seen: list[Any] = []

    @task
    def act() -> None:
        own = get_transaction()
        assert own is not None
        own.set("inner", own.get("outer")[0])
        own.get("outer").append(2)

    act.on_rollback(lambda txn: seen.extend([txn.get("inner"), txn.get("outer")]))
    with transaction() as txn:
        txn.set("outer", [1])
        act()
        with pytest.raises(ValueError, match="no value 'inner'"):
            txn.get("inner")
        assert txn.get("inner", None) is None
        txn.rollback()
    assert seen == [1, [1]]


def test_which_transaction_the_code_is_in(log: Log) -> None:
    found: dict[str, Any] = {}

    @task
    def act() -> None:
        found["own"] = get_transaction()
        with transaction() as block:
            found["block"] = block, get_transaction()
        found["again"] = get_transaction()

    @flow
    def inner() -> None:
        found["subflow"] = get_transaction()
        act()

    @flow
    def outer() -> None:
        assert get_transaction() is None
        with transaction() as txn:
            found["txn"] = txn
            inner()

    outer()
    assert found["subflow"] is found["txn"]
    assert found["own"] is found["again"]
    assert found["own"].get_parent() is found["txn"]
    assert found["block"][0] is found["block"][1]
    assert found["block"][0].get_parent() is found["own"]


def test_a_subflow_is_part_of_the_transaction_around(log: Log) -> None:
    a = step(log, "a")

    @flow
    def inner() -> None:
        a()

    def body() -> None:
        with transaction():
            inner()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        in_flow(body)
    assert log == ["a", "undo a"]


def test_a_flow_that_is_retried_commits_its_second_try(log: Log) -> None:
    a = step(log, "a")
    tries: list[int] = []

    @flow(retries=1)
    def job() -> None:
        tries.append(1)
        with transaction():
            a()
            if len(tries) == 1:
                raise ValueError("again")

    job()
    assert log == ["a", "undo a", "a", "commit a"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_of_the_block_rolls_back(log: Log, error: type[BaseException]) -> None:
    with pytest.raises(error), transaction():  # noqa: PT012
        step(log, "a")()
        raise error
    assert log == ["a", "undo a"]


def test_a_task_that_takes_too_long_rolls_back_what_is_around_it(log: Log) -> None:
    @task(timeout_seconds=0.05)
    def slow() -> None:
        while True:
            time.sleep(0.001)

    def body() -> None:
        with transaction():
            step(log, "a")()
            slow()

    with pytest.raises(TimeoutError):
        in_flow(body)
    assert log == ["a", "undo a"]


def test_a_task_that_yields_is_staged_when_it_is_exhausted(log: Log) -> None:
    @task
    def numbers() -> Iterator[int]:
        yield 1
        yield 2

    numbers.on_commit(lambda txn: log.append("commit"))
    with transaction():
        for number in numbers():
            log.append(str(number))
        log.append("end")
    assert log == ["1", "2", "end", "commit"]


def test_eager_commits_at_once_and_off_waits_for_the_word(log: Log) -> None:
    with transaction(commit_mode=CommitMode.EAGER) as txn:
        step(log, "a")()
        log.append("in the block")
    assert txn.is_committed()
    with transaction(commit_mode=CommitMode.OFF) as off:
        step(log, "b")()
    assert off.is_rolled_back()
    with transaction(commit_mode=CommitMode.OFF) as told:
        step(log, "c")()
        assert told.commit() is True
        assert told.commit() is False
    assert told.is_committed()
    assert log == ["a", "commit a", "in the block", "b", "undo b", "c", "commit c"]


def test_submitted_tasks_are_waited_for_and_one_that_fails_undoes_all_in_the_blocks_thread() -> (
    None
):
    log: Log = []
    threads: set[int] = set()
    a = step(log, "a")
    a.on_rollback(lambda txn: threads.add(threading.get_ident()))
    gate = threading.Event()

    @task
    def late() -> None:
        gate.wait(30)

    late.on_rollback(lambda txn: log.append("undo late"))

    def body() -> None:
        with transaction() as txn:
            late.submit()
            done = [a.submit(), bad.submit()]
            for future in done:
                future.wait()
            assert log == ["a"]
            gate.set()
        assert txn.is_rolled_back()
        threads.add(threading.get_ident())

    in_flow(body)
    assert log == ["a", "undo late", "undo a"]
    assert len(threads) == 1


def test_mapped_tasks_are_committed_when_all_have_ended(log: Log) -> None:
    @task
    def square(x: int) -> int:
        return x * x

    square.on_commit(lambda txn: log.append("commit"))

    def body() -> list[int]:
        with transaction():
            futures = square.map([1, 2, 3])
            assert log == []
        assert log == ["commit"] * 3
        return futures.result()

    assert in_flow(body) == [1, 4, 9]


def test_a_task_that_a_hook_calls_is_in_no_transaction(log: Log) -> None:
    clean = step(log, "clean")

    @task
    def act() -> None: ...

    @act.on_rollback
    def undo(txn: Any) -> None:
        assert get_transaction() is txn
        clean()

    with transaction() as txn:
        act()
        txn.rollback()
    assert log == ["clean", "commit clean"]


def test_what_waits_for_the_commit_runs_then_or_never(log: Log) -> None:
    @task
    def act(name: str) -> None:
        run = TaskRunContext.get()
        assert run is not None
        when_committed(run, lambda: log.append(name))

    act("alone")
    assert log == ["alone"]
    with transaction():
        act("staged")
        assert log == ["alone"]
    with transaction() as txn:
        act("undone")
        txn.rollback()
    assert log == ["alone", "staged"]


def test_the_states_of_a_transaction() -> None:
    txn = Transaction()
    assert txn.is_pending()
    with txn:
        assert txn.is_active()
        txn.stage(1)
        assert txn.is_staged()
    assert txn.is_committed()
    assert Transaction(state=TransactionState.ROLLED_BACK).is_rolled_back()


def test_what_uses_no_transaction_does_not_load_them() -> None:
    code = (
        "import sys; from legato import flow, task\n"
        "@task\ndef a(): pass\n"
        "@flow\ndef f(): a(); a.submit().wait()\n"
        "f(); print([m for m in sys.modules if 'transaction' in m and m.startswith('legato._sdk')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_a_cached_run_has_nothing_to_commit(log: Log) -> None:
    @task
    def known() -> Any:
        return Completed(name="Cached")

    known.on_commit(lambda txn: log.append("commit"))
    known.on_rollback(lambda txn: log.append("undo"))
    known(return_state=True)
    with transaction() as txn:
        known(return_state=True)
        txn.rollback()
    assert log == []


def test_ctrl_c_in_a_rollback_hook_is_raised_after_the_others_have_run(log: Log) -> None:
    a, b = step(log, "a"), step(log, "b")

    @b.on_rollback
    def interrupt(txn: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), transaction():  # noqa: PT012
        a()
        b()
        raise ValueError("stop")
    assert log == ["a", "b", "undo b", "undo a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_block_rolls_back_and_is_recorded(
    home: Path, number: signal.Signals
) -> None:
    actor = Actor(home, Path(__file__).parent / "scripts" / "undoing.py")
    try:
        assert actor.line() == "ready"
        actor.signal(number)
        assert actor.ends() == 128 + number
    finally:
        actor.close()
    assert (home / "undone").read_text() == "a"
    with closing(sqlite3.connect(home / "legato.db")) as connection:
        states = connection.execute("select state_name from task_run").fetchall()
    assert states == [("RolledBack",)]

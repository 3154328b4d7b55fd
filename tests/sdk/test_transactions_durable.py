"""Transactions of durable runs whose process is killed: all or nothing, also after the resume."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from legato import durable, flow, task
from legato.client.orchestration import get_client
from legato.transactions import get_transaction, transaction

from . import transaction_flow

ROOT = Path(__file__).parents[2]
RUN = "import sys; from tests.sdk import transaction_flow; transaction_flow.run(sys.argv[1])"
AGAIN = ("behind", "filled", "packed", "begin", "committed", "end")
"""Lines of what is no task and no hook: it runs again."""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ledger"
    monkeypatch.setenv("LEDGER", str(path))
    return path


def killed(home: Path, name: str, at: str, fails: bool) -> None:
    """Run a flow in a process that is killed behind a line of the ledger."""
    given = {"LEGATO_HOME": str(home), "DIE_AT": at, "FAILS": "yes" if fails else "no"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, name],
        env={**os.environ, **given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr


def resumed(name: str, monkeypatch: pytest.MonkeyPatch, fails: bool) -> Any:
    """Go on with the one run in this process; return its last state."""
    monkeypatch.setenv("FAILS", "yes" if fails else "no")
    with get_client(sync_client=True) as client:
        flow_id = next(each.id for each in client.read_flows() if each.name == name)
        (run,) = [each for each in client.read_flow_runs() if each.flow_id == flow_id]
    chosen = getattr(transaction_flow, name)
    state = durable.resume(run.id, flow=chosen, return_state=True)
    return asyncio.run(state) if chosen.isasync else state


def went(ledger: Path) -> list[str]:
    """Return what tasks and hooks did, in order."""
    lines = ledger.read_text().splitlines()
    return [line for line in lines if not line.startswith(AGAIN)]


def undone(*numbers: int) -> list[str]:
    return [f"undo {number} of o" for number in numbers]


def committed(*numbers: int) -> list[str]:
    return [f"commit {number} of o" for number in numbers]


TAKEN = ["take 0", "take 1", "take 2"]


@pytest.mark.parametrize(
    ("at", "first", "then", "lines"),
    [
        ("behind 1", False, True, [*TAKEN, *undone(2, 1, 0)]),
        ("take 1", True, False, ["take 0", "take 1", "take 1", "take 2", *committed(0, 1, 2)]),
        ("begin 2 of o", True, False, [*TAKEN, *undone(2), "take 2", *committed(0, 1, 2)]),
        (
            "undo 1 of o",
            True,
            True,
            [*TAKEN, *undone(2, 1, 1), "take 1", "take 2", *undone(2, 1, 0)],
        ),
        (
            "begin 0 of o",
            True,
            True,
            [*TAKEN, *undone(2, 1, 0), *TAKEN, *undone(2, 1, 0)],
        ),
        ("commit 1 of o", False, False, [*TAKEN, *committed(0, 1, 1, 2)]),
        ("commit 1 of o", False, True, [*TAKEN, *committed(0, 1), *undone(2, 1, 0)]),
        ("committed", False, True, [*TAKEN, *committed(0, 1, 2)]),
    ],
)
def test_a_transaction_is_whole_after_kill_9(
    *,
    at: str,
    first: bool,
    then: bool,
    lines: list[str],
    home: Path,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`first` and `then` say whether the flow fails in the process that is killed, and after."""
    killed(home, "order", at, first)
    state = resumed("order", monkeypatch, then)
    assert state.is_failed() is then
    assert went(ledger) == lines


def names(rows: Any) -> Counter[str]:
    return Counter(name for (name,) in rows("select state_name from task_run"))


EAGER = ["take 0", "commit 0 of o"]
FILLED = [*EAGER, "take 1", "take 2", "take 3", "take 4", "take 5"]
UNDONE = [*undone(5, 4, 3), "undo 2 of p", "undo 1 of p"]
COMMITTED = ["commit 1 of p", "commit 2 of p", *committed(3, 4, 5)]


@pytest.mark.parametrize(
    ("at", "first", "then", "lines"),
    [
        ("filled", False, True, [*FILLED, *UNDONE]),
        (
            "begin 3 of o",
            True,
            False,
            [*FILLED, *undone(5, 4, 3), "take 3", "take 4", "take 5", *COMMITTED],
        ),
        ("undo 1 of p", True, True, [*FILLED, *UNDONE, "undo 1 of p", *FILLED[2:], *UNDONE]),
        ("committed", False, False, [*FILLED, *COMMITTED]),
    ],
)
def test_transactions_in_transactions_tasks_and_subflows_are_whole_after_kill_9(
    *,
    at: str,
    first: bool,
    then: bool,
    lines: list[str],
    home: Path,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    killed(home, "nested", at, first)
    state = resumed("nested", monkeypatch, then)
    assert state.is_failed() is then
    assert went(ledger) == lines
    assert "not asked for" not in caplog.text


def test_async_hooks_of_an_earlier_attempt_are_awaited(
    home: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch, rows: Any
) -> None:
    killed(home, "gathered", "filled", fails=False)
    assert resumed("gathered", monkeypatch, fails=True).is_failed()
    assert went(ledger) == ["take 0", "take 1", *undone(1, 0)]
    assert names(rows) == {"RolledBack": 2}


def test_what_workers_did_in_an_earlier_attempt_is_rolled_back(
    home: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(home, "sent", "filled", fails=False)
    assert resumed("sent", monkeypatch, fails=True).is_failed()
    assert went(ledger) == [*TAKEN, *undone(2, 1, 0)]


def test_a_commit_hook_that_was_cut_short_is_called_again(
    home: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(home, "alone", "commit 0 of nothing", fails=False)
    resumed("alone", monkeypatch, fails=False)
    assert went(ledger) == ["take 0", *["commit 0 of nothing"] * 2]


def again(etl: Any, fails: list[bool]) -> Any:
    """Call a flow that fails, and go on with its run once it does not."""
    state = etl(return_state=True)
    assert state.is_failed()
    fails.clear()
    return durable.resume(state.state_details.flow_run_id, flow=etl, return_state=True)


def test_what_was_committed_is_not_rolled_back_or_committed_by_the_next_attempt(rows: Any) -> None:
    log: list[str] = []
    fails = [True]

    @task(
        on_commit=[lambda txn: log.append("commit")], on_rollback=[lambda txn: log.append("undo")]
    )
    def act() -> int:
        return log.append("act") or 1

    @flow(durable=True)
    def etl() -> None:
        with transaction():
            state = act(return_state=True)
            assert state.name == "Completed"
            if not fails:
                raise ValueError("in the next attempt only")
        raise ValueError("behind the block")

    assert again(etl, fails).is_failed()
    assert log == ["act", "commit"]
    assert names(rows) == {"Committed": 1}


def test_a_step_without_a_stored_result_is_rolled_back_before_it_runs_again(
    home: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(home, "unkept", "filled", fails=False)
    assert resumed("unkept", monkeypatch, fails=False).is_completed()
    again = [*undone(0), "take 0", *undone(1), "take 1"]
    assert went(ledger) == ["take 0", "take 1", *again, *committed(0, 1)]


def test_a_retry_of_the_flow_commits_nothing_twice_and_does_again_what_was_rolled_back() -> None:
    log: list[str] = []

    @task
    def act(name: str) -> None:
        log.append(name)

    act.on_commit(lambda txn: log.append(f"commit {txn.get('part')}"))
    act.on_rollback(lambda txn: log.append(f"undo {txn.get('part')}"))

    @flow(durable=True, retries=1)
    def etl() -> None:
        with transaction() as txn:
            txn.set("part", "a")
            act("a")
        with transaction() as txn:
            txn.set("part", "b")
            act("b")
            if log.count("b") == 1:
                raise ValueError("in the first try only")

    etl()
    assert log == ["a", "commit a", "b", "undo b", "b", "commit b"]


class SecretStr:
    """Named as the type of pydantic that hides its text."""

    def __init__(self, text: str) -> None:
        self.text = text


@pytest.mark.parametrize(
    "value",
    [sys._getframe(), [SecretStr("hush-hush")], "hush-hush"],
    ids=["frame", "secret", "kept"],
)
def test_values_that_are_not_stored_are_said_to_be_missing_after_a_crash(
    value: Any, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @task(persist_result=False)
    def private() -> str:
        return "hush-hush"

    @task
    def act() -> None:
        txn = get_transaction()
        assert txn is not None
        txn.set("value", value)

    @flow(durable=True)
    def etl() -> None:
        private()
        with transaction():
            act()

    etl()
    assert "After a crash hooks would miss what act-0 leaves to its transaction" in caplog.text
    assert b"hush-hush" not in (home / "legato.db").read_bytes()

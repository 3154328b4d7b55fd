"""A process comes back whose lease had expired: if nobody has taken its runs up, they go on.

The records that it sends still name the old attempt. They count, as the new one continues it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from msgspec.structs import replace

from legato._control.attempts import LOST, NOBODY, crash_id
from legato._model.leases import EXPIRED
from legato._model.records import Writer
from legato._model.states import State, StateType
from legato._store import decode, finding, steps
from legato._store.flow_runs import FlowRuns
from legato._store.flow_work import FlowWork
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns, TaskWork

BACK = "the process was heard of again"
_CAUSES = frozenset({LOST, EXPIRED})


def is_back(work: FlowWork, writer: Writer) -> bool:
    """Tell whether a writer that is heard of was taken for dead, and the run left to it since."""
    return (
        writer.lease_seconds is not None
        and work.holder == writer.id
        and work.cause in _CAUSES
        and work.type is StateType.CRASHED
    )


def come_back(tx: Transaction, now: datetime, writer: Writer, ids: Sequence[UUID]) -> list[UUID]:
    """Open the next attempt of runs that a writer held, in the states before; return which."""
    history = History(tx)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, NOBODY)
    runs.load(ids)
    back = {work.id: work for work in runs.works.values() if is_back(work, writer)}
    tasks.load(
        decode.uid(row[0]) for row in tx.rows_in("task_run.list_crashed_of_flow_runs", sorted(back))
    )
    for work in back.values():
        _go_on(tx, now, runs, work, writer)
    for task in tasks.works.values():
        flow = back.get(task.flow_run_id or NOBODY)
        if flow is not None and task.state_id == crash_id(task.id, task.version - 1):
            tasks.revive(
                task, _before(finding.list_task_run_states(tx, task.id), task, now), flow.epoch
            )
    runs.flush()
    tasks.flush()
    history.flush(tx)
    return list(back)


def _go_on(tx: Transaction, now: datetime, runs: FlowRuns, work: FlowWork, writer: Writer) -> None:
    last = steps.list_attempts(tx, work.id)[-1]
    since, tries = work.first_epoch, work.progress.run_count
    state = _before(finding.list_flow_run_states(tx, work.id), work, now)
    runs.reopen(work, state, writer, last.code_version, last.code_files)
    work.first_epoch = since
    work.progress = replace(work.progress, run_count=tries)


def _before(states: list[State], work: FlowWork | TaskWork, now: datetime) -> State:
    """Return the state that a run was in before it was taken for dead, anew."""
    return replace(
        states[-2], id=uuid5(work.id, f"back after {work.version}"), timestamp=now, message=BACK
    )


def was_alone(task: TaskWork) -> bool:
    """Tell whether a task run of no flow run was ended because its process was silent."""
    if task.flow_run_id is not None or task.type is not StateType.CRASHED:
        return False
    return task.state_id == crash_id(task.id, task.version - 1)


def go_on_alone(tasks: TaskRuns, task: TaskWork, now: datetime) -> None:
    """Have a task run of no flow run run again: its process was heard of."""
    state = State(
        id=uuid5(task.id, f"back after {task.version}"),
        type=StateType.RUNNING,
        name="Running",
        timestamp=now,
        message=BACK,
    )
    tasks.revive(task, state, task.epoch)

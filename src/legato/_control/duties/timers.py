"""Timers that are due: each proposes what its run comes to, if the run still stands there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from legato._control.proposals import mirror
from legato._engine.timers import outcome
from legato._model.states import TERMINAL
from legato._model.timers import DueTimer
from legato._store import finding, timers
from legato._store.flow_runs import FlowRuns
from legato._store.flow_work import ENDED, FlowWork
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns

BATCH = 200
_NOBODY = UUID(int=0)


def list_due(tx: Transaction, kind: str, before: datetime) -> list[DueTimer]:
    """Return the first timers of a kind that are due."""
    return timers.list_due(tx, kind, before, BATCH)


def fire(tx: Transaction, now: datetime, due: Sequence[DueTimer]) -> int:
    """Fire timers; return how many runs were moved. Firing them again moves none."""
    history = History(tx)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, _NOBODY)
    runs.load([timer.subject for timer in due])
    works = list(runs.works.values())
    tasks.load([work.parent_task_run_id for work in works if work.parent_task_run_id is not None])
    moved = sum(_fire(tx, runs, tasks, timer, now) for timer in due)
    runs.flush()
    tasks.flush()
    history.flush(tx)
    timers.delete(tx, [timer.id for timer in due])
    return moved


def _fire(tx: Transaction, runs: FlowRuns, tasks: TaskRuns, timer: DueTimer, now: datetime) -> bool:
    work = runs.works.get(timer.subject.int)
    if work is None or work.version != timer.version or _is_held(work):
        return False
    found = finding.find_flow_run(tx, work.id)
    if found is None or found.state is None:
        return False
    state = outcome(work.id, work.version, found.state, timer.kind, now)
    if state is None:
        return False
    runs.force(work, state)
    if state.type in TERMINAL:
        runs.close(work, ENDED)
    mirror(tasks, work, state)
    return True


def _is_held(work: FlowWork) -> bool:
    """Tell whether a process holds the run's attempt: then that one ends it, or its keeper."""
    return work.holder is not None and work.closed_at is None

"""Records a flow with tasks through a backend, as the SDK does."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from legato._backend.embedded import EmbeddedBackend
from legato._model.flow_runs import FlowRunCreate
from legato._model.progress import START, advance
from legato._model.records import (
    FlowRunMoveProposed,
    FlowRunProposed,
    TaskRunCreated,
    TaskRunMoved,
)
from legato._model.states import State, StateType
from legato._model.task_runs import TaskRunCreate

if TYPE_CHECKING:
    from pathlib import Path


class Recording:
    """One flow run."""

    def __init__(self, backend: EmbeddedBackend, name: str = "f") -> None:
        self.backend = backend
        self.id = backend.ids.new()
        run = FlowRunCreate(id=self.id, name=name, state=self.state("PENDING"))
        self.answers = backend.journal.propose(
            FlowRunProposed(name, run), FlowRunMoveProposed(1, self.id, self.state("RUNNING"))
        )

    def state(self, kind: str) -> State:
        now, new = self.backend.clock.now(), self.backend.ids.new()
        return State(id=new, type=StateType(kind), name=kind.capitalize(), timestamp=now)

    def task(self, key: str, *, end: str | None = "COMPLETED"):
        """Record a task run; without `end` it stays Running."""
        append, task = self.backend.journal.append, self.backend.ids.new()
        before = self.state("PENDING")
        run = TaskRunCreate(
            id=task, name=key, task_key="t", dynamic_key=key, state=before, flow_run_id=self.id
        )
        append(TaskRunCreated(1, run))
        progress = START
        for number, kind in enumerate(filter(None, ("RUNNING", end)), 2):
            state = self.state(kind)
            progress = advance(progress, before.type, before.timestamp, state)
            append(TaskRunMoved(1, self.id, task, number, state, progress))
            before = state
        return task

    def end(self, kind: str = "COMPLETED") -> None:
        self.backend.journal.propose(FlowRunMoveProposed(1, self.id, self.state(kind)))


def count(home: Path, query: str, *args: object) -> int:
    """Look with a connection of our own."""
    with sqlite3.connect(f"file:{home / 'legato.db'}?mode=ro", uri=True) as connection:
        [[number]] = connection.execute(query, args).fetchall()
    connection.close()
    return number


def is_sound(home: Path) -> bool:
    """Ask SQLite whether the file is whole, and the history whether it has no hole."""
    holes = (
        "select count(*) from (select count(*) n, max(version) v from {} group by {}) where n<>v"
    )
    with sqlite3.connect(f"file:{home / 'legato.db'}?mode=ro", uri=True) as connection:
        verdict = connection.execute("pragma integrity_check").fetchone()
        flows = connection.execute(holes.format("flow_run_state", "flow_run_id")).fetchone()
        tasks = connection.execute(holes.format("task_run_state", "task_run_id")).fetchone()
    connection.close()
    return (verdict, flows, tasks) == (("ok",), (0,), (0,))


def kept(run: Recording) -> bool:
    """Have what was recorded of a run kept ahead of its batch."""
    return run.backend.journal.keep_ahead(run.id, 1)

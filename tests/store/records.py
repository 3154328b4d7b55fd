"""Records as a journal writes them."""

from __future__ import annotations

import itertools
import os
import time
from datetime import UTC, datetime
from uuid import UUID

from legato._control.journal import Delivery
from legato._model.flow_runs import FlowRunCreate
from legato._model.logs import LogCreate
from legato._model.records import (
    Batch,
    FlowRunMoveProposed,
    FlowRunProposed,
    Logged,
    Progress,
    TaskRunCreated,
    TaskRunMoved,
    TaskRunNamed,
    Writer,
)
from legato._model.states import State, StateType
from legato._model.task_runs import TaskRunCreate
from legato._store.checker import Recorder
from legato._store.port import Grade
from tests import faults

_OWN = (os.getpid() & 0xFFF) << 64  # processes that start in the same millisecond have own ids
_ids = itertools.count((time.time_ns() // 1_000_000 << 80) | (0x70008 << 60) | _OWN)
PENDING, RUNNING, COMPLETED = StateType.PENDING, StateType.RUNNING, StateType.COMPLETED


def new_id():
    return UUID(int=next(_ids))


def now():
    return datetime.now(UTC)


def state(kind, **more):
    more.setdefault("name", kind.value.capitalize())
    return State(id=new_id(), type=kind, timestamp=now(), **more)


def new_writer(pid=4711):
    return Writer(
        id=new_id(), host="HOST", pid=pid, pid_start=1, pid_namespace="n", opened_at=now()
    )


def flow_run(run_id=None, *, parent=None, parent_epoch=0, flow="etl", **more):
    run = FlowRunCreate(
        id=run_id or new_id(), name=more.pop("name", "run"), state=state(PENDING), **more
    )
    return FlowRunProposed(flow, run, parent=parent, parent_epoch=parent_epoch)


def move(run_id, kind, epoch=1, **more):
    return FlowRunMoveProposed(epoch, run_id, state(kind, **more))


def task(flow_run_id, kind=PENDING, **more):
    run_id = more.pop("id", None) or new_id()
    more.setdefault("dynamic_key", f"mod.work : - : {run_id}")
    return TaskRunCreate(
        id=run_id,
        name=more.pop("name", "work-0"),
        task_key="mod.work",
        state=more.pop("state", None) or state(kind),
        flow_run_id=flow_run_id,
        **more,
    )


def moved(run, version, kind, epoch=1, **more):
    entered = state(kind, **more)
    end = entered.timestamp if kind in {COMPLETED, StateType.FAILED} else None
    progress = Progress(1, run.state.timestamp, end, 0.25)
    return TaskRunMoved(epoch, run.flow_run_id, run.id, version, entered, progress)


def named(run, name, epoch=1):
    return TaskRunNamed(epoch, run.flow_run_id, run.id, name)


def whole_task(flow_run_id, epoch=1, **more):
    run = task(flow_run_id, **more)
    return run, [
        TaskRunCreated(epoch, run),
        moved(run, 2, RUNNING, epoch),
        moved(run, 3, COMPLETED, epoch),
    ]


def until(condition, seconds=30):
    """Ask again until it holds: other processes take their time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not come true within {seconds} s"


class Sender:
    """A writer with its sequence; notes what was acknowledged."""

    def __init__(self, store, recorder=None, pid=4711):
        self.store, self.writer, self.seq = store, new_writer(pid), 1
        self.recorder = recorder or Recorder()

    def batch(self, *records, first=None):
        return Batch(self.writer.id, first or self.seq, list(records))

    def deliver(self, batch, grade=Grade.PLAIN):
        delivery = Delivery(now(), batch, self.writer)
        answer = faults.insisted(self.store, lambda store: store.run(delivery, grade=grade))
        self.recorder.acked(batch, answer)
        self.seq = max(self.seq, batch.first_seq + len(batch.records))
        return answer

    def send(self, *records):
        return self.deliver(self.batch(*records))

    def start(self, **more):
        """Create a flow run and make it Running; return its id."""
        proposal = flow_run(**more)
        answer = self.send(proposal, move(proposal.run.id, RUNNING))
        assert [type(a).__name__ for a in answer.answers.values()] == ["Accepted", "Accepted"]
        return proposal.run.id


def line(message, flow_run_id=None, task_run_id=None, name="legato"):
    return Logged(
        LogCreate(
            name=name,
            level=20,
            message=message,
            timestamp=now(),
            flow_run_id=flow_run_id,
            task_run_id=task_run_id,
        )
    )

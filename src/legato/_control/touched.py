"""What the records of a batch are about: the runs that are read before any record is taken."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from legato._model.records import (
    CacheLookedUp,
    FlowRunMoveProposed,
    FlowRunProposed,
    Record,
    TaskRunCreated,
    TaskRunMoved,
    TaskRunNamed,
)


class Touched:
    """The flow runs and task runs that records are about, and new task runs with their records.

    `asks`: there are proposals among them. `begun` are the new flow runs of records that were never
    sent before: nobody else knows their ids, so they are not looked for. If one is there all the
    same, its row cannot be written, and the store runs the batch again, record by record.
    """

    def __init__(self) -> None:
        self.asks = False
        self.begun: set[int] = set()
        self.flows: dict[int, UUID] = {}
        self.tasks: dict[int, UUID] = {}
        self.created: dict[int, list[Record]] = {}

    def add(self, records: Iterable[Record], *, new: bool = False) -> Touched:
        """Add what further records touch; `new`: none of them was sent before."""
        flows, tasks, created = self.flows, self.tasks, self.created
        last: UUID | None = None
        for record in records:
            if type(record) is TaskRunMoved or type(record) is TaskRunNamed:
                number = record.task_run_id.int
                life = created.get(number)
                if life is None:
                    tasks[number] = record.task_run_id
                else:
                    life.append(record)
                owner = record.flow_run_id
            elif type(record) is TaskRunCreated:
                created.setdefault(record.run.id.int, []).append(record)
                owner = record.run.flow_run_id
            elif type(record) is CacheLookedUp:
                owner = record.flow_run_id
            else:
                self.asks = _add_proposed(record, flows) or self.asks
                if new and type(record) is FlowRunProposed and record.run.id is not None:
                    self.begun.add(record.run.id.int)
                continue
            if owner is not last and owner is not None:
                flows[owner.int] = last = owner
        return self

    def add_known(self, records: Iterable[Record]) -> None:
        """Add the flow runs of facts that were taken before: who holds them is told again."""
        for record in records:
            flow_run_id, _ = attempt_of(record)
            if flow_run_id is not None:
                self.asks = True
                self.flows[flow_run_id.int] = flow_run_id


def attempt_of(record: Record) -> tuple[UUID | None, int]:
    """Return the flow run and the epoch under which a fact happened, if under one."""
    epoch = getattr(record, "epoch", None)
    proposed = isinstance(record, FlowRunProposed | FlowRunMoveProposed)
    if proposed or not isinstance(epoch, int):
        return None, 0
    return flow_run_of(record), epoch


def _add_proposed(record: Record, flows: dict[int, UUID]) -> bool:
    """Add the runs that a proposal is about; other records have none to be read."""
    if type(record) is FlowRunMoveProposed:
        flows[record.flow_run_id.int] = record.flow_run_id
    elif type(record) is FlowRunProposed:
        above = record.parent.flow_run_id if record.parent is not None else None
        for run_id in (record.run.id, above):
            if run_id is not None:
                flows[run_id.int] = run_id
    else:
        return False
    return True


def flow_run_of(record: Record) -> UUID | None:
    """Return the flow run that a record is about, if it names one."""
    run = record
    for part in ("run", "log", "artifact"):
        run = getattr(record, part, run)
    found = getattr(run, "flow_run_id", None)
    return found if isinstance(found, UUID) else None

"""The facts of a batch: checked for shape, size and epoch, then written all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from legato._control import proposals, returning
from legato._control.touched import Touched, attempt_of, flow_run_of
from legato._model.environments import Environment
from legato._model.events import EventCreate
from legato._model.flows import Flow
from legato._model.records import (
    Aborted,
    ArtifactChanged,
    ArtifactMade,
    BatchAnswer,
    CacheLookedUp,
    EventEmitted,
    Fenced,
    FlowRunMoveProposed,
    FlowRunProposed,
    Logged,
    Record,
    ResultCached,
    ResultKept,
    Skipped,
    TaskRunCreated,
    TaskRunMoved,
    TaskRunNamed,
    Unreadable,
    Writer,
)
from legato._store import encode, environments, flows, writers
from legato._store.artifacts import Artifacts, Written
from legato._store.flow_runs import FlowRuns
from legato._store.lives import Life, Lives
from legato._store.logs import Logs
from legato._store.port import Transaction
from legato._store.quarantine import Quarantine
from legato._store.results import Results
from legato._store.states import History
from legato._store.task_runs import TaskRuns, TaskWork

if TYPE_CHECKING:
    from legato._store.cache_lookups import CacheLookups

BAD = (TypeError, ValueError, AttributeError, OverflowError, KeyError)
"""What a record of the wrong shape or size makes Python raise."""

Numbered = tuple[int, int, Record]
"""Index in the batch, sequence number, record."""

_NOBODY_YET: tuple[object, int, bool] = (object(), 0, False)


class Late(ValueError):
    """The attempt that the record belongs to is closed."""


class Intake:
    """Takes records in order into memory, then writes rows table by table.

    `turn_to` says whose records come next. Those up to its `known_seq` were taken before; only
    proposals of them come again.
    """

    writer: Writer
    answer: BatchAnswer

    def __init__(self, tx: Transaction, now: datetime, writer: Writer) -> None:
        self.tx, self.now = tx, now
        history = History(tx)
        self.history = history
        self.flows = FlowRuns(tx, history, now)
        self.tasks = TaskRuns(tx, history, writer.id)
        self._lives = Lives(tx, history)
        self._writer_uid = writer_uid = tx.uid(writer.id)
        self._logs = Logs(tx, writer_uid)
        self._results = Results(tx)
        self._landed: list[str] = []
        self._lookups: CacheLookups | None = None
        self._environments: dict[UUID, Environment] = {}
        self._artifacts = Artifacts(tx)
        self._quarantine = Quarantine(tx, writer_uid, now)
        self._owner: tuple[object, int, bool] = _NOBODY_YET
        self._flow_ids: dict[str, UUID] = {}
        self._new_flows: list[Flow] = []
        self._emitted: list[EventCreate] = []
        self._known_seq = 0

    def turn_to(self, writer: Writer, answer: BatchAnswer, known_seq: int = 0) -> Intake:
        """Take the records of `writer` from now on, and answer in `answer`."""
        self.writer, self.answer, self._known_seq = writer, answer, known_seq
        self.flows.leases.leased = writer.lease_seconds is not None
        if writer.id is not self.tasks.writer_id:
            self.tasks.writer_id = writer.id
            self._writer_uid = self.tx.uid(writer.id)
            self._logs.writer_uid = self._quarantine.writer_uid = self._writer_uid
            self._owner = _NOBODY_YET
        return self

    def flow_id(self, record: FlowRunProposed) -> UUID:
        """Return the id of the flow that a proposed run belongs to; make the flow if it is new."""
        name = record.flow_name
        if name not in self._flow_ids:
            found, new = flows.find_or_create(
                self.tx, self.now, name, record.run.flow_id, record.flow_tags
            )
            self._flow_ids[name] = found
            if new:
                made = Flow(id=found, created=self.now, updated=self.now, name=name)
                made.tags = record.flow_tags
                self._new_flows.append(made)
        return self._flow_ids[name]

    def note(self, environment: Environment | None) -> None:
        """Note which environment the writer has, if it tells."""
        if environment is not None:
            self._environments[self.writer.id] = environment

    def take(self, records: Iterable[Numbered]) -> None:
        """Take records in order; raises one of `BAD` on one that cannot be taken."""
        takers, lives = self._TAKERS, self._lives.of
        for index, seq, record in records:
            life = lives.get(id(record))
            if life is None:
                takers[type(record)](self, index, seq, record)
            else:
                self._live(life)

    def load(self, touched: Touched, *, whole: bool) -> None:
        """Lock and read all runs that the records touch: flow runs first, by id.

        Not `whole`: of flow runs that nobody asks to move only what says whether facts count.
        """
        tasks, created, begun = touched.tasks, touched.created, touched.begun
        flows = [run_id for number, run_id in touched.flows.items() if number not in begun]
        if flows:
            (self.flows.load if whole or touched.asks else self.flows.look)(flows)
        above: set[int] = set()
        for work in self.flows.works.values():
            parent = work.parent_task_run_id
            if parent is not None:
                above.add(parent.int)
                if parent.int not in created:
                    tasks[parent.int] = parent
        if tasks:
            self.tasks.load(tasks.values())
        self._lives.pick(created, above)

    def flush(self) -> None:
        """Write everything: flow runs, task runs, then what is only appended."""
        self.flows.flush()
        self._lives.flush()  # before the one that begins last, so that indexes grow at their ends
        self.tasks.flush()
        places = self.history.flush(self.tx, self._logs.places)
        self._results.flush()
        if self._landed:
            from legato._store import flights

            flights.land(self.tx, self._landed)
            self._landed = []
        if self._lookups is not None:
            self._lookups.flush()
        written = self._artifacts.flush()
        self._logs.flush(places)
        self._quarantine.flush()
        for writer_id, environment in self._environments.items():
            environments.note(self.tx, writer_id, environment)
        self._environments = {}
        self._tell(written)
        if self._quarantine.count:
            writers.blame(self.tx, self.writer.id, self._quarantine.count)
            self.answer.quarantined += self._quarantine.count
            self._quarantine.count = 0

    def _tell(self, written: Written) -> None:
        """Tell of flows that are new, of what became of artifacts, and what others told."""
        if self._emitted:
            from legato._store import events

            events.record(self.tx, self.now, self._emitted)
            self._emitted = []
        if self._new_flows or written.made or written.changed:
            from legato._control import artifact_events, object_events
            from legato._model.object_events import of_flow

            happened = [of_flow("created", flow) for flow in self._new_flows]
            happened += artifact_events.of_written(written)
            object_events.tell(self.tx, self.now, happened)
            self._new_flows = []

    def refuse(self, index: int, seq: int, record: Record, error: Exception) -> None:
        """Answer a proposal that cannot be stored with its error; keep a fact in quarantine."""
        if isinstance(record, FlowRunProposed | FlowRunMoveProposed):
            self.answer.answers[index] = Aborted(str(error))
            return
        self._quarantine.add(seq, record, flow_run_of(record), error)

    def fence(self, flow_run_id: UUID, reason: str) -> None:
        """Tell the writer, once, that it no longer owns a run."""
        if all(fenced.flow_run_id != flow_run_id for fenced in self.answer.fenced):
            self.answer.fenced.append(Fenced(flow_run_id, reason))

    def fence_again(self, records: Iterable[Record]) -> None:
        """Tell again which runs records that were taken before did not count for.

        The answer that told it first may be lost. An attempt that this writer has opened since
        then takes no run away from it.
        """
        for record in records:
            flow_run_id, epoch = attempt_of(record)
            work = flow_run_id and self.flows.works.get(flow_run_id.int)
            if flow_run_id is None or not work:
                continue
            own = work.holder == self.writer.id
            if not work.is_open(max(epoch, work.epoch) if own else epoch):
                self.fence(flow_run_id, f"Attempt {epoch} is closed.")

    def counts(self, flow_run_id: UUID | None, epoch: int) -> bool:
        """Tell whether what happens under that epoch still changes states; fence if not."""
        last, last_epoch, known = self._owner
        if flow_run_id is last and epoch == last_epoch:
            return known
        if flow_run_id is None:
            return True
        flow = self.flows.owner(flow_run_id)
        if flow is None:
            raise ValueError(f"There is no flow run {flow_run_id}")
        known = flow.is_open(epoch)
        if not known:
            self.fence(flow_run_id, f"Attempt {epoch} is closed.")
        self._owner = (flow_run_id, epoch, known)
        return known

    def _live(self, life: Life) -> None:
        """Take the next record of a run that begins and ends in this batch."""
        created: TaskRunCreated = life[0]
        if not self.counts(created.run.flow_run_id, created.epoch):
            raise Late(f"Attempt {created.epoch} is closed")
        self._lives.step(life, self._writer_uid)

    def _created(self, index: int, seq: int, record: TaskRunCreated) -> None:
        if not self.counts(record.run.flow_run_id, record.epoch):
            raise Late(f"Attempt {record.epoch} is closed")
        self.tasks.create(record.run, record.epoch)
        if record.run.flow_run_id is None:
            self.flows.leases.live(self.writer)

    def _moved(self, index: int, seq: int, record: TaskRunMoved) -> None:
        work = self.tasks.works.get(record.task_run_id.int)
        if work is None:
            raise ValueError(f"There is no task run {record.task_run_id}")
        if self.writer.lease_seconds is not None and returning.was_alone(work):
            returning.go_on_alone(self.tasks, work, self.now)
        known = record.version <= work.version and not self._continues(work)
        if known or not self.counts(record.flow_run_id, record.epoch):
            self.tasks.late(work, record.state, record.epoch, record.result_id)
        else:
            self.tasks.move(work, record.state, record.progress, record.result_id)
            if record.result_body is not None:
                self.tasks.keep(work, record.result_body)

    def _continues(self, work: TaskWork) -> bool:
        """Tell whether the versions of a task run are ahead of those that its process counts.

        It was ended when the process was taken for dead, and revived when it came back.
        """
        if work.flow_run_id is None:
            return self.writer.lease_seconds is not None and work.is_live
        flow = self.flows.owner(work.flow_run_id)
        return flow is not None and flow.first_epoch < flow.epoch and work.is_live

    def _named(self, index: int, seq: int, record: TaskRunNamed) -> None:
        work = self.tasks.works.get(record.task_run_id.int)
        if work is None:
            raise ValueError(f"There is no task run {record.task_run_id}")
        if self.counts(record.flow_run_id, record.epoch):
            self.tasks.rename(work, record.name)

    def _logged(self, index: int, seq: int, record: Logged) -> None:
        self._logs.add(seq, record.log)

    def _kept(self, index: int, seq: int, record: ResultKept) -> None:
        self._results.add(record.result)

    def _cached(self, index: int, seq: int, record: ResultCached) -> None:
        self._results.cache(record)
        if self.writer.lease_seconds is not None:  # others may wait for it, on other machines
            self._landed.append(record.cache_key)

    def _looked_up(self, index: int, seq: int, record: CacheLookedUp) -> None:
        if self.counts(record.flow_run_id, record.epoch):
            if self._lookups is None:
                from legato._store.cache_lookups import CacheLookups

                self._lookups = CacheLookups(self.tx)
            self._lookups.add(record.lookup, again=record.again)

    def _made(self, index: int, seq: int, record: ArtifactMade) -> None:
        self._artifacts.add(record.artifact)

    def _changed(self, index: int, seq: int, record: ArtifactChanged) -> None:
        self._artifacts.change(record.artifact_id, record.at, record.artifact)

    def _told(self, index: int, seq: int, record: EventEmitted) -> None:
        from legato._model import event_limits

        event = event_limits.checked(record.event)
        encode.json(event.payload, "payload")
        self._emitted.append(event)

    def _skipped(self, index: int, seq: int, record: Skipped) -> None:
        """Only its number counts."""

    def _unreadable(self, index: int, seq: int, record: Unreadable) -> None:
        raise ValueError(record.problem)

    def _proposed(self, index: int, seq: int, record: FlowRunProposed) -> None:
        self.answer.answers[index] = proposals.create(self, record)

    def _move_proposed(self, index: int, seq: int, record: FlowRunMoveProposed) -> None:
        repeated = seq <= self._known_seq
        self.answer.answers[index] = proposals.move(self, record, repeated=repeated)

    _TAKERS: ClassVar[dict[type, Callable[[Any, int, int, Any], None]]] = {
        TaskRunMoved: _moved,
        TaskRunCreated: _created,
        TaskRunNamed: _named,
        Logged: _logged,
        ResultKept: _kept,
        ResultCached: _cached,
        CacheLookedUp: _looked_up,
        ArtifactMade: _made,
        ArtifactChanged: _changed,
        EventEmitted: _told,
        Skipped: _skipped,
        Unreadable: _unreadable,
        FlowRunProposed: _proposed,
        FlowRunMoveProposed: _move_proposed,
    }

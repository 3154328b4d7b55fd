"""Task runs in a batch: a run that is created and ends within it is written once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import index
from typing import Any, cast
from uuid import UUID

from msgspec.structs import replace

from legato._model import transitions
from legato._model.progress import START, advance
from legato._model.records import Progress
from legato._model.results import ROW_LIMIT
from legato._model.states import RUNNING, State, StateType
from legato._model.task_runs import NOTHING_RARE, TaskRunCreate, rare
from legato._store import decode, encode, tallies
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import TERMINAL_NAMES, Changes, progress_of, type_of, when
from legato._store.states import Entered, History

STEPS: dict[str, frozenset[str]] = {
    before.value if before else "": frozenset(t.value for t in after)
    for before, after in transitions.TASK_RUN.items()
}


class TaskWork:
    """A task run that the batch touches. Columns are as bound, `stored` the version in the row."""

    __slots__ = (
        "body",
        "child",
        "created",
        "created_at",
        "entered",
        "epoch",
        "expected_at",
        "flow_run_id",
        "id",
        "progress",
        "scheduled_at",
        "sorted_at",
        "start_at",
        "stored",
        "uid",
        "version",
        "writer_id",
    )
    id: UUID
    flow_run_id: UUID | None
    writer_id: UUID
    uid: Any
    created: TaskRunCreate | None
    body: bytes | None
    child: UUID | None
    stored: int
    sorted_at: int
    version: int
    epoch: int
    entered: Entered
    progress: Progress
    expected_at: Any
    scheduled_at: Any
    created_at: int
    start_at: Any

    @property
    def type(self) -> StateType | None:
        return type_of(self.entered[1])

    @property
    def state_id(self) -> UUID:
        return decode.uid(self.entered[0])

    @property
    def entered_at(self) -> datetime | None:
        return when(self.entered[5])

    @property
    def is_live(self) -> bool:
        return self.entered[1] not in TERMINAL_NAMES


class TaskRuns:
    """The task runs of a transaction, by number of their id."""

    def __init__(self, tx: Transaction, history: History, writer_id: UUID) -> None:
        self._tx, self._history = tx, history
        self._null, self._uid = tx.null, tx.uid
        self._writer = writer_id
        self._writer_uid: Any = tx.uid(writer_id)
        self.writer_id = writer_id  # who creates
        self.works: dict[int, TaskWork] = {}
        self._renamed: dict[int, str] = {}
        self._tries: dict[int, tuple[UUID, int]] = {}
        self._kept: list[TaskWork] = []
        self._owner: UUID | None = None
        self._owner_uid: Any = tx.null

    def load(self, ids: Iterable[UUID]) -> None:
        """Lock and read the runs that the batch changes but does not create."""
        missing = sorted({i.int: i for i in ids if i.int not in self.works}.values())
        if missing:
            self.adopt(self._tx.rows_in("task_run.standing", missing))

    def adopt(self, rows: list[tuple[Any, ...]]) -> list[TaskWork]:
        """Take runs from rows of `task_run.standing`."""
        works: list[TaskWork] = []
        for row in rows:
            work = TaskWork()
            work.id, work.flow_run_id = decode.uid(row[0]), decode.maybe_uid(row[1])
            work.writer_id = decode.uid(row[2])
            work.uid = self._uid(work.id)
            work.created = work.child = work.body = None
            work.stored = work.version = row[3]
            standing = [self._null if value is None else value for value in row[3:]]
            work.epoch, work.entered = row[4], cast("Entered", tuple(standing[2:9]))
            work.progress = progress_of(row[3:])
            work.expected_at, work.scheduled_at, work.start_at = standing[10:13]
            work.sorted_at = self._sort_at(work)
            works.append(self.works.setdefault(work.id.int, work))
        return works

    def create(self, run: TaskRunCreate, epoch: int, child: UUID | None = None) -> None:
        """Add a run in its first state; raises on one that cannot be stored."""
        state, number = run.state, run.id.int
        if number in self.works:
            raise ValueError(f"The task run {run.id} exists")
        if state.type._value_ not in STEPS[""]:
            raise ValueError(f"A task run cannot begin in {state.type.value}")
        work = TaskWork()
        work.id, work.flow_run_id, work.writer_id = run.id, run.flow_run_id, self.writer_id
        work.uid, work.created, work.child = self._uid(run.id), run, child
        work.body = None
        work.stored, work.version, work.epoch = 0, 1, epoch
        work.entered = entered = self._history.task_step(work, "", state, None)
        work.created_at = work.expected_at = entered[5]
        work.scheduled_at = work.start_at = self._null
        work.progress = START
        if entered[1] != "PENDING":
            self._stand(work, state, advance(START, None, None, state))
            if state.type == "SCHEDULED" and work.scheduled_at is not self._null:
                work.expected_at = work.scheduled_at
        self.works[number] = work

    def move(self, work: TaskWork, state: State, progress: Progress, result_id: Any) -> None:
        """Enter a state that the table of transitions allows; raises ValueError on others."""
        before = work.entered[1]
        if state.type._value_ not in STEPS.get(before, ()):
            marked = transitions.is_marked(work.type, state.type, state.name)
            if not (marked or transitions.is_of_transaction(work.type, state.type, state.name)):
                raise ValueError(f"A task run in {before} cannot enter {state.type.value}")
            before = ""
            if not marked:
                progress = work.progress
                if state.name != transitions.ROLLED_BACK and work.entered[6] is not self._null:
                    result_id = decode.uid(work.entered[6])  # it can still be had
        work.version += 1
        work.entered = self._history.task_step(work, before, state, result_id)
        self._stand(work, state, progress)

    def known_states(self) -> set[UUID]:
        """Return the ids of the states that the runs at hand have been in."""
        ids = sorted(work.id for work in self.works.values())
        rows = self._tx.rows_in("task_run_state.list_ids", ids) if ids else ()
        return {decode.uid(row[0]) for row in rows}

    def tell(self, run: TaskRunCreate, progress: Progress) -> None:
        """Take what somebody who decides by himself says of a run: the newest state stands.

        Raises ValueError for a state that a history cannot hold.
        """
        work, state = self.works.get(run.id.int), run.state
        if work is None:
            self.create(run, 0)
            self._stand(self.works[run.id.int], state, progress)
            return
        if micros(state.timestamp) < work.entered[5]:
            self.late(work, state, work.epoch, None)
            return
        before = work.entered[1]
        if state.type._value_ not in STEPS.get(before, ()):
            if state.type._value_ not in STEPS[""]:
                raise ValueError(f"A task run in {before} cannot enter {state.type.value}")
            before = ""
        work.version += 1
        work.entered = self._history.task_step(work, before, state, None)
        self._stand(work, state, progress)
        if work.created is not None:
            work.created = run
            return
        self.rename(work, run.name)
        if state.type is RUNNING:
            self._tries[work.id.int] = work.id, run.flow_run_run_count

    def _stand(self, work: TaskWork, state: State, progress: Progress) -> None:
        """Keep counts and times; the start is usually the time of this very state."""
        known, start = work.progress.start_time, progress.start_time
        work.progress = progress
        if start is state.timestamp:
            work.start_at = work.entered[5]
        elif start is not known:
            work.start_at = self._null if start is None else micros(start)
        details = state.state_details
        if details is None or details.scheduled_time is None or state.type != "SCHEDULED":
            work.scheduled_at = self._null
        else:
            work.scheduled_at = micros(details.scheduled_time)

    def keep(self, work: TaskWork, body: bytes) -> None:
        """Keep a plain result in the row of its run; raises ValueError on one that is too big."""
        if len(body) > ROW_LIMIT:
            raise ValueError(f"A result of {len(body)} bytes does not belong into the run's row")
        work.body = body
        if work.created is None:
            self._kept.append(work)

    def rename(self, work: TaskWork, name: str) -> None:
        """Call a run otherwise; raises on a name that cannot be stored."""
        text = encode.text(name)
        if work.created is not None:
            work.created = replace(work.created, name=text)
        else:
            self._renamed[work.id.int] = text

    def follow(self, work: TaskWork, state: State, result_id: UUID | None = None) -> None:
        """Enter a state that is not the holder's word, such as Crashed or that of its subflow.

        Nothing happens if the run cannot enter it.
        """
        if state.type._value_ in STEPS.get(work.entered[1], ()):
            progress = advance(work.progress, work.type, work.entered_at, state)
            self.move(work, state, progress, result_id)

    def force(self, work: TaskWork, state: State, *, afresh: bool = False) -> None:
        """Enter any state; a step that the table of transitions does not have names none before.

        `afresh`: the tries are counted anew. Raises ValueError for what no history can hold.
        """
        before = work.entered[1]
        if state.type._value_ not in STEPS.get(before, ()):
            if state.type._value_ not in STEPS[""]:
                raise ValueError(f"A task run in {before} cannot enter {state.type.value}")
            before = ""
        progress = advance(work.progress, work.type, work.entered_at, state)
        if afresh:
            tries = progress.run_count - work.progress.run_count
            progress = Progress(
                tries, progress.start_time, progress.end_time, progress.total_run_time
            )
        work.version += 1
        work.entered = self._history.task_step(work, before, state, None)
        self._stand(work, state, progress)

    def revive(self, work: TaskWork, state: State, epoch: int) -> None:
        """Enter a state once more that the run was taken out of, under a later attempt."""
        tries = work.progress.run_count
        progress = advance(work.progress, work.type, work.entered_at, state)
        work.version, work.epoch = work.version + 1, epoch
        work.entered = self._history.task_step(work, "", state, None)
        self._stand(work, state, replace(progress, run_count=tries, end_time=None))

    def late(self, work: TaskWork, state: State, epoch: int, result_id: Any) -> None:
        """Keep what a closed attempt still reported; it changes no state."""
        self._history.late_task_step(work, epoch, state, result_id)

    def flush(self) -> None:
        """Write the run rows: new ones in one insert, others in one update."""
        created: list[Any] = []
        whole: list[Any] = []
        changed = Changes(self._tx, "task_run")
        tags: list[Any] = []
        times: list[int] = []
        works = self.works
        for number in sorted(works):
            work = works[number]
            times += (work.expected_at, self._sort_at(work))
            if work.created is not None:
                self._add(created, whole, work, work.created)
                if work.created.tags:
                    tags += self._tags(work, work.created.tags)
            elif work.version != work.stored:
                row = (work.uid, work.stored, *self._standing(work), work.entered[5])
                changed.add(row, work.sorted_at, self._sort_at(work))
                times.append(work.sorted_at)
        if created:
            self._tx.bulk("task_run.create", created)
        if whole:
            self._tx.bulk("task_run.create_whole", whole)
        self._amend()
        changed.write()
        if tags:
            self._tx.bulk("task_run_tag.create", tags)
        tallies.forget(self._tx, "task_run", times)
        self.works.clear()

    def _amend(self) -> None:
        """Write what changes of rows besides where their runs stand."""
        if self._renamed:
            self._rename()
        if self._kept:
            self._keep()
        for _, (run_id, count) in sorted(self._tries.items()):
            self._tx.run("task_run.follow_flow_run", {"task_run_id": run_id, "count": count})
        self._tries.clear()

    def _rename(self) -> None:
        """Write new names, under the versions that the rows still have."""
        renamed: list[Any] = []
        for number in sorted(self._renamed):
            work = self.works[number]
            renamed += (work.uid, work.stored, self._renamed[number])
        self._tx.bulk("task_run.rename", renamed, each=True)
        self._renamed.clear()

    def _keep(self) -> None:
        """Write results of runs whose rows are there, under the versions that these still have."""
        kept: list[Any] = []
        for work in self._kept:
            kept += (work.uid, work.stored, bytearray(work.body or b""))
        self._tx.bulk("task_run.keep", kept, each=True)
        self._kept.clear()

    def _add(self, plain: list[Any], whole: list[Any], work: TaskWork, run: TaskRunCreate) -> None:
        row = self._row(work, run)
        if work.child is None and rare(run) == NOTHING_RARE:
            plain += row
        else:
            whole += row + self._rest(work, run)

    def _row(self, work: TaskWork, run: TaskRunCreate) -> tuple[Any, ...]:
        null, text, owner = self._null, encode.text, run.flow_run_id
        if owner is not self._owner:
            self._owner, self._owner_uid = owner, null if owner is None else self._uid(owner)
        if work.writer_id is not self._writer:
            self._writer, self._writer_uid = work.writer_id, self._uid(work.writer_id)
        return (
            work.uid, DEFAULT_WORKSPACE, self._owner_uid, self._writer_uid, text(run.name),
            text(run.task_key), text(run.dynamic_key), work.created_at,
            work.entered[5], *self._standing(work), self._sort_at(work),
            encode.bare(run.task_inputs) if run.task_inputs else null,
            encode.bare(run.tags) if run.tags else null,
            encode.json(run.empirical_policy, "empirical_policy") if run.empirical_policy else null,
            index(run.flow_run_run_count),
            null if work.body is None else bytearray(work.body),
        )  # fmt: skip

    def _rest(self, work: TaskWork, run: TaskRunCreate) -> tuple[Any, ...]:
        null, text = self._null, encode.text
        return (
            null if run.task_version is None else text(run.task_version),
            encode.json(run.labels, "labels") if run.labels else null,
            null if run.cache_key is None else text(run.cache_key),
            null if run.cache_expiration is None else micros(run.cache_expiration),
            null if run.code_hash is None else text(run.code_hash),
            null if run.argument_hash is None else text(run.argument_hash),
            null if run.environment_hash is None else text(run.environment_hash),
            null if work.child is None else self._uid(work.child),
            null if run.arguments is None else text(run.arguments),
        )

    def _standing(self, work: TaskWork) -> tuple[Any, ...]:
        progress, entered = work.progress, work.entered
        end_at: Any = self._null
        if entered[1] in TERMINAL_NAMES:
            end_at = entered[5]
            if entered[2] in transitions.OF_TRANSACTIONS and progress.end_time is not None:
                end_at = micros(progress.end_time)  # it had ended before
        return (
            work.version, work.epoch, *entered, index(progress.run_count), work.expected_at,
            work.scheduled_at, work.start_at, end_at,
            round(progress.total_run_time * 1_000_000),
        )  # fmt: skip

    def _sort_at(self, work: TaskWork) -> int:
        started = work.progress.start_time is not None
        sort_at: int = work.start_at if started else work.expected_at
        return sort_at

    def _tags(self, work: TaskWork, tags: list[str]) -> list[Any]:
        flat: list[Any] = []
        for tag in dict.fromkeys(tags):
            flat += (DEFAULT_WORKSPACE, encode.text(tag), work.uid)
        return flat

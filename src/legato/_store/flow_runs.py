"""Flow runs in a transaction: found and locked, created, moved; and deleted with all below."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from legato._model import transitions
from legato._model.flow_runs import FlowRun, FlowRunDraft
from legato._model.progress import START, advance
from legato._model.records import Writer
from legato._model.states import State
from legato._model.timers import set_by
from legato._store import decode, encode, tallies, timers
from legato._store.attempt_leases import AttemptLeases
from legato._store.columns import FLOW_RUN, FLOW_RUN_CREATE, OWNED
from legato._store.dialect import micros
from legato._store.flow_work import ENDED, FlowOwner, FlowWork
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import TERMINAL_NAMES, Changes, progress_of, when
from legato._store.states import History


class FlowRuns:
    """The flow runs of a transaction, by number of their id."""

    def __init__(self, tx: Transaction, history: History, now: datetime) -> None:
        self._tx, self._history, self._now = tx, history, micros(now)
        self._null, self._uid = tx.null, tx.uid
        self._closed: list[Any] = []
        self._attached: list[Any] = []
        self.leases = AttemptLeases(tx, now)
        self.works: dict[int, FlowWork] = {}
        self._owners: dict[int, FlowOwner] = {}

    def load(self, ids: Iterable[UUID]) -> None:
        """Lock and read runs, in the order of their ids."""
        missing = sorted({i.int: i for i in ids if i.int not in self.works}.values())
        for row in self._tx.rows_in("flow_run.standing", missing) if missing else ():
            work = self._adopt(row)
            self.works[work.id.int] = work

    def look(self, ids: Iterable[UUID]) -> None:
        """Lock runs of which only facts are told, and read whose facts count."""
        rows = self._tx.rows_in("flow_run.owner", sorted(ids))
        for run_id, epoch, closed_at, cause, first in rows:
            owner = FlowOwner()
            owner.epoch, owner.first_epoch = epoch, epoch if first is None else first
            owner.closed_at, owner.cause = closed_at, cause
            self._owners[decode.uid(run_id).int] = owner

    def owner(self, run_id: UUID) -> FlowOwner | None:
        """Return a run that was read in either way."""
        return self.works.get(run_id.int) or self._owners.get(run_id.int)

    def _adopt(self, row: tuple[Any, ...]) -> FlowWork:
        work = FlowWork()
        work.id, standing = decode.uid(row[0]), row[1:16]
        work.uid = self._uid(work.id)
        work.stored = work.version = standing[0]
        work.epoch, work.entered = standing[1], standing[2:9]
        work.progress = progress_of(standing)
        work.expected_at, work.scheduled_at = standing[10:12]
        work.timer = None
        owned = dict(zip(OWNED, row[16:23], strict=True))
        work.flow_id, work.name = decode.uid(owned["flow_id"]), owned["name"]
        work.parent_task_run_id = decode.maybe_uid(owned["parent_task_run_id"])
        work.root_flow_run_id = decode.maybe_uid(owned["root_flow_run_id"])
        work.policy_text, work.deployment_id = owned["policy"], owned["deployment_id"]
        work.infrastructure_pid = owned["infrastructure_pid"]
        work.holder, work.closed_at, work.cause = decode.maybe_uid(row[23]), row[24], row[25]
        work.created = work.code_version = work.code_files = work.opener = None
        work.first_epoch = work.epoch if row[26] is None else row[26]
        work.sorted_at = self._sort_at(work)
        return work

    def create(self, run: FlowRunDraft, run_id: UUID, flow_id: UUID, state: State) -> FlowWork:
        """Add a run in its first state, without an attempt (epoch 0)."""
        entered = self._history.entered(state, None)
        work = FlowWork()
        work.id, work.uid, work.flow_id = run_id, self._uid(run_id), flow_id
        work.name = encode.text(run.name or str(run_id))
        work.parent_task_run_id = run.parent_task_run_id
        work.root_flow_run_id = run.root_flow_run_id
        work.policy_text = encode.json(run.empirical_policy, "empirical_policy")
        work.encoded, work.created_at = self._encoded(run, work.policy_text), entered[5]
        work.deployment_id, work.created = run.deployment_id, run
        work.code_version = work.code_files = None
        work.holder, work.closed_at, work.cause, work.opener = None, None, None, None
        work.stored, work.version, work.entered = 0, 1, entered
        work.epoch = work.first_epoch = 0
        work.progress = advance(START, None, None, state)
        _stand(work, state)
        work.expected_at = entered[5] if work.scheduled_at is None else work.scheduled_at
        self.works[run_id.int] = work
        return work

    def begin(
        self,
        work: FlowWork,
        writer: Writer | None,
        code_version: str | None,
        code_files: dict[str, str] | None = None,
    ) -> None:
        """Write the first history row of a created run, under its first attempt if it has one."""
        if writer is not None:
            work.epoch = work.first_epoch = 1
            work.opener, work.holder = writer, writer.id
            work.code_version, work.code_files = code_version, code_files
        if writer is not None and work.entered[1] in TERMINAL_NAMES:
            work.closed_at, work.cause = self._now, ENDED
        self._history.flow_step(work.uid, 1, (work.epoch, 0), "", work.entered)

    def move(self, work: FlowWork, state: State, result_id: UUID | None) -> None:
        """Enter a state; the rules have been asked before. A terminal one closes the attempt."""
        before = work.entered[1]
        entered = self._history.entered(state, result_id)
        work.progress = advance(work.progress, work.type, when(work.entered[5]), state)
        self._history.flow_step(work.uid, work.version + 1, (work.epoch, 0), before, entered)
        work.version, work.entered = work.version + 1, entered
        _stand(work, state)

    def reopen(
        self,
        work: FlowWork,
        state: State,
        writer: Writer,
        code_version: str | None,
        code_files: dict[str, str] | None,
    ) -> None:
        """Open the next attempt with the state that leaves a terminal one."""
        before, epoch = work.entered[1], work.epoch + 1
        entered = self._history.entered(state, None)
        progress = advance(work.progress, work.type, when(work.entered[5]), state)
        work.progress = replace(progress, end_time=None)
        self._history.flow_step(work.uid, work.version + 1, (epoch, 1), before, entered)
        work.version, work.entered = work.version + 1, entered
        work.epoch = work.first_epoch = epoch
        _stand(work, state)
        work.opener, work.holder = writer, writer.id
        work.code_version, work.code_files = code_version, code_files
        work.closed_at = work.cause = None

    def force(self, work: FlowWork, state: State, *, goes_on: bool = False) -> None:
        """Enter any state; one that leaves a terminal one opens an attempt that nobody holds.

        A step that the table of transitions does not have names no state before. `goes_on`: it
        is no new try.
        """
        before, reopens = work.type, transitions.reopens(work.type, state.type)
        legal = reopens or transitions.is_legal(transitions.FLOW_RUN, before, state.type)
        if reopens:
            work.epoch = work.first_epoch = work.epoch + 1
            work.holder = work.closed_at = work.cause = None
        entered = self._history.entered(state, None)
        run_count = work.progress.run_count
        work.progress = advance(work.progress, before, when(work.entered[5]), state)
        if goes_on:
            work.progress = replace(work.progress, run_count=run_count)
        step = work.entered[1] if legal else ""
        self._history.flow_step(
            work.uid, work.version + 1, (work.epoch, int(reopens)), step, entered
        )
        work.version, work.entered = work.version + 1, entered
        _stand(work, state)

    def attach(self, work: FlowWork, parent_task_run_id: UUID) -> None:
        """Have another task run stand for a subflow's run from now on."""
        work.parent_task_run_id = parent_task_run_id
        self.leases.below.add(work.id)
        self._attached += (work.uid, work.stored, self._uid(parent_task_run_id))

    def close(self, work: FlowWork, cause: str) -> None:
        """Close the attempt, now; only the first cause counts."""
        if work.closed_at is not None or work.holder is None:
            return
        work.closed_at, work.cause = self._now, cause
        if work.opener is None:
            self._closed += (work.uid, work.epoch, work.closed_at, cause)
            self.leases.end(work.id, work.epoch)

    def late(self, work: FlowWork, state: State, epoch: int, result_id: UUID | None) -> None:
        """Keep what a closed attempt still reported; it changes no state."""
        entered = self._history.entered(state, result_id)
        self._history.flow_step(work.uid, self._null, (epoch, 0), "", entered)

    def flush(self) -> None:
        """Write the rows of the runs, their tags, and attempts that open or close."""
        created: list[Any] = []
        changed = Changes(self._tx, "flow_run")
        opened: list[Any] = []
        tags: list[Any] = []
        set_timers: list[Any] = []
        times: list[int] = []
        for _, work in sorted(self.works.items()):
            times += (work.expected_at, self._sort_at(work))
            if work.created is not None:
                self._insert(created, work)
                for tag in dict.fromkeys(work.created.tags):
                    tags += (DEFAULT_WORKSPACE, encode.text(tag), work.uid)
            elif work.version != work.stored:
                row = (work.uid, work.stored, *self._standing(work), work.entered[5])
                changed.add(row, work.sorted_at, self._sort_at(work))
                times.append(work.sorted_at)
            if work.opener is not None:
                self._open(opened, work, work.opener)
            if work.timer is not None:
                set_timers += timers.row(self._tx, work.id, work.version, work.timer)
        self.works.clear()
        self._write(created, changed, opened, tags)
        tallies.forget(self._tx, "flow_run", times)
        if set_timers:
            self._tx.bulk("timer.create", set_timers)

    def _write(
        self, created: list[Any], changed: Changes, opened: list[Any], tags: list[Any]
    ) -> None:
        bulk = self._tx.bulk
        if created:
            bulk("flow_run.create", created)
        if self._attached:
            bulk("flow_run.attach", self._attached)
            self._attached = []
        changed.write()
        if tags:
            bulk("flow_run_tag.create", tags)
        if opened:
            bulk("attempt.create", opened)
        if self._closed:
            bulk("attempt.close", self._closed)
            self._closed = []
        self.leases.flush()

    def _insert(self, flat: list[Any], work: FlowWork) -> None:
        work.row = (
            work.uid, DEFAULT_WORKSPACE, self._uid(work.flow_id), work.name, work.created_at,
            work.entered[5], *self._standing(work), self._sort_at(work), *work.encoded,
        )  # fmt: skip
        flat += work.row

    def created(self, work: FlowWork) -> FlowRun:
        """Return a run that was created, without reading it back."""
        written: dict[str, Any] = dict(zip(FLOW_RUN_CREATE, work.row, strict=True))
        values = (written.get(column) for column in FLOW_RUN)
        return decode.flow_run([None if value is self._null else value for value in values])

    def _encoded(self, run: FlowRunDraft, policy: str) -> tuple[Any, ...]:
        """The columns of `FLOW_RUN_CREATE` after `sort_at`."""
        null = self._null

        def maybe(value: str | None) -> Any:
            return null if value is None else encode.text(value)

        def uid(value: UUID | None) -> Any:
            return null if value is None else self._uid(value)

        def json(value: Any, field: str) -> Any:
            return encode.json(value, field) if value else null

        return (
            maybe(run.flow_version), json(run.parameters, "parameters"),
            json(run.context, "context"), policy, json(run.tags, "tags"),
            json(run.labels, "labels"), maybe(run.idempotency_key),
            uid(run.parent_task_run_id), uid(run.root_flow_run_id), uid(run.deployment_id),
            maybe(run.deployment_version),
            uid(run.work_queue_id), maybe(run.work_queue_name), uid(run.work_pool_id),
            maybe(run.work_pool_name), json(run.job_variables, "job_variables"),
            maybe(run.entrypoint), int(run.durable), uid(run.rerun_of), uid(run.parameters_id),
        )  # fmt: skip

    def _open(self, flat: list[Any], work: FlowWork, writer: Writer) -> None:
        null = self._null
        flat += (
            DEFAULT_WORKSPACE, work.uid, work.epoch, self._uid(writer.id),
            encode.text(writer.host), writer.pid,
            null if work.code_version is None else encode.text(work.code_version), self._now,
            null if work.closed_at is None else work.closed_at,
            null if work.cause is None else work.cause,
            encode.json(work.code_files, "code_files") if work.code_files else null,
            null if work.first_epoch == work.epoch else work.first_epoch,
        )  # fmt: skip
        if work.closed_at is None and (work.created is None or work.parent_task_run_id is None):
            self.leases.begin(work.id, work.epoch, writer)

    def _standing(self, work: FlowWork) -> list[Any]:
        progress, entered, null = work.progress, work.entered, self._null
        start = progress.start_time
        end = entered[5] if entered[1] in TERMINAL_NAMES else None
        values = (
            work.version, work.epoch, *entered, progress.run_count, work.expected_at,
            work.scheduled_at, None if start is None else micros(start), end,
            round(progress.total_run_time * 1_000_000),
        )  # fmt: skip
        return [null if value is None else value for value in values]

    def _sort_at(self, work: FlowWork) -> int:
        start = work.progress.start_time
        sort_at: int = work.expected_at if start is None else micros(start)
        return sort_at


def _stand(work: FlowWork, state: State) -> None:
    """Note when the run is to go on, and what becomes of it if it does not."""
    details = state.state_details
    due = details.scheduled_time if details is not None and state.type == "SCHEDULED" else None
    work.scheduled_at, work.timer = None if due is None else micros(due), set_by(state)

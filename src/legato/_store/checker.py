"""What must hold in any database of Legato, whatever failed: recorded by tests, then checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any, LiteralString
from uuid import UUID

from legato._model import transitions
from legato._model.records import (
    Accepted,
    Batch,
    BatchAnswer,
    FlowRunMoveProposed,
    FlowRunProposed,
    TaskRunCreated,
    TaskRunMoved,
)
from legato._model.states import StateType
from legato._store import decode, sql, tallies
from legato._store.checks import Steps
from legato._store.port import Lane, Store, Transaction
from legato._store.sql import Sql
from legato._store.standing import TERMINAL_NAMES


class Recorder:
    """Notes what the store has acknowledged, to compare it with what is there afterwards."""

    def __init__(self) -> None:
        self.states: set[UUID] = set()
        self.last_seq: dict[UUID, int] = {}

    def acked(self, batch: Batch, answer: BatchAnswer) -> None:
        """Note a batch that was answered."""
        known = self.last_seq.get(batch.writer_id, 0)
        self.last_seq[batch.writer_id] = max(known, answer.last_seq)
        for index, record in enumerate(batch.records):
            if batch.first_seq + index <= known:
                continue
            if isinstance(answer.answers.get(index), Accepted):
                self.states.add(_proposed(record).id)
            elif answer.quarantined:
                continue  # which of the facts are stored is not told
            elif isinstance(record, TaskRunCreated):
                self.states.add(record.run.state.id)
            elif isinstance(record, TaskRunMoved):
                self.states.add(record.state.id)


def _proposed(record: FlowRunProposed | FlowRunMoveProposed | Any) -> Any:
    return record.run.state if isinstance(record, FlowRunProposed) else record.state


def violations(store: Store, recorder: Recorder | None = None) -> list[str]:
    """Return what does not hold, in words; an empty list is what a test wants."""
    # a transaction that writes nothing: it sees one state of the database, for as long as it takes
    return store.run(lambda tx: list(_violations(tx, recorder or Recorder())), Lane.PRUNING)


def _violations(tx: Transaction, recorder: Recorder) -> Iterator[str]:
    stored: set[UUID] = set()
    positions: list[int] = []
    tables: tuple[tuple[LiteralString, Steps], ...] = (
        ("flow_run", transitions.FLOW_RUN),
        ("task_run", transitions.TASK_RUN),
    )
    for runs, steps in tables:
        histories = _histories(tx, runs, stored, positions)
        for run_id, rows in histories.items():
            yield from _of_run(run_id, rows, steps)
        yield from _of_rows(tx, runs, histories)
    if len(set(positions)) != len(positions):
        yield "a position was given twice"
    missing = recorder.states - stored
    if missing:
        yield f"{len(missing)} acknowledged states are not stored"
    yield from _of_writers(tx, recorder)
    yield from _of_tallies(tx)


def _of_tallies(tx: Transaction) -> Iterator[str]:
    """What is kept of spans of time is what is counted now."""
    for noun, axis in product(tallies.NOUNS, tallies.AXES):
        for start in tallies.list_counted(tx, noun, 0, 1 << 62):
            span, by = (start, start + tallies.SPAN_US), (0, 1 << 62)
            kept = tx.select(tallies.kept(noun, axis, *span, by, sql.ALWAYS))
            found = tx.select(tallies.counted(noun, axis, [span], by, sql.ALWAYS))
            if sorted(map(tuple, kept)) != sorted(map(tuple, found)):
                yield f"{noun}: what is kept of {start} by {axis} is {kept}, but there is {found}"


def _histories(
    tx: Transaction, runs: LiteralString, stored: set[UUID], positions: list[int]
) -> dict[UUID, list[Any]]:
    histories: dict[UUID, list[Any]] = defaultdict(list)
    query = Sql(
        f"SELECT {runs}_id, position, version, epoch, opens, from_type, type, state_id, name "
        f"FROM {runs}_state ORDER BY position"
    )
    for run_id, position, *step, state_id, name in tx.select(query):
        stored.add(decode.uid(state_id))
        positions.append(position)
        if step[0] is not None:
            histories[decode.uid(run_id)].append((*step, state_id, name))
    return histories


_NOBODYS = 0
"""The epoch of task runs that a client of the API decides about, by rules of its own."""


def _of_run(run_id: UUID, rows: list[Any], steps: Steps) -> Iterator[str]:
    """Versions without a gap in the order of positions, legal steps, one end per attempt."""
    before, under = "", 0
    ended: set[int] = set()
    for number, (version, epoch, opens, from_type, type_, _, name) in enumerate(rows, 1):
        if version != number:
            yield f"{run_id}: version {version} stands at place {number}"
        forced = steps is transitions.FLOW_RUN or epoch == _NOBODYS
        revived, under = epoch > under and before in TERMINAL_NAMES, epoch
        free = forced or revived or _is_beyond(before, type_, name)
        if number > 1 and not from_type and free:
            ended.discard(_NOBODYS)
            before = type_
            continue
        if from_type != before:
            yield f"{run_id}: version {version} follows {from_type!r}, but {before!r} was before"
        if not opens and StateType(type_) not in steps.get(_type(before), frozenset()):
            yield f"{run_id}: {before!r} -> {type_} within an attempt"
        if type_ in TERMINAL_NAMES:
            if epoch in ended:
                yield f"{run_id}: attempt {epoch} ended twice"
            ended.add(epoch)
        before = type_


def _type(name: str) -> StateType | None:
    return StateType(name) if name else None


def _is_beyond(before: str, type_: str, name: str) -> bool:
    return transitions.is_beyond(_type(before), StateType(type_), name)


def _of_rows(
    tx: Transaction, runs: LiteralString, histories: dict[UUID, list[Any]]
) -> Iterator[str]:
    """The row of a run says what its history says."""
    query = Sql(f"SELECT id, version, state_type, state_id, end_at FROM {runs}")
    found: set[UUID] = set()
    for key, version, state_type, state_id, end_at in tx.select(query):
        run_id = decode.uid(key)
        found.add(run_id)
        history = histories.get(run_id)
        if not history:
            yield f"{run_id}: no history"
            continue
        last = history[-1]
        if (version, state_type, state_id) != (last[0], last[4], last[5]):
            yield f"{run_id}: the row is at {version} {state_type}, its history at {last[0]}"
        if (end_at is None) == (state_type in TERMINAL_NAMES):
            yield f"{run_id}: {state_type}, but end_at is {end_at}"
    for run_id in histories.keys() - found:
        yield f"{run_id}: history without a run"


def _of_writers(tx: Transaction, recorder: Recorder) -> Iterator[str]:
    rows = tx.select(Sql("SELECT id, last_seq FROM writer"))
    marks = {decode.uid(writer_id): last for writer_id, last in rows}
    for writer_id, last in recorder.last_seq.items():
        if marks.get(writer_id, 0) < last:
            yield f"writer {writer_id}: {last} was acknowledged, the mark is {marks.get(writer_id)}"
    query = Sql(
        "SELECT flow_run.id FROM flow_run JOIN attempt "
        "ON attempt.flow_run_id = flow_run.id AND attempt.number = flow_run.epoch "
        "WHERE (attempt.closed_at IS NULL) <> (flow_run.end_at IS NULL)"
    )
    for (run_id,) in tx.select(query):
        yield f"{decode.uid(run_id)}: attempt and run do not agree on whether it is over"

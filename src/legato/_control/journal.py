"""The receiving end of a journal: batches of records become rows, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from legato._control import returning
from legato._control.intake import BAD, Intake, Numbered
from legato._control.touched import Touched
from legato._model.errors import Error, Hole
from legato._model.records import PROPOSALS, Batch, BatchAnswer, Record, Writer
from legato._store import ahead, quarantine, writers
from legato._store.port import Transaction

if TYPE_CHECKING:
    from uuid import UUID


class UnsoundBatch(RuntimeError):
    """A record could not be stored; the store runs the batch again, record by record."""


class Delivery:
    """A batch and who sent it: an operation that the store may carry out with others at once."""

    in_order = True

    __slots__ = ("batch", "now", "writer")

    def __init__(self, now: datetime, batch: Batch, writer: Writer) -> None:
        self.now, self.batch, self.writer = now, batch, writer

    def __call__(self, tx: Transaction) -> BatchAnswer:
        return receive(tx, self.now, self.batch, self.writer)

    @staticmethod
    def together(tx: Transaction, deliveries: Sequence[Delivery]) -> list[BatchAnswer | Error]:
        """Store batches of several writers set-wise; return what each would return or raise."""
        outcomes: dict[Delivery, BatchAnswer | Error] = {}
        left = deliveries
        while left:
            apart, left = _apart(left)
            _receive_all(tx, apart, outcomes)
        return [outcomes[delivery] for delivery in deliveries]


def receive(
    tx: Transaction, now: datetime, batch: Batch, writer: Writer, *, one_by_one: bool = False
) -> BatchAnswer:
    """Store what is new of a batch and answer its proposals.

    Records that were taken before have no effect, but they are answered again, and runs that
    they did not count for are fenced again. `one_by_one`: one of them was found to be bad. Raises
    Hole with the expected number if records are missing before the batch.
    """
    answer = BatchAnswer(batch.first_seq + len(batch.records) - 1)
    taken = _advance(tx, now, batch, writer)
    indices = _indices(tx, batch, writer, answer, taken)
    known = batch.first_seq + taken - 1
    if batch.was_ahead:
        ahead.drop(tx, writer.id, batch.first_seq + len(batch.records) - 1)
    if tx.repeated or one_by_one:
        for index in indices:
            intake = Intake(tx, now, writer).turn_to(writer, answer, known)
            _take_alone(intake, (index, batch.first_seq + index, batch.records[index]))
        if taken:
            _fence_alone(tx, now, writer, answer, batch.records[:taken])
        return answer
    intake = Intake(tx, now, writer)
    records = _records(batch, indices)
    try:
        touched = Touched().add(records, new=not taken)
        touched.add_known(batch.records[:taken])
        _load(intake, touched, [writer])
        intake.turn_to(writer, answer, known).fence_again(batch.records[:taken])
        intake.take(_numbered(batch, indices, records))
        intake.flush()
    except (Error, *BAD) as error:
        raise UnsoundBatch(str(error)) from error
    return answer


def _load(intake: Intake, touched: Touched, writers: Sequence[Writer]) -> None:
    """Lock and read what the records touch; writers that were taken for dead are back."""
    # who is held by leases may have been taken for dead: that shows in where its runs stand
    leased = any(writer.lease_seconds is not None for writer in writers)
    intake.load(touched, whole=leased)
    back = False
    for writer in writers:
        if writer.lease_seconds is not None:
            works = intake.flows.works.values()
            ids = [work.id for work in works if returning.is_back(work, writer)]
            if ids:
                returning.come_back(intake.tx, intake.now, writer, ids)
                back = True
    if back:
        intake.flows.works.clear()
        intake.tasks.works.clear()
        intake.load(touched, whole=True)


def _indices(
    tx: Transaction, batch: Batch, writer: Writer, answer: BatchAnswer, taken: int
) -> Sequence[int]:
    """Return which records are to be taken: new ones, and proposals that are asked again."""
    if not taken:
        return range(len(batch.records))
    first = batch.first_seq
    answer.quarantined = quarantine.count(tx, writer.id, first, first + taken - 1)
    records = batch.records
    return [n for n in range(len(records)) if n >= taken or isinstance(records[n], PROPOSALS)]


def _records(batch: Batch, indices: Sequence[int]) -> list[Record]:
    everything = len(indices) == len(batch.records)
    return batch.records if everything else [batch.records[n] for n in indices]


def _numbered(
    batch: Batch, indices: Sequence[int], records: Sequence[Record]
) -> Iterable[Numbered]:
    return zip(indices, map(batch.first_seq.__add__, indices), records, strict=True)


def _advance(tx: Transaction, now: datetime, batch: Batch, writer: Writer) -> int:
    """Move the writer's mark; return how many records of the batch were taken before."""
    first, count = batch.first_seq, len(batch.records)
    last = first + count - 1
    if writers.advance(tx, writer.id, first - 1, last, now):
        return 0
    known = writers.find_last_seq(tx, writer.id)
    _refuse_hole(batch, known or 0)
    if known is None:
        writers.create(tx, writer)
    known = known or 0
    if known < last:
        writers.advance(tx, writer.id, known, last, now)
    return min(known - first + 1, count)


def _refuse_hole(batch: Batch, known: int) -> None:
    if known < batch.first_seq - 1:
        raise Hole(
            f"Record {known + 1} is expected of writer {batch.writer_id}, not {batch.first_seq}.",
            known + 1,
        )


def _apart(deliveries: Sequence[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
    """Return those that have no writer and no flow run in common, and the rest.

    What one of them finds in the database cannot be what another has in memory only.
    """
    apart: list[Delivery] = []
    rest: list[Delivery] = []
    seen: set[int] = set()
    for delivery in deliveries:
        about = {delivery.writer.id.int, *Touched().add(delivery.batch.records).flows}
        (apart if seen.isdisjoint(about) else rest).append(delivery)
        seen |= about
    return apart, rest


def _receive_all(
    tx: Transaction, deliveries: Sequence[Delivery], outcomes: dict[Delivery, BatchAnswer | Error]
) -> None:
    """Store batches that have nothing in common: read all, decide one by one, write all."""
    now = max(delivery.now for delivery in deliveries)
    first = not outcomes  # those of the next round may have ids in common with those of this one
    taken = _advance_all(tx, now, deliveries, outcomes)
    senders: list[Writer] = []
    touched = Touched()
    parts: list[tuple[Delivery, BatchAnswer, Sequence[int], list[Record]]] = []
    for delivery, count in taken.items():
        batch = delivery.batch
        answer = BatchAnswer(batch.first_seq + len(batch.records) - 1)
        indices = _indices(tx, batch, delivery.writer, answer, count)
        records = _records(batch, indices)
        touched.add(records, new=first and not count)
        touched.add_known(batch.records[:count])
        parts.append((delivery, answer, indices, records))
        senders.append(delivery.writer)
    if not senders:
        return
    try:
        intake = Intake(tx, now, senders[0])
        _load(intake, touched, senders)
        for delivery, answer, indices, records in parts:
            batch, count = delivery.batch, taken[delivery]
            intake.turn_to(delivery.writer, answer, batch.first_seq + count - 1)
            intake.fence_again(batch.records[:count])
            intake.take(_numbered(batch, indices, records))
            outcomes[delivery] = answer
        intake.flush()
    except (Error, *BAD) as error:
        raise UnsoundBatch(str(error)) from error


def _advance_all(
    tx: Transaction,
    now: datetime,
    deliveries: Sequence[Delivery],
    outcomes: dict[Delivery, BatchAnswer | Error],
) -> dict[Delivery, int]:
    """Move the marks of all writers; return how many records of each were taken before.

    What has a hole before it is refused in `outcomes`, and nothing of it is written.
    """
    marks = writers.claim(tx, [delivery.writer.id for delivery in deliveries])
    moves: list[tuple[UUID, int, int]] = []
    taken: dict[Delivery, int] = {}
    for delivery in deliveries:
        batch, writer = delivery.batch, delivery.writer
        first, last = batch.first_seq, batch.first_seq + len(batch.records) - 1
        known = marks.get(writer.id, 0)
        try:
            _refuse_hole(batch, known)
        except Hole as refusal:
            outcomes[delivery] = refusal
            continue
        if writer.id not in marks:
            writers.create(tx, writer)
        if known < last:
            moves.append((writer.id, known, last))
        taken[delivery] = min(max(known - first + 1, 0), len(batch.records))
    writers.advance_claimed(tx, now, moves)
    return taken


def _take_alone(intake: Intake, record: Numbered) -> None:
    """Take one record by itself; what is wrong with it concerns no other."""
    failures: tuple[type[Exception], ...] = (*BAD, *intake.tx.data_errors)
    try:
        with intake.tx.savepoint():
            _load(intake, Touched().add([record[2]]), [intake.writer])
            intake.take([record])
            intake.flush()
    except failures as error:
        instead = Intake(intake.tx, intake.now, intake.writer)
        instead.turn_to(intake.writer, intake.answer)
        instead.refuse(*record, error)
        instead.flush()


def _fence_alone(
    tx: Transaction, now: datetime, writer: Writer, answer: BatchAnswer, known: Sequence[Record]
) -> None:
    """Fence again what records that were taken before did not count for."""
    intake, touched = Intake(tx, now, writer).turn_to(writer, answer), Touched()
    touched.add_known(known)
    intake.load(touched, whole=True)
    intake.fence_again(known)

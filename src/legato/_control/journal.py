"""The receiving end of a journal: a batch of records becomes rows, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from legato._control.intake import BAD, Intake, Numbered
from legato._model.errors import Conflict, Error
from legato._model.records import PROPOSALS, Batch, BatchAnswer, Writer
from legato._store import quarantine, writers
from legato._store.port import Transaction


class UnsoundBatch(RuntimeError):
    """A record could not be stored; the store runs the batch again, record by record."""


def receive(tx: Transaction, now: datetime, batch: Batch, writer: Writer) -> BatchAnswer:
    """Store what is new of a batch and answer its proposals.

    Records that were taken before have no effect, but they are answered again. Raises
    Conflict with the expected number if records are missing before the batch.
    """
    first = batch.first_seq
    answer = BatchAnswer(first + len(batch.records) - 1)
    taken = _advance(tx, now, batch, writer)
    known = first + taken - 1
    indices: Sequence[int] = range(len(batch.records))
    if taken:
        answer.quarantined = quarantine.count(tx, writer.id, first, known)
        indices = [n for n in indices if n >= taken or isinstance(batch.records[n], PROPOSALS)]
    if tx.repeated:
        for index in indices:
            intake = Intake(tx, now, writer, answer, known)
            _take_alone(intake, (index, first + index, batch.records[index]))
    else:
        _take_all(Intake(tx, now, writer, answer, known), batch, indices)
    return answer


def _advance(tx: Transaction, now: datetime, batch: Batch, writer: Writer) -> int:
    """Move the writer's mark; return how many records of the batch were taken before."""
    first, count = batch.first_seq, len(batch.records)
    last = first + count - 1
    if writers.advance(tx, writer.id, first - 1, last, now):
        return 0
    known = writers.find_last_seq(tx, writer.id)
    if (known or 0) < first - 1:
        expected = (known or 0) + 1
        raise Conflict(f"Record {expected} is expected of writer {writer.id}, not {first}.")
    if known is None:
        writers.create(tx, writer)
    known = known or 0
    if known < last:
        writers.advance(tx, writer.id, known, last, now)
    return min(known - first + 1, count)


def _take_all(intake: Intake, batch: Batch, indices: Sequence[int]) -> None:
    records = [batch.records[n] for n in indices]
    numbers = [batch.first_seq + n for n in indices]
    try:
        intake.load(records)
        intake.take(zip(indices, numbers, records, strict=True))
        intake.flush()
    except (Error, *BAD) as error:
        raise UnsoundBatch(str(error)) from error


def _take_alone(intake: Intake, record: Numbered) -> None:
    """Take one record by itself; what is wrong with it concerns no other."""
    failures: tuple[type[Exception], ...] = (*BAD, *intake.tx.data_errors)
    try:
        with intake.tx.savepoint():
            intake.load([record[2]])
            intake.take([record])
            intake.flush()
    except failures as error:
        instead = Intake(intake.tx, intake.now, intake.writer, intake.answer)
        instead.refuse(*record, error)
        instead.flush()

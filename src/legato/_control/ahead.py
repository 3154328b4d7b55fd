"""What processes wrote ahead of their batches (`_store/ahead.py`): kept, and taken in by others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from legato._control.journal import UnsoundBatch, receive
from legato._control.touched import flow_run_of
from legato._model import parcels
from legato._model.errors import Hole
from legato._model.packing import unpacked_all
from legato._model.records import Ahead, Batch, Record, Skipped, Unreadable
from legato._store import ahead
from legato._store.ahead import Row
from legato._store.port import Transaction
from legato._store.quarantine import Quarantine


class Keeping:
    """The operation that keeps records of a writer; it says whether it did."""

    in_order = True
    """What a writer says in the order of its journal: nothing need be taken in before."""
    goes_apart = True
    """Other operations of this process may close the attempt: they come after it is taken in."""

    __slots__ = ("records",)

    def __init__(self, records: Ahead) -> None:
        self.records = records

    def __call__(self, tx: Transaction) -> bool:
        return ahead.keep(tx, self.records)


def take_in(tx: Transaction, now: datetime) -> None:
    """Make rows of all that was written ahead, as if its writers had sent it in their batches."""
    failures: tuple[type[Exception], ...] = (UnsoundBatch, *tx.data_errors)
    rows = ahead.list_all(tx)
    writers = ahead.writers(tx)
    for batch in _batches(rows):
        writer = writers.get(batch.writer_id)
        if writer is None:
            _put_aside(tx, now, batch, "Its writer is not known here.")
            continue
        try:
            with tx.savepoint():
                receive(tx, now, batch, writer)
        except Hole as hole:  # it was written into another state of the database
            _put_aside(tx, now, batch, str(hole))
        except failures:
            receive(tx, now, batch, writer, one_by_one=True)
    if rows:
        ahead.clear(tx, rows[-1].id)


def _batches(rows: Sequence[Row]) -> Iterator[Batch]:
    """Put together what continues without a hole, each writer's by itself."""
    batches: dict[UUID, list[Batch]] = {}
    for row in rows:
        records = _records(row)
        known = batches.setdefault(row.writer_id, [])
        if known and row.first_seq == known[-1].first_seq + len(known[-1].records):
            known[-1].records += records
        else:
            known.append(Batch(row.writer_id, row.first_seq, records, acked=True))
    for known in batches.values():
        yield from known


def _records(row: Row) -> list[Record]:
    """Return the records of a row; if it cannot be taken apart, what stands for them."""
    count = row.last_seq - row.first_seq + 1
    try:
        records = [parcels.record(body) for body in unpacked_all(row.body)]
    except ValueError as error:
        return [Unreadable(row.body, str(error)), *[Skipped()] * (count - 1)]
    if len(records) != count:
        problem = f"There are {len(records)} records where {count} were kept"
        return [Unreadable(row.body, problem), *[Skipped()] * (count - 1)]
    return records


def _put_aside(tx: Transaction, now: datetime, batch: Batch, reason: str) -> None:
    """Keep in quarantine what has no place among the rows."""
    aside = Quarantine(tx, tx.uid(batch.writer_id), now)
    for seq, record in enumerate(batch.records, batch.first_seq):
        aside.add(seq, record, flow_run_of(record), reason)
    aside.flush()

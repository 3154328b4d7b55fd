"""Records that are safe before they are rows: the finished steps of durable runs.

A process that waits for each step to survive a power cut writes the records of the step into one
row of `ahead`. They stay in its journal too, and become rows of their own with its next batch,
which drops what it covers. Whoever else writes to the database takes them in first, dead or alive
as their writer may be; the numbers of the journal say what was taken already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from legato._store import decode
from legato._store.faults import failpoint
from legato._store.port import Transaction

if TYPE_CHECKING:
    from legato._model.records import Ahead, Writer


class Row(NamedTuple):
    """Records that some process wrote ahead, packed together."""

    id: int
    writer_id: UUID
    first_seq: int
    last_seq: int
    body: bytes


def keep(tx: Transaction, records: Ahead) -> bool:
    """Keep records; False, and nothing is kept: the writer does not hold the run any more."""
    failpoint("ahead.before_keep")
    params = {
        "writer_id": records.writer_id,
        "first_seq": records.first_seq,
        "last_seq": records.last_seq,
        "body": records.body,
        "flow_run_id": records.flow_run_id,
        "epoch": records.epoch,
    }
    kept = tx.run("ahead.keep", params) == 1
    failpoint("ahead.after_keep")
    return kept


def is_any(tx: Transaction) -> bool:
    """Tell whether anybody has written something ahead."""
    ((found,),) = tx.rows("ahead.any", {})
    return bool(found)


def list_all(tx: Transaction) -> list[Row]:
    """Return what was written ahead, in the order in which it was."""
    return [
        Row(number, decode.uid(writer_id), first, last, bytes(body))
        for number, writer_id, first, last, body in tx.rows("ahead.list", {})
    ]


def writers(tx: Transaction) -> dict[UUID, Writer]:
    """Return the writers of what was written ahead."""
    found = [decode.writer(row) for row in tx.rows("ahead.list_writers", {})]
    return {writer.id: writer for writer in found}


def drop(tx: Transaction, writer_id: UUID, last_seq: int) -> None:
    """Remove what a writer wrote ahead up to a number: those records are rows by now."""
    tx.run("ahead.drop", {"writer_id": writer_id, "last_seq": last_seq})


def clear(tx: Transaction, number: int) -> None:
    """Remove all rows up to one."""
    tx.run("ahead.clear", {"id": number})

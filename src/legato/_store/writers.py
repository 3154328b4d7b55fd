"""Writers: processes with a journal, and how far each has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from legato._model.leases import span
from legato._model.records import Writer
from legato._store import decode, encode
from legato._store.dialect import micros
from legato._store.port import Transaction

_MICROSECOND = timedelta(microseconds=1)


def advance(tx: Transaction, writer_id: UUID, before: int, after: int, now: datetime) -> bool:
    """Move the mark from `before` to `after`; False if it does not stand there."""
    return tx.run_many("writer.advance", [(tx.uid(writer_id), before, after, micros(now))]) == 1


def look(tx: Transaction, writer_id: UUID) -> int | None:
    """Return the number of the last record taken from a writer; None: the writer is new."""
    rows = tx.rows("writer.look", {"id": writer_id})
    return rows[0][0] if rows else None


def find_last_seq(tx: Transaction, writer_id: UUID) -> int | None:
    """Return what `look` does, and lock the writer."""
    rows = tx.rows("writer.read", {"id": writer_id})
    return rows[0][0] if rows else None


def claim(tx: Transaction, ids: Iterable[UUID]) -> dict[UUID, int]:
    """Lock writers, in the order of their ids, and return where their marks stand."""
    rows = tx.rows_in("writer.standing", sorted(set(ids)))
    return {decode.uid(row[0]): row[1] for row in rows}


def advance_claimed(tx: Transaction, now: datetime, marks: Sequence[tuple[UUID, int, int]]) -> None:
    """Move the marks of claimed writers: id, before, after."""
    flat: list[Any] = []
    for writer_id, before, after in marks:
        flat += (tx.uid(writer_id), before, after, micros(now))
    if flat:
        tx.bulk("writer.advance", flat)


def create(tx: Transaction, writer: Writer) -> None:
    """Add a writer, unless it is there."""
    null, text = tx.null, encode.text
    row = (
        tx.uid(writer.id), text(writer.host), writer.pid,
        null if writer.pid_start is None else writer.pid_start,
        null if writer.pid_namespace is None else text(writer.pid_namespace),
        micros(writer.opened_at),
        null if writer.lease_seconds is None else span(writer.lease_seconds) // _MICROSECOND,
    )  # fmt: skip
    tx.run_many("writer.create", [row])


def list_open(tx: Transaction) -> list[Writer]:
    """Return the writers with open attempts, live task runs or leases that a lock shows to live."""
    return [decode.writer(row) for row in tx.rows("writer.list_open", {})]


def blame(tx: Transaction, writer_id: UUID, count: int) -> None:
    """Count bad records of a writer."""
    tx.run("writer.blame", {"writer_id": writer_id, "count": count})

"""Log lines of one flow run in the order of their times, from any place on."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from legato._model.logs import Log
from legato._store import columns, decode, sql
from legato._store.port import Transaction
from legato._store.sql import Sql

Place = tuple[int, UUID, int]
"""Time, writer and number of a line."""


class Lines(NamedTuple):
    """Lines, and the place of the last of them."""

    lines: list[Log]
    last: Place | None


def behind(tx: Transaction, flow_run_id: UUID, place: Place | None, count: int) -> Lines:
    """Return the lines behind a place, or from the first one on."""
    conditions = [Sql("log.flow_run_id = ?", (flow_run_id,))]
    if place is not None:
        conditions.append(Sql("(log.at, log.writer_id, log.seq) > (?, ?, ?)", place))
    head = Sql(f"SELECT {sql.listed('log', columns.LOG)} FROM log WHERE")
    order = Sql("ORDER BY log.at, log.writer_id, log.seq LIMIT ?", (count,))
    rows = tx.select(head.then(sql.all_of(conditions), order))
    last = (rows[-1][7], decode.uid(rows[-1][1]), rows[-1][2]) if rows else None
    return Lines([decode.log(row) for row in rows], last)

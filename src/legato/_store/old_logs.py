"""Log lines found by where they came in the ordered log, and deleted with that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from legato._store import ordered_log
from legato._store.dialect import micros
from legato._store.events import MICROS_A_DAY
from legato._store.port import Transaction
from legato._store.sql import Sql


class Arrival(NamedTuple):
    """Lines of one run and writer that came together; the ids are as the driver has them."""

    position: int
    flow_run_id: Any
    writer_id: Any
    day: int
    first_seq: int
    last_seq: int


def list_arrivals(tx: Transaction, after: int, limit: int) -> list[Arrival]:
    """Return all that came at the next positions; about `limit` arrivals."""
    places = Sql(
        "SELECT max(place) FROM (SELECT log_arrival.position AS place FROM log_arrival "
        "WHERE log_arrival.position > ? ORDER BY log_arrival.position LIMIT ?) AS places",
        (after, limit),
    )
    ((upto,),) = tx.select(places)
    query = Sql(
        "SELECT position, flow_run_id, writer_id, day, first_seq, last_seq FROM log_arrival "
        "WHERE log_arrival.position > ? AND log_arrival.position <= ? "
        "ORDER BY log_arrival.position",
        (after, upto or after),
    )
    return [Arrival(*row) for row in tx.select(query)]


def is_old(arrival: Arrival, before: datetime) -> bool:
    """Tell whether lines are of a whole day before a time."""
    return arrival.day < micros(before) // MICROS_A_DAY


def _lines(verb: LiteralString, arrival: Arrival) -> Sql:
    return Sql(
        f"{verb} log WHERE log.flow_run_id = ? AND log.writer_id = ? AND log.seq BETWEEN ? AND ?",
        (arrival.flow_run_id, arrival.writer_id, arrival.first_seq, arrival.last_seq),
    )


def count(tx: Transaction, arrivals: Sequence[Arrival]) -> int:
    """Count the lines that are still there."""
    return sum(tx.select(_lines("SELECT count(*) FROM", arrival))[0][0] for arrival in arrivals)


def delete(tx: Transaction, arrivals: Sequence[Arrival]) -> int:
    """Delete lines, and that they came; return how many.

    Whoever follows the log from before them is told so.
    """
    ordered_log.retain_after(tx, arrivals[-1].position)
    gone = sum(tx.execute(_lines("DELETE FROM", arrival)) for arrival in arrivals)
    for arrival in arrivals:
        tx.execute(
            Sql(
                "DELETE FROM log_arrival WHERE log_arrival.position = ? "
                "AND log_arrival.flow_run_id = ? AND log_arrival.writer_id = ?",
                (arrival.position, arrival.flow_run_id, arrival.writer_id),
            )
        )
    return gone

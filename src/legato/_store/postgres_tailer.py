"""Finds the stable position: up to there, no transition is missing that might still appear.

Transactions draw positions in one order and commit in another, so the rows that a snapshot shows
have holes: positions of transactions that are not committed yet, or never will be. Who read past
a hole would miss what appears in it. A hole is waited for, until it is sure that its transaction
is over.

That is told by transaction ids. `PostgresTransaction.positions` takes an id before it draws.
At a hole the tailer reads how far the sequence is, and then takes an id itself, the *fence*: the
owner of every position drawn so far has a lower one. A later snapshot in which all ids below the
fence are done shows all of those positions that will ever be filled.

The `xmax` of a snapshot will not do for a fence: it is one past the highest id that is *done*, so
a transaction that runs under a higher one, and has drawn already, would be passed over.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import psycopg

_WINDOW = 1000
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_AHEAD = """
SELECT position FROM (
    (SELECT position FROM flow_run_state WHERE position > %(after)s
        ORDER BY position LIMIT %(limit)s)
    UNION ALL
    (SELECT position FROM task_run_state WHERE position > %(after)s
        ORDER BY position LIMIT %(limit)s)
    UNION ALL
    (SELECT position FROM event WHERE position > %(after)s
        ORDER BY position LIMIT %(limit)s)
    UNION ALL
    (SELECT DISTINCT position FROM log_arrival WHERE position > %(after)s
        ORDER BY position LIMIT %(limit)s)
) AS ahead ORDER BY position LIMIT %(limit)s
"""
_DRAWN = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM log_position"
_FENCE = "SELECT pg_current_xact_id()::text::bigint"


class Fence(NamedTuple):
    """Positions up to `position` are settled once all transactions below `xid` are done."""

    position: int
    xid: int


class Tailer:
    """The stable position of one database, as this process knows it; it never goes back.

    It is 0 until the transactions that ran when the process first asked are done. A transaction
    that stays open, in any database of the server, holds up the holes that came after it began,
    and so the log; without a hole nobody waits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stable = 0
        self._fence: Fence | None = None
        self._started = False

    @property
    def stable(self) -> int:
        """The stable position as it was found last."""
        return self._stable

    def advance(self, connection: psycopg.Connection) -> int:
        """Return the stable position, on a connection whose transactions are snapshots."""
        with self._lock:
            if not self._started and self._fence is None:
                self._fence = _set_fence(connection)
            if self._follow(connection) and self._fence is None:
                self._fence = _set_fence(connection)
                self._follow(connection)
            return self._stable

    def _follow(self, connection: psycopg.Connection) -> bool:
        """Move over what a snapshot shows; return whether it ends at a hole."""
        done_below = _number(connection, _HORIZON)
        fence = self._fence
        if fence is not None and done_below >= fence.xid:
            self._stable, self._fence = max(self._stable, fence.position), None
            self._started = True
        hole = False
        while self._started and not hole:
            params = {"after": self._stable, "limit": _WINDOW}
            ahead = [row[0] for row in connection.execute(_AHEAD, params)]
            whole = _without_holes(self._stable, ahead)
            self._stable += whole
            hole = whole < len(ahead)
            if len(ahead) < _WINDOW:
                break
        connection.rollback()
        return hole


def _without_holes(stable: int, ahead: list[int]) -> int:
    """Return how many positions follow the stable one at once."""
    for count, position in enumerate(ahead):
        if position != stable + count + 1:
            return count
    return len(ahead)


def _set_fence(connection: psycopg.Connection) -> Fence:
    # in this order: whoever draws later may have any id
    position = _number(connection, _DRAWN)
    xid = _number(connection, _FENCE)
    connection.rollback()
    return Fence(position, xid)


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise RuntimeError(f"no row for {query}")
    number: int = row[0]
    return number

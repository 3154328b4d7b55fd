"""Following the ordered log: every committed transition once and in order."""

from __future__ import annotations

from legato._model.errors import Resync, StoreBusy
from legato._model.ordered_log import LogPage, Page, cursor_at, position_of
from legato._store import logs, ordered_log
from legato._store.port import Store, Transaction

LIMIT = 1000
LOG_CHARACTERS = 1_000_000
"""A page of log lines that has so many ends; one that came in a larger piece has more."""


def latest(store: Store) -> str:
    """Return the cursor behind all that is stable; read lists after it, then follow from it.

    Raises StoreBusy while a server that has just begun cannot tell yet how far the log goes.
    """
    return store.read_placed(cursor_in)


def cursor_in(tx: Transaction, position: int) -> str:
    """Do as `latest` within a snapshot that has this stable position."""
    if position == 0 and ordered_log.is_begun(tx):
        raise StoreBusy(
            "A transaction that began before this process still runs, so it cannot be told yet how "
            "far the log goes; try again."
        )
    return cursor_at(position)


def read(store: Store, cursor: str, limit: int = LIMIT) -> Page:
    """Return what follows a cursor, up to the stable position.

    Raises InvalidRequest for text that is no cursor, and Resync if entries behind the cursor
    have been pruned.
    """
    after = position_of(cursor)
    return store.read_placed(lambda tx, stable: _page(tx, after, stable, limit))


def check_kept(tx: Transaction, after: int) -> None:
    """Raise Resync if entries behind a position have been pruned."""
    retained_after = ordered_log.read_retained_after(tx)
    if after < retained_after:
        raise Resync(
            f"The log is kept from position {retained_after + 1} on, the cursor stands before it: "
            "read the present state, and follow from the cursor that comes with it."
        )


def _page(tx: Transaction, after: int, stable: int, limit: int) -> Page:
    check_kept(tx, after)
    entries = ordered_log.list_between(tx, after, stable, limit + 1)
    more = len(entries) > limit
    if more:
        del entries[limit:]
        return Page(entries, cursor_at(entries[-1].position), more)
    return Page(entries, cursor_at(max(after, stable)), more)


def read_logs(store: Store, after: int, limit: int = LIMIT) -> LogPage:
    """Return the log lines that were stored behind a position, up to the stable one.

    Lines that were deleted with their runs are left out; raises Resync if old ones were pruned.
    """
    return store.read_placed(lambda tx, stable: _log_page(tx, after, stable, limit))


def _log_page(tx: Transaction, after: int, stable: int, limit: int) -> LogPage:
    check_kept(tx, after)
    found = logs.arrivals(tx, after, stable, limit)
    upto, size = after, 0
    for position, length in found:
        if position > upto and size > LOG_CHARACTERS:
            break
        upto, size = position, size + length
    else:
        if len(found) < limit:
            return LogPage(logs.arrived(tx, after, stable), max(after, stable), more=False)
    return LogPage(logs.arrived(tx, after, upto), upto, more=True)

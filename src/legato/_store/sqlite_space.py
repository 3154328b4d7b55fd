"""Space that nothing in a SQLite file fills any more, given back to the file system.

What deleted rows leave is filled again first. Where far more was deleted than comes, the file would
keep its largest size for ever. Its last pages move to where there is room, and the end is cut off;
the file itself is shorter when the log has been moved into it.
"""

from __future__ import annotations

from time import monotonic

from legato._store.port import Transaction
from legato._store.sql import Sql

HOLD_SECONDS = 0.002
"""So long one piece of this holds up those who write."""
_INCREMENTAL = 2
_ONE_PAGE = Sql("PRAGMA incremental_vacuum(1)")


def give_back(tx: Transaction, spare: float) -> int:
    """Cut free pages off, as far as one piece goes; return how many bytes that were.

    Of all pages a part of `spare` may stay free.
    """
    if _number(tx, Sql("PRAGMA auto_vacuum")) != _INCREMENTAL:  # made by another program's dump
        return 0
    pages, free = _number(tx, Sql("PRAGMA page_count")), _number(tx, Sql("PRAGMA freelist_count"))
    end, gone = monotonic() + HOLD_SECONDS, 0
    while free - gone > spare * (pages - gone) and (not gone or monotonic() < end):
        tx.execute(_ONE_PAGE)
        gone += 1
    cut = pages - _number(tx, Sql("PRAGMA page_count"))  # pages that only told of others, too
    return cut * _number(tx, Sql("PRAGMA page_size"))


def _number(tx: Transaction, pragma: Sql) -> int:
    ((found,),) = tx.select(pragma)
    return int(found)

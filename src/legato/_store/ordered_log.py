"""The ordered log, read by position out of the histories whose merge it is."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from operator import attrgetter

from legato._model.ordered_log import Entry
from legato._store import decode
from legato._store.courtesy import politely
from legato._store.decode import Row
from legato._store.port import Transaction
from legato._store.sql import Sql

PIECE_ENTRIES = 16
_BEGUN = Sql(
    "SELECT EXISTS (SELECT 1 FROM flow_run_state) OR EXISTS (SELECT 1 FROM task_run_state)"
    " OR EXISTS (SELECT 1 FROM event) OR EXISTS (SELECT 1 FROM log_arrival)"
)


def read_retained_after(tx: Transaction) -> int:
    """Return the position up to which entries may have been pruned."""
    ((after,),) = tx.rows("meta.retained_after", {})
    position: int = after
    return position


def is_begun(tx: Transaction) -> bool:
    """Tell whether anything stands in the log."""
    ((found,),) = tx.select(_BEGUN)
    return bool(found)


def retain_after(tx: Transaction, position: int) -> None:
    """Note, before entries up to `position` are pruned, that cursors before it are too old."""
    tx.run("meta.retain_after", {"position": position})


def list_between(tx: Transaction, after: int, upto: int, limit: int) -> list[Entry]:
    """Return at most `limit` entries with `after` < position <= `upto`, in order."""
    params = {"after": after, "upto": upto, "limit": limit}
    flows = map(_flow_run_entry, tx.rows("flow_run_state.list_between", params))
    tasks = map(_task_run_entry, tx.rows("task_run_state.list_between", params))
    entries = merge(flows, tasks, key=attrgetter("position"))
    return list(politely(islice(entries, limit), PIECE_ENTRIES))


def _flow_run_entry(row: Row) -> Entry:
    run_id, state = decode.uid(row[1]), decode.flow_run_state(row)
    return Entry(
        position=row[0],
        noun="flow_run",
        run_id=run_id,
        flow_run_id=run_id,
        version=row[2],
        state=state,
    )


def _task_run_entry(row: Row) -> Entry:
    return Entry(
        position=row[0],
        noun="task_run",
        run_id=decode.uid(row[1]),
        flow_run_id=decode.maybe_uid(row[-1]),
        version=row[2],
        state=decode.task_run_state(row),
    )

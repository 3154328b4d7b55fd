"""The runs that have slots of work queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from legato._model.states import StateType
from legato._model.work_slots import SlotHolder
from legato._store import decode, sql
from legato._store.decode import Row
from legato._store.port import Transaction
from legato._store.sql import Sql
from legato._store.standing import at, when
from legato._store.work_pools import HAS_SLOT

_COLUMNS: LiteralString = (
    "flow_run.work_queue_id, flow_run.id, flow_run.name, flow_run.state_type, "
    "flow_run.state_name, flow_run.start_at, flow_run.state_at"
)


def of_queues(
    tx: Transaction, now: datetime, queue_ids: Sequence[UUID], offset: int, limit: int
) -> dict[UUID, list[SlotHolder]]:
    """Return the runs of each queue that have slots, some of each, in the order of their ids."""
    if not queue_ids:
        return {}
    found, values = sql.all_of([HAS_SLOT, sql.is_in("flow_run.work_queue_id", queue_ids)])
    place: LiteralString = (
        "ROW_NUMBER() OVER (PARTITION BY flow_run.work_queue_id ORDER BY flow_run.id) AS place"
    )
    numbered: LiteralString = f"SELECT {_COLUMNS}, {place} FROM flow_run WHERE {found}"
    query: LiteralString = (
        f"SELECT * FROM ({numbered}) AS held WHERE held.place > ? AND held.place <= ? "
        "ORDER BY held.work_queue_id, held.place"
    )
    held: dict[UUID, list[SlotHolder]] = defaultdict(list)
    for row in tx.select(Sql(query, (*values, offset, offset + limit))):
        held[decode.uid(row[0])].append(_of_row(now, row))
    return held


def _of_row(now: datetime, row: Row) -> SlotHolder:
    _, id_, name, kind, called, started, entered, _ = row
    return SlotHolder(
        id=decode.uid(id_),
        name=name,
        state_type=StateType(kind),
        state_name=called,
        start_time=when(started),
        state_timestamp=at(entered),
        time_in_current_state=now - at(entered),
    )

"""Artifacts by their age; the latest of a key is never old."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from legato._store import decode, sql
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql


class Made(NamedTuple):
    """An artifact by when it was made: in this order they are looked at."""

    created_at: int
    id: UUID
    goes: bool


FIRST = Made(0, UUID(int=0), goes=False)


def _goes(before: datetime) -> Sql:
    return Sql(
        "artifact.updated_at < ? AND NOT EXISTS (SELECT 1 FROM artifact_collection "
        "WHERE artifact_collection.ws = artifact.ws AND artifact_collection.key = artifact.key "
        "AND artifact_collection.latest_id = artifact.id)",
        (micros(before),),
    )


def list_old(tx: Transaction, after: Made, before: datetime, limit: int) -> list[Made]:
    """Return artifacts that were made before a time, those behind `after`, the oldest first."""
    query = Sql("SELECT artifact.created_at, artifact.id, CASE WHEN").then(
        _goes(before),
        Sql(
            "THEN 1 ELSE 0 END FROM artifact WHERE artifact.ws = ? AND artifact.created_at < ? "
            "AND (artifact.created_at, artifact.id) > (?, ?) "
            "ORDER BY artifact.created_at, artifact.id LIMIT ?",
            (DEFAULT_WORKSPACE, micros(before), after.created_at, after.id, limit),
        ),
    )
    return [Made(at, decode.uid(id_), bool(goes)) for at, id_, goes in tx.select(query)]


def delete(tx: Transaction, ids: Sequence[UUID], before: datetime) -> int:
    """Delete those of some artifacts that are old by now; return how many."""
    if not ids:
        return 0
    old = Sql("DELETE FROM artifact WHERE").then(
        sql.is_in("artifact.id", ids), Sql("AND"), _goes(before)
    )
    return tx.execute(old)

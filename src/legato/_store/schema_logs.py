"""The table of arrivals of log lines. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

log_arrival = Table(
    "log_arrival",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    p.id_("flow_run_id"),
    p.id_("writer_id"),
    p.ws(),
    Column("day", Integer, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    **p.CLUSTERED,
)
"""Where in the ordered log lines of a run were stored: those of one writer with these numbers.

Whoever follows logs reads them by it, as the lines have no position themselves.
"""

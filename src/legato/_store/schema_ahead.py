"""Records that are safe before they are rows: see `ahead.py`. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

ahead = Table(
    "ahead",
    metadata,
    # in SQLite the number of the row itself, so that a new one touches one page
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    p.ref("writer_id", required=True),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

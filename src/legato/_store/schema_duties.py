"""What the duties of a server keep: when something is due, and counts of what is over."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

timer = Table(
    "timer",
    metadata,
    p.id_(),
    p.ws(),
    p.at("due_at", required=True),
    p.text_("kind", required=True),
    p.ref("subject", required=True),
    p.number("epoch"),
    UniqueConstraint("ws", "kind", "subject", "epoch"),
)
Index("ix_timer_due_at", timer.c.due_at)

# which spans of time ended runs were counted of (`tallies.py`), and the counts
tally = Table(
    "tally",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("noun", Text, primary_key=True),
    Column("start_at", BigInteger, primary_key=True, autoincrement=False),
    p.at("announced_at", required=True),
    Column("counted", SmallInteger, nullable=False, server_default="0"),
    **p.CLUSTERED,
)
tally_count = Table(
    "tally_count",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("noun", Text, primary_key=True),
    Column("axis", Text, primary_key=True),
    Column("start_at", BigInteger, primary_key=True, autoincrement=False),
    Column("state_type", Text, primary_key=True),
    Column("state_name", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in ("runs", "run_us", "late_us")),
    **p.CLUSTERED,
)

"""Tables of events that somebody told of; those of transitions are made when they are read.

`position` is drawn from the ordered log. `day`, of the occurrence, is part of each key, so that
PostgreSQL can keep a partition for each day.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint
from sqlalchemy.dialects import postgresql

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

# in the order of bytes, so that what begins alike is one stretch of an index
_BYTES = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

event = Table(
    "event",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    p.ws(),
    p.ref("event_id", required=True),
    Column("event", _BYTES, nullable=False),
    p.at("occurred_at", required=True),
    p.at("received_at", required=True),
    p.text_("resource_id", required=True),
    p.ref("follows"),
    *p.texts("resource", "related", "payload"),
    UniqueConstraint("ws", "event_id", "day"),
)
Index("ix_event_list", event.c.ws, event.c.occurred_at)
Index("ix_event_name", event.c.ws, event.c.event, event.c.occurred_at)

# the resource itself (its role is empty) and the related ones
event_resource = Table(
    "event_resource",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("resource_id", _BYTES, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    p.ws(),
    **p.CLUSTERED,
)
# the labels of both, so many at most of an event (`_model/event_labels.py`)
event_label = Table(
    "event_label",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("label", _BYTES, primary_key=True),
    Column("value", _BYTES, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    **p.CLUSTERED,
)
Index(
    "ix_event_resource_of_resource",
    event_resource.c.ws,
    event_resource.c.resource_id,
    event_resource.c.position,
)

"""The tables of inputs of flow runs, of settings, of saved searches. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, UniqueConstraint

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

flow_run_input = Table(
    "flow_run_input",
    metadata,
    p.id_(),
    p.ws(),
    p.ref("flow_run_id", required=True),
    p.text_("key", required=True),
    p.text_("value", required=True),
    p.text_("sender"),
    p.at("created_at", required=True),
    UniqueConstraint("flow_run_id", "key"),
)

configuration = Table(
    "configuration",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    p.text_("value", required=True),
    **p.CLUSTERED,
)

saved_search = Table(
    "saved_search",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    p.text_("filters"),
    UniqueConstraint("ws", "name"),
)

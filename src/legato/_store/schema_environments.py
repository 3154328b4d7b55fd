"""The table of environments. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import Table

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

environment = Table(
    "environment",
    metadata,
    p.id_(),
    p.text_("body", required=True),
    **p.CLUSTERED,
)

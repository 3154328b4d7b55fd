"""A stored result: small ones lie in the row, others where `location` says."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

INLINE_LIMIT = 64 * 1024
ROW_LIMIT = 1024
"""So large may a plain result be that lies in the row of its task run."""
NONE_RETURNED = UUID(int=1)
"""Stands as the result's id where a run returned None, which needs no row."""


class ResultReference(Struct, frozen=True):
    """The data of a state that was read: which stored result belongs to it."""

    result_id: UUID


class Result(Struct, kw_only=True, omit_defaults=True):
    """A stored result: `body` (serialised, at most 64 KiB) or `location`, never both."""

    id: UUID
    flow_run_id: UUID | None
    serializer: str
    size: int
    sha256: bytes
    created_at: datetime
    body: bytes | None = None
    location: str | None = None
    expires_at: datetime | None = None

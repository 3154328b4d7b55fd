"""A stored result: small ones lie in the row, others where `location` says."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

INLINE_LIMIT = 64 * 1024


class ResultCreate(Struct, kw_only=True, omit_defaults=True):
    """A result to store: `body` (serialised, at most 64 KiB) or `location`, never both."""

    id: UUID
    flow_run_id: UUID | None
    serializer: str
    size: int
    sha256: bytes
    created_at: datetime
    body: bytes | None = None
    location: str | None = None
    expires_at: datetime | None = None

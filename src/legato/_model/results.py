"""A stored result: small ones lie in the row, others where `location` says."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from msgspec import Struct

INLINE_LIMIT = 64 * 1024
SERVED_LIMIT = 8 * 1024 * 1024
"""So large may a result be that a server keeps in its database, where the writer has a server."""
UPLOAD_LIMIT = 256 * 1024 * 1024
"""So large may a result be that is uploaded to a server, in parts and before its record."""
PART_BYTES = 2 * 1024 * 1024
UPLOADED = "server:"
"""What the location of such a result begins with; the id of the upload follows."""
ROW_LIMIT = 1024
"""So large may a plain result be that lies in the row of its task run."""
NONE_RETURNED = UUID(int=1)
"""Stands as the result's id where a run returned None, which needs no row."""

UNPERSISTED = "unpersisted"
"""How Prefect's older clients say by `data.type` that a result was kept nowhere."""


class ResultReference(Struct, frozen=True):
    """The data of a state that was read: which stored result belongs to it."""

    result_id: UUID


def said(data: Any) -> Any:
    """Return what the data of a state says of a result; None: that it was kept nowhere."""
    if not isinstance(data, dict):
        return data
    told = cast("dict[str, Any]", data)
    return None if told.get("type") == UNPERSISTED else told


def is_stored(data: Any) -> bool:
    """Tell whether the data of a state says where a result is to be had."""
    return isinstance(said(data) or None, dict | ResultReference)


class Result(Struct, kw_only=True, omit_defaults=True):
    """A stored result: `body` (serialised) or `location`, never both."""

    id: UUID
    flow_run_id: UUID | None
    serializer: str
    size: int
    sha256: bytes
    created_at: datetime
    body: bytes | None = None
    location: str | None = None
    expires_at: datetime | None = None

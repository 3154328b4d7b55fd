"""Leases: what a process holds until a time, unless it renews them before."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class Lease(Struct, kw_only=True):
    """`holder` holds `subject` until `expires_at`.

    `kind` says what is held, such as "slot" or "attempt"; `subject` is the limit or the run.
    Several may hold the same: who takes one counts those that live, under a lock of his own on
    the subject's row. `epoch` fences: a renewal counts under the epoch of the taking only.
    """

    id: UUID
    kind: str
    subject: UUID
    holder: UUID
    epoch: int = 0
    expires_at: datetime

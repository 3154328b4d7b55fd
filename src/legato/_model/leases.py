"""Leases: what a process holds until a time, unless it renews them before."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

ATTEMPT = "attempt"
EXPIRED = "expired"
"""`attempt.cause` of an attempt whose lease nobody has renewed."""
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 3600.0


def span(seconds: float) -> timedelta:
    """Return how long a lease lasts that is to last so long: a second at least, an hour at most."""
    wanted = max(SHORTEST_SECONDS, seconds)  # nor if it is no number
    return timedelta(seconds=min(wanted, LONGEST_SECONDS))


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

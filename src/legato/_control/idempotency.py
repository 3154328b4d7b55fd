"""Requests that are sent again under one key: carried out once, answered the same each time.

A client that got no answer cannot know whether its request was carried out. Key and answer are
stored in the transaction of the request itself, so there is no moment between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct

from legato._model.errors import InvalidRequest, StoreBusy
from legato._store import idempotency
from legato._store.port import Transaction

KEY_MAX = 255
KEPT = timedelta(days=1)
"""A client has long given up by then."""


class Once(Struct, frozen=True):
    """A request's key, and what tells it from another request under the same key."""

    key: str
    request: bytes


class Said(Struct, frozen=True):
    """An answer, as it was sent the first time."""

    status: int
    body: str


def once(tx: Transaction, now: datetime, request: Once, work: Callable[[], Said]) -> Said:
    """Do the work, or return what it answered before.

    Raises InvalidRequest if the key stands for another request. Work that raises leaves nothing,
    so it is tried anew next time.
    """
    if len(request.key) > KEY_MAX:
        raise InvalidRequest(f"An Idempotency-Key has at most {KEY_MAX} characters.")
    hashed = sha256(request.request).digest()
    known = idempotency.find(tx, request.key, now)
    if known is None:
        said = work()
        answer = said.status, said.body
        if not idempotency.add(tx, request.key, hashed, answer, now, now + KEPT):
            raise StoreBusy  # the same request is being carried out; next time its answer is there
        return said
    request_hash, status, body = known
    if request_hash != hashed:
        raise InvalidRequest(
            f"The Idempotency-Key {request.key!r} was sent with another request; each request"
            " needs a key of its own."
        )
    return Said(status, body)

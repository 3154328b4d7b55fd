"""Ids that are given to what clients make without one: UUIDv7, ordered by time.

New rows lie beside each other in each index by id then, where random ids would touch a page each.
"""

from __future__ import annotations

import os
from datetime import datetime
from uuid import UUID

from legato._model.uuids import uuid_of
from legato._store.dialect import micros

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_TAIL = (1 << 62) - 1


def new_id(now: datetime) -> UUID:
    """Return an id of this millisecond; the rest of it is chance."""
    bits = int.from_bytes(os.urandom(10), "big")
    head = micros(now) // 1000 << 80 | _VERSION_7 | (bits >> 62 & 0xFFF) << 64
    return uuid_of(head | _VARIANT | bits & _TAIL)

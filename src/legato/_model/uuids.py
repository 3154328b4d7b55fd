"""Ids made of numbers without the checks of `UUID(...)`, which cost more than all the rest."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, SafeUUID

_blank: Callable[[type[UUID]], UUID] = object.__new__
_set_int: Callable[[UUID, int], None] = UUID.__dict__["int"].__set__
_set_safe: Callable[[UUID, SafeUUID], None] = UUID.__dict__["is_safe"].__set__
_UNKNOWN = SafeUUID.unknown


def uuid_of(number: int) -> UUID:
    """Return the id of a number below 2**128."""
    made = _blank(UUID)
    _set_int(made, number)
    _set_safe(made, _UNKNOWN)
    return made

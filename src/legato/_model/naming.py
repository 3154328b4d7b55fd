"""Which characters the names of flows, limits, work pools and work queues do without."""

from __future__ import annotations

BANNED = frozenset("/%&><")
_BANNED_SHOWN = "/ % & > <"


def fault_of_name(noun: str, name: str) -> str | None:
    """Say what is wrong with the name of a `noun` (`flow`, `limit`...), if anything."""
    if not name or set(name) & BANNED:
        return f"A {noun}'s name is not empty and has none of {_BANNED_SHOWN}, unlike {name!r}."
    return None

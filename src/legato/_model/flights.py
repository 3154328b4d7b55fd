"""Who makes a cached result, of processes that a server knows; what such processes wait for."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

FLIGHT = "flight"
"""The kind of lease that who makes a cached result holds on its key."""


class Flight(Struct, kw_only=True, omit_defaults=True):
    """How it stands with a key: the asker is to make its result, or another one does.

    Neither: the result is there.
    """

    is_ours: bool = False
    is_made: bool = False
    waits: bool = False
    """Who makes it waits for another key itself."""


class Ready(Struct, kw_only=True, omit_defaults=True):
    """For what nobody need wait any longer."""

    grants: list[UUID] = []
    cache_keys: list[str] = []

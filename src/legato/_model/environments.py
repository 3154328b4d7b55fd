"""What a process has installed, as its runs could import it."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct


class Environment(Struct, kw_only=True, frozen=True):
    """Versions of Python, of Legato and of the packages; `id` is made of all the rest."""

    id: UUID
    python: str
    legato: str
    platform: str
    packages: dict[str, str]

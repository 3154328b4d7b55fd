"""A flow: the named definition that runs are runs of."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType


class Flow(Struct, kw_only=True):
    """A flow as the store knows it; its name is unique in a workspace."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}


class FlowCreate(Struct, kw_only=True, omit_defaults=True):
    """What makes a flow; an existing one of that name is used as it is."""

    name: str
    id: UUID | None = None
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}


class FlowUpdate(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What may be changed of a flow; what is UNSET stays."""

    tags: list[str] | UnsetType = UNSET

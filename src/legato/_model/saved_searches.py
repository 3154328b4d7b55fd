"""A saved search: conditions under a name, for whoever looks at lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct


class SavedSearchFilter(Struct, kw_only=True, forbid_unknown_fields=True):
    """One condition, such as that the `state` of a flow run `equals` a value."""

    object: str
    property: str
    type: str
    operation: str
    value: Any


class SavedSearchCreate(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What makes a saved search, or replaces the one of that name."""

    name: str
    filters: list[SavedSearchFilter] = []


class SavedSearch(Struct, kw_only=True):
    """A saved search as the store knows it; its name is unique in a workspace."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    filters: list[SavedSearchFilter] = []

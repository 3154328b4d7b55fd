"""An artifact: something that a run shows to people. Those of one key are its versions."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

_KEY = re.compile(r"[a-z0-9-]+")


class Artifact(Struct, kw_only=True):
    """An artifact as the store knows it; `data` is what JSON has."""

    id: UUID
    created: datetime
    updated: datetime
    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactCollection(Struct, kw_only=True):
    """A key with the latest artifact that has it."""

    id: UUID
    created: datetime
    updated: datetime
    key: str
    latest_id: UUID
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactCreate(Struct, kw_only=True, omit_defaults=True):
    """What makes an artifact; without a key it has no versions."""

    id: UUID | None = None
    created: datetime | None = None
    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactUpdate(Struct, kw_only=True, omit_defaults=True):
    """What may be changed of an artifact; what is UNSET stays."""

    description: str | None | UnsetType = UNSET
    data: Any | UnsetType = UNSET
    metadata_: dict[str, str] | None | UnsetType = UNSET


def fault_of_key(key: str) -> str | None:
    """Say what is wrong with a key, and what keys may have."""
    if _KEY.fullmatch(key) is None:
        return (
            f"{key!r} is no key of an artifact: it has lowercase letters, digits and dashes only."
        )
    return None

"""A variable: a small named value that runs share."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

NAME_LIMIT = 255
VALUE_LIMIT = 5000
_NAME = re.compile(r"[a-z0-9_-]*")


class Variable(Struct, kw_only=True):
    """A variable as the store knows it; its name is unique in a workspace."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    value: Any = None
    tags: list[str] = []


class VariableCreate(Struct, kw_only=True, omit_defaults=True):
    """What makes a variable. The value is what JSON has, at most 5,000 characters of it."""

    name: str
    value: Any = None
    tags: list[str] | None = None


class VariableUpdate(Struct, kw_only=True, omit_defaults=True):
    """What may be changed of a variable; what is UNSET stays."""

    name: str | UnsetType = UNSET
    value: Any | UnsetType = UNSET
    tags: list[str] | None | UnsetType = UNSET


def fault_of_name(name: str) -> str | None:
    """Say what is wrong with the name of a variable, and what names may have."""
    if not name:
        return "A variable's name is not empty."
    if len(name) > NAME_LIMIT:
        return f"A variable's name has at most {NAME_LIMIT} characters, this one {len(name)}."
    if _NAME.fullmatch(name) is None:
        return (
            f"{name!r} is no name of a variable: it has lowercase letters, digits, "
            "underscores and dashes only."
        )
    return None


def fault_of_value(encoded: str) -> str | None:
    """Say what is wrong with the JSON of a value."""
    if len(encoded) > VALUE_LIMIT:
        return (
            f"A variable's value has at most {VALUE_LIMIT} characters of JSON, this one "
            f"{len(encoded)}: keep it in a file or a result, and its place in the variable."
        )
    return None

"""The one log of a database: all transitions of flow runs and task runs, in order of position.

Whoever follows it keeps a *cursor*, the text `v1.<position>` of the last entry that was seen. To
a client it is opaque.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from msgspec import Struct

from legato._model.errors import InvalidRequest, Problem
from legato._model.states import State

_VERSION = "v1."
_DIGITS = 19  # of a BIGINT
BEGINNING = "v1.0"
"""The cursor before the first entry."""


class Entry(Struct, kw_only=True):
    """One transition: run `run_id` entered `state`.

    `version` is its number within the run; None: a closed attempt reported it late, and it
    changed nothing. `flow_run_id` is None for a task run outside of flows, and for one whose
    row is gone.
    """

    position: int
    noun: Literal["flow_run", "task_run"]
    run_id: UUID
    flow_run_id: UUID | None
    version: int | None
    state: State


class Page(Struct):
    """Entries in order, and the cursor to go on from; `more`: there are further ones already."""

    entries: list[Entry]
    cursor: str
    more: bool


def cursor_at(position: int) -> str:
    """Return the cursor behind a position."""
    return f"{_VERSION}{position}"


def position_of(cursor: str) -> int:
    """Return the position that a cursor stands behind; raise InvalidRequest for other text."""
    digits = cursor.removeprefix(_VERSION)
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS
    if digits == cursor or not plain:
        message = f"{cursor!r} is no cursor; send the one of the last answer as it came"
        problem = Problem(type="value_error", loc=["cursor"], msg=message, input=cursor)
        raise InvalidRequest(f"cursor: {message}", [problem])
    return int(digits)

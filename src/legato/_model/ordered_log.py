"""The one log of a database: all transitions of flow runs and task runs, in order of position.

Whoever follows it keeps a *cursor*, the text `v1.<position>` of the last entry that was seen. To
a client it is opaque.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from msgspec import Struct

from legato._model.errors import InvalidRequest, Problem
from legato._model.filters import IdFilter, Leaf, Operator, OptionalIdFilter, StateFilter
from legato._model.logs import Log
from legato._model.states import State

_VERSION = "v1."
_DIGITS = 19  # of a BIGINT
Noun = Literal["flow_run", "task_run"]
BEGINNING = "v1.0"
"""The cursor before the first entry."""


class Entry(Struct, kw_only=True):
    """One transition: run `run_id` entered `state`.

    `version` is its number within the run; None: a closed attempt reported it late, and it
    changed nothing. `flow_run_id` is None for a task run outside of flows, and for one whose
    row is gone.
    """

    position: int
    noun: Noun
    run_id: UUID
    flow_run_id: UUID | None
    version: int | None
    state: State


class NounFilter(Leaf):
    """Conditions on what kind of run it is."""

    any_: list[Noun] | None = None


class EntryFilter(Leaf):
    """Which entries. Those of a flow run and of its task runs share `flow_run_id`."""

    noun: NounFilter | None = None
    run_id: IdFilter | None = None
    flow_run_id: OptionalIdFilter | None = None
    state: StateFilter | None = None
    operator: Operator = Operator.and_


class Page(Struct):
    """Entries in order, and the cursor to go on from; `more`: there are further ones already."""

    entries: list[Entry]
    cursor: str
    more: bool


class LogPage(Struct):
    """Log lines in the order in which they were stored, each with its position.

    All that came behind one position up to `upto` is there; `more`: there are further ones already.
    """

    lines: list[tuple[int, Log]]
    upto: int
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

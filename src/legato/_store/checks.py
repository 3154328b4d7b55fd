"""Conditions on states that stand in the schema: CHECK constraints, and what an index is of.

The constraints are made from the table of transitions.
SQLite evaluates them for every row, so they are chains of comparisons with the usual case first:
`x IN (...)` costs seven times as much there.
"""

from __future__ import annotations

from typing import LiteralString

from legato._model.states import TERMINAL, StateType

Steps = dict[StateType | None, frozenset[StateType]]
UNHAPPY = "state_type IN ('FAILED', 'CRASHED', 'CANCELLED')"
"""Ends that are rare have an index by state; a page of completed runs is soon found without."""
ENDED = "state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')"
COMMON_NAMES: tuple[LiteralString, ...] = ("Completed", "Running", "Pending", "Scheduled")
UNCOMMON = " AND ".join([f"name <> '{name}'" for name in COMMON_NAMES])
"""Transitions into other states have an index by name; one into these is soon found without."""
COMMON_TYPES: tuple[LiteralString, ...] = ("COMPLETED", "RUNNING", "PENDING", "SCHEDULED")
UNCOMMON_TYPE = " AND ".join([f"type <> '{type_}'" for type_ in COMMON_TYPES])
"""Likewise by type."""
_USUAL = (
    StateType.RUNNING,
    StateType.COMPLETED,
    StateType.PENDING,
    StateType.SCHEDULED,
    StateType.FAILED,
    StateType.CRASHED,
    StateType.CANCELLED,
    StateType.PAUSED,
    StateType.CANCELLING,
)


def _any(column: str, types: frozenset[StateType]) -> str:
    return " OR ".join(f"{column} = '{t.value}'" for t in _USUAL if t in types)


def one_of_types(column: str) -> str:
    """Return a condition that `column` names a state type or is NULL."""
    return f"{column} IS NULL OR " + _any(column, frozenset(StateType))


def legal_steps(table: Steps) -> str:
    """Return the condition of a history row.

    `from_type` is '' for the first state, as a comparison with NULL would pass any CHECK, and for
    how the transaction of a completed task run ends; `version IS NULL` marks what a closed attempt
    still reported.
    """
    steps = [
        f"from_type = '{before.value}' AND ({_any('type', table[before])})"
        for before in _USUAL
        if before in table
    ]
    first = f"from_type = '' AND ({_any('type', table[None])})"
    reopened = f"opens = 1 AND ({_any('from_type', TERMINAL)}) AND ({_any('type', table[None])})"
    anything = f"version IS NULL AND ({_any('type', frozenset(StateType))})"
    return " OR ".join(f"({part})" for part in (*steps[:2], first, *steps[2:], reopened, anything))

"""Which state may follow which within one attempt: the one table.

It makes the CHECK constraints of the history tables, the table in the documentation and the
cases of the rules test. `None` is "the run does not exist yet". A terminal state has no row: it
is left only by opening the next attempt. A task run whose transaction ends stays Completed, under
another name, and a person may mark one that failed as succeeded; these are no steps of the table,
and their history rows name no state before.
"""

from __future__ import annotations

from legato._model.states import StateType as T

COMMITTING, COMMITTED = "Committing", "Committed"
ROLLING_BACK, ROLLED_BACK = "RollingBack", "RolledBack"
OF_TRANSACTIONS = frozenset({COMMITTING, COMMITTED, ROLLING_BACK, ROLLED_BACK})
"""Names of a completed task run while its transaction ends; only durable runs have all of them."""
MARKED = "MarkedSucceeded"
"""Name of a task run of which a person said that it is done, and with which value."""
_ENDS = frozenset({T.COMPLETED, T.FAILED, T.CANCELLED, T.CRASHED})

FLOW_RUN: dict[T | None, frozenset[T]] = {
    None: frozenset({T.SCHEDULED, T.PENDING, T.RUNNING, T.PAUSED, *_ENDS}),
    T.SCHEDULED: frozenset({T.SCHEDULED, T.PENDING, T.RUNNING, T.CANCELLING, *_ENDS}),
    T.PENDING: frozenset({T.SCHEDULED, T.PENDING, T.RUNNING, T.PAUSED, T.CANCELLING, *_ENDS}),
    T.RUNNING: frozenset({T.SCHEDULED, T.RUNNING, T.PAUSED, T.CANCELLING, *_ENDS}),
    T.PAUSED: frozenset({T.SCHEDULED, T.RUNNING, T.PAUSED, T.CANCELLING, *_ENDS}),
    T.CANCELLING: frozenset({T.CANCELLING, T.CANCELLED, T.CRASHED}),
}

TASK_RUN: dict[T | None, frozenset[T]] = {
    **FLOW_RUN,
    T.PENDING: FLOW_RUN[T.PENDING],
    T.CANCELLING: frozenset({T.CANCELLING, *_ENDS}),
}


def is_legal(table: dict[T | None, frozenset[T]], before: T | None, after: T) -> bool:
    """Tell whether `after` may follow `before` within an attempt."""
    return after in table.get(before, frozenset())


def reopens(before: T | None, after: T) -> bool:
    """Tell whether the step leaves a terminal state, which takes the next attempt."""
    return before in _ENDS and after in FLOW_RUN[None]


def is_of_transaction(before: T | None, after: T, name: str) -> bool:
    """Tell whether it is said of a task run that completed how its transaction ends."""
    return name in OF_TRANSACTIONS and before is T.COMPLETED and after is T.COMPLETED


def is_beyond(before: T | None, after: T, name: str) -> bool:
    """Tell whether a task run may get that name after its end, which is no step of the table."""
    return is_of_transaction(before, after, name) or is_marked(before, after, name)


def is_marked(before: T | None, after: T, name: str) -> bool:
    """Tell whether a person says of a task run that ended without success that it is done."""
    return name == MARKED and before in _ENDS - {T.COMPLETED} and after is T.COMPLETED

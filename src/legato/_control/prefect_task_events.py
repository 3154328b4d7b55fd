"""Task runs as events of Prefect's clients tell of them: the newest state stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from legato._model.errors import InvalidRequest
from legato._model.task_events import TaskEvent
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns

_NOBODY = UUID(int=0)


def record(tx: Transaction, now: datetime, events: Sequence[TaskEvent]) -> dict[UUID, str]:
    """Take events in their order; return what is wrong with those that could not be taken.

    They are named by the ids of their states, which are those of the events.

    An event that comes a second time changes nothing, one that is older than the state that the
    run is in goes to its history only.
    """
    history = History(tx, keeps_data=True)
    tasks = TaskRuns(tx, history, _NOBODY)
    tasks.load({event.run.id for event in events})
    known = tasks.known_states()
    problems: dict[UUID, str] = {}
    for event in events:
        if event.run.state.id in known:
            continue
        known.add(event.run.state.id)
        try:
            tasks.tell(event.run, event.progress)
        except (ValueError, TypeError, OverflowError, InvalidRequest) as error:
            problems[event.run.state.id] = f"task run {event.run.id}: {error}"
    tasks.flush()
    history.flush(tx)
    return problems

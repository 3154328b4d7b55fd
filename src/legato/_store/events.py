"""Events out of the database."""

from __future__ import annotations

from collections.abc import Sequence

from legato._model.events import Placed
from legato._model.ordered_log import Entry
from legato._store import ordered_log, state_events
from legato._store.port import Transaction


def of_entries(tx: Transaction, entries: Sequence[Entry]) -> list[Placed]:
    """Return the events of transitions, in the order of the log.

    What a closed attempt reported late is no event, nor what belongs to a run that is gone.
    """
    flows = [entry.position for entry in entries if entry.noun == "flow_run"]
    tasks = [entry.position for entry in entries if entry.noun == "task_run"]
    return sorted(Placed(*found) for found in state_events.at(tx, flows, tasks))


def list_between(tx: Transaction, after: int, upto: int, limit: int) -> list[Placed]:
    """Return the events of at most `limit` places with `after` < position <= `upto`, in order."""
    return of_entries(tx, ordered_log.list_between(tx, after, upto, limit))

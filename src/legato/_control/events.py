"""Events: kept, listed and counted.

What Prefect's clients tell of task runs is not kept as events, it becomes the history of those
runs, from which the same events are made when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from legato._control import prefect_task_events
from legato._model import event_limits, task_events
from legato._model.errors import InvalidRequest
from legato._model.event_filters import EventFilter, frozen
from legato._model.event_pages import PageToken, decoded, encoded
from legato._model.events import Event, EventCreate
from legato._model.operations.events import (
    PAGE,
    CreateEvents,
    EventPage,
    FilterEvents,
    FilterEventsNext,
)
from legato._model.task_events import TaskEvent
from legato._store import events
from legato._store.port import Transaction

LOOKED_AT = 2_000
"""How many events one page looks at; the next page goes on behind them."""


class Told(NamedTuple):
    """An event, and what it says of a task run whose client decides about it."""

    event: EventCreate
    task: TaskEvent | None


def told(event: EventCreate) -> Told:
    """Return what an event says; raise InvalidRequest for one that cannot be kept."""
    event = event_limits.checked(event)
    return Told(event, task_events.parsed(event) if task_events.is_task_event(event) else None)


def create(tx: Transaction, now: datetime, request: CreateEvents) -> None:
    """Take events; of a list with one that cannot be kept, none is."""
    record(tx, now, [told(event) for event in request.events])


def record(tx: Transaction, now: datetime, several: Sequence[Told]) -> list[str]:
    """Take events in their order; return what is wrong with those that are not recorded.

    One that tells of a state which its task run cannot be in is kept as an event.
    """
    tasks = {one.event.id: one.task for one in several if one.task is not None}
    refused = prefect_task_events.record(tx, now, list(tasks.values())) if tasks else {}
    others = [one.event for one in several if one.task is None or one.event.id in refused]
    events.record(tx, now, others)
    return list(refused.values())


def filter(tx: Transaction, now: datetime, request: FilterEvents) -> EventPage:  # noqa: A001
    """List events."""
    if not 0 <= request.limit <= PAGE:
        raise InvalidRequest(
            f"limit: A page of events has 0 to {PAGE} of them, not {request.limit}."
        )
    given = frozen(request.filter or EventFilter(), now)
    return _page(tx, PageToken(filter=given, limit=request.limit))


def filter_next(tx: Transaction, now: datetime, request: FilterEventsNext) -> EventPage:
    """List what follows a page of events."""
    return _page(tx, decoded(request.page_token))


def _page(tx: Transaction, asked: PageToken) -> EventPage:
    from legato._store.queries import events as queries

    given, total = asked.filter, asked.total
    query = queries.EventQuery(tx, given)
    if total is None:
        total = query.total()
    last = None if asked.after is None else queries.Key(*asked.after)
    chunk = queries.CHUNK if queries.looks_at(given) else asked.limit + 1
    found: list[Event] = []
    more = False
    for looked, (key, _, event) in enumerate(query.picked(last, chunk)):
        more = looked == LOOKED_AT or (event is not None and len(found) == asked.limit)
        if more:
            break
        last = key
        if event is not None:
            found.append(event)
    following = PageToken(filter=given, limit=asked.limit, after=last, total=total)
    next_page = encoded(following) if more and asked.limit else None
    return EventPage(events=found, total=total, next_page=next_page)

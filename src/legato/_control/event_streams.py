"""Events for who follows them: those of the recent past first, then as they come."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct, structs

from legato._control.ordered_log import check_kept, latest
from legato._model.event_filters import (
    EventFilter,
    EventOccurredFilter,
    EventOrder,
    includes,
    span,
    zoned,
)
from legato._model.events import Event, Placed
from legato._model.operations.events import EventsFollowed, FollowEvents
from legato._model.ordered_log import cursor_at, position_of
from legato._store import events
from legato._store.port import Store, Transaction
from legato._store.queries import events as queries

BACK = timedelta(minutes=15)
"""So far back the recent past goes."""
LOOKED_AT = 2_000
PAGE = 250


class EventSpan(Struct):
    """Events in the order of the log, up to a position; `more`: there are further ones already."""

    placed: list[Placed]
    upto: int
    more: bool


class Recent(Struct):
    """Events in the order of their times; `key` says where the next ones are, None: nowhere."""

    events: list[Event]
    key: queries.Key | None


def read(store: Store, after: int, limit: int) -> EventSpan:
    """Return the events behind a position, up to the stable one.

    Raises Resync if entries behind the position have been pruned.
    """

    def look(tx: Transaction, stable: int) -> EventSpan:
        check_kept(tx, after)
        if stable <= after:
            return EventSpan([], after, more=False)
        found = events.list_between(tx, after, stable, limit)
        return EventSpan(found.placed, found.reached, more=found.reached < stable)

    return store.read_placed(look)


def follow(store: Store, now: datetime, request: FollowEvents) -> EventsFollowed:
    """List the events behind a cursor, up to the stable position.

    Raises InvalidRequest for text that is no cursor, Resync for one too far back, and StoreBusy
    without a cursor while it cannot be told yet how far the log goes.
    """
    if request.cursor is None:
        return EventsFollowed(events=[], cursor=latest(store))
    given = zoned(request.filter or EventFilter())
    found = read(store, position_of(request.cursor), PAGE)
    events_ = [placed.event for placed in found.placed if includes(given, placed.event)]
    return EventsFollowed(events=events_, cursor=cursor_at(found.upto), more=found.more)


def recently(given: EventFilter, now: datetime) -> EventFilter:
    """Return the filter of those events that occurred not long ago, in the order of their times."""
    since, until = span(given, now)
    occurred = EventOccurredFilter(since=max(since, now - BACK), until=until)
    return structs.replace(given, occurred=occurred, order=EventOrder.ASC)


def recent(tx: Transaction, given: EventFilter, upto: int, key: queries.Key | None) -> Recent:
    """Return events that a filter picks, of those up to a position; only those behind a key."""
    found: list[Event] = []
    for looked, one in enumerate(queries.EventQuery(tx, given).picked(key), 1):
        key = one.key
        if one.event is not None and key.position <= upto:
            found.append(one.event)
        if len(found) == PAGE or looked == LOOKED_AT:
            return Recent(found, key)
    return Recent(found, None)

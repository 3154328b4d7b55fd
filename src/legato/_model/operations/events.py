"""Operations on events."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import ClassVar

from msgspec import Struct, field

from legato._model.event_filters import EventFilter
from legato._model.events import Event, EventCreate
from legato._model.operations.spec import Operation, Spec

PAGE = 50
"""How many events one answer has at most."""


class EventPage(Struct, kw_only=True):
    """Events; `total` is counted up to 10,000, `next_page` is where more are, or None."""

    events: list[Event]
    total: int
    next_page: str | None = None


class Countable(str, Enum):
    """What events are counted by."""

    day = "day"
    time = "time"
    event = "event"
    resource = "resource"


class TimeUnit(str, Enum):
    """How long an interval is."""

    week = "week"
    day = "day"
    hour = "hour"
    minute = "minute"
    second = "second"


class EventCount(Struct, kw_only=True):
    """How many events there are of a name or a resource, or in an interval."""

    value: str
    label: str
    count: int
    start_time: datetime
    end_time: datetime


class CreateEvents(Operation):
    """Keep events, each id once; what they tell of task runs becomes those runs' history."""

    spec: ClassVar = Spec(
        id="events.create",
        method="POST",
        path="/events",
        access="write",
        repeatable=True,
        answer=None,
        status=204,
        body="events",
    )
    events: list[EventCreate]


class EventsFollowed(Struct, kw_only=True):
    """Events that a filter picks, in the order in which they came; `cursor`: up to where.

    `more`: there are further ones already.
    """

    events: list[Event]
    cursor: str
    more: bool = False


class FollowEvents(Operation):
    """List the events that came behind a cursor; without one there are none, but a cursor."""

    spec: ClassVar = Spec(
        id="events.follow",
        method="POST",
        path="/events/follow",
        access="read",
        answer=EventsFollowed,
    )
    cursor: str | None = None
    filter: EventFilter | None = None


class FilterEvents(Operation):
    """List events by the time at which they occurred, the newest first."""

    spec: ClassVar = Spec(
        id="events.filter",
        method="POST",
        path="/events/filter",
        access="read",
        answer=EventPage,
    )
    filter: EventFilter | None = None
    limit: int = PAGE


class FilterEventsNext(Operation):
    """List what follows a page of events."""

    spec: ClassVar = Spec(
        id="events.filter_next",
        method="GET",
        path="/events/filter/next",
        access="read",
        answer=EventPage,
    )
    page_token: str = field(name="page-token")


class CountEvents(Operation):
    """Count events by name or by resource, or in each interval of a span of time."""

    spec: ClassVar = Spec(
        id="events.count_by",
        method="POST",
        path="/events/count-by/{countable}",
        access="read",
        answer=list[EventCount],
    )
    countable: Countable
    filter: EventFilter
    time_unit: TimeUnit = TimeUnit.day
    time_interval: float = 1.0

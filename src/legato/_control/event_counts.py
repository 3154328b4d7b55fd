"""Events counted by name, by resource, or over time."""

from __future__ import annotations

from datetime import datetime, timedelta

from legato._model.errors import InvalidRequest
from legato._model.event_filters import EventFilter, frozen, span
from legato._model.operations.events import Countable, CountEvents, EventCount, TimeUnit
from legato._store.dialect import EPOCH, MICROSECOND, micros
from legato._store.port import Transaction
from legato._store.queries import event_counts as counts
from legato._store.queries.event_counts import GROUPS_MAX, Group, Spans
from legato._store.standing import at

INTERVALS_MAX = 1_000
_MONDAY = micros(EPOCH + timedelta(days=4))
"""The first of January 1970's Mondays: from here on time is divided into intervals."""
_LENGTHS = {
    TimeUnit.week: timedelta(weeks=1),
    TimeUnit.day: timedelta(days=1),
    TimeUnit.hour: timedelta(hours=1),
    TimeUnit.minute: timedelta(minutes=1),
    TimeUnit.second: timedelta(seconds=1),
}


def count_by(tx: Transaction, now: datetime, request: CountEvents) -> list[EventCount]:
    """Count events; each interval is told, of names and resources those with the most events."""
    given = frozen(request.filter, now)
    if request.countable in {Countable.day, Countable.time}:
        since, until = span(given, now)
        return _over_time(tx, given, _length(request), (since, min(until, now)))
    return _by_value(tx, given, request.countable.value)


def _length(request: CountEvents) -> timedelta:
    """Return how long an interval is."""
    if request.countable is Countable.day:
        return timedelta(days=1)
    times = request.time_interval
    if not 0.01 <= times <= 1e5:
        raise InvalidRequest(f"time_interval: An interval is 0.01 to 1e5 units, not {times}.")
    return _LENGTHS[request.time_unit] * times


def _over_time(
    tx: Transaction, given: EventFilter, each: timedelta, when: tuple[datetime, datetime]
) -> list[EventCount]:
    """Count the events in every interval that lies within a span of time, or partly does."""
    length = each // MICROSECOND
    first, last = (max(0, micros(end) - _MONDAY) // length for end in when)
    if last - first >= INTERVALS_MAX:
        raise InvalidRequest(
            f"time_interval: It would make {last - first + 1} intervals of this span of time, "
            f"and at most {INTERVALS_MAX} are counted: make it longer, or the span shorter."
        )
    spans = Spans(_MONDAY + first * length, length)
    found = {group.value: group for group in counts.grouped(tx, given, counts.TIME, spans)}
    return [_interval(first, number, spans, found) for number in range(last - first + 1)]


def _interval(first: int, number: int, spans: Spans, found: dict[int, Group]) -> EventCount:
    start = spans.start + number * spans.length
    return EventCount(
        value=str(first + number),
        label=at(start).isoformat(),
        count=found[number].events if number in found else 0,
        start_time=at(start),
        end_time=at(start + spans.length - 1),
    )


def _by_value(tx: Transaction, given: EventFilter, by: str) -> list[EventCount]:
    """Count the events of each name, or of each resource."""
    groups = counts.grouped(tx, given, by, Spans(0, 1))
    groups = sorted(groups, key=lambda group: -group.events)[:GROUPS_MAX]
    named = counts.names(tx, groups) if by == counts.RESOURCE else {}
    found = [
        EventCount(
            value=str(group.value),
            label=named.get(str(group.value)) or str(group.value),
            count=group.events,
            start_time=at(group.start),
            end_time=at(group.end),
        )
        for group in groups
    ]
    return sorted(found, key=lambda one: (-one.count, one.label))

"""Counts of events: by name, by resource, over time."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, LiteralString, NamedTuple

from legato._model.event_filters import EventFilter
from legato._model.events import RESOURCE_ID, RESOURCE_NAME, Event
from legato._store import events
from legato._store.decode import uid
from legato._store.port import Transaction
from legato._store.queries.event_sources import SOURCES, Source
from legato._store.queries.events import EventQuery, looks_at
from legato._store.sql import Sql

GROUPS_MAX = 1_000
"""How many names or resources are told: those with the most events."""
EVENT, RESOURCE, TIME = "event", "resource", "time"


class Spans(NamedTuple):
    """Intervals, in microseconds: when the first one begins, how long each is."""

    start: int
    length: int


class Group(NamedTuple):
    """Events that count together: how many, the first and the last time, where the last one is."""

    value: Any
    events: int
    start: int
    end: int
    source: int
    position: int


def grouped(tx: Transaction, given: EventFilter, by: str, spans: Spans) -> list[Group]:
    """Count events by EVENT, by RESOURCE, or by TIME: the number of the interval."""
    if looks_at(given):
        return _joined(_one_by_one(tx, given, by, spans))
    return _joined(_of_sources(tx, given, by, spans))


def names(tx: Transaction, groups: Iterable[Group]) -> dict[str, str]:
    """Return how the resources of groups were last called."""
    places: list[list[int]] = [[] for _ in SOURCES]
    for group in groups:
        places[group.source].append(group.position)
    found = [event.resource for event in events.at(tx, *places).values()]
    return {one[RESOURCE_ID]: one.get(RESOURCE_NAME, one[RESOURCE_ID]) for one in found}


def _of_sources(tx: Transaction, given: EventFilter, by: str, spans: Spans) -> Iterable[Group]:
    for number, source, picked in EventQuery(tx, given).sources:
        at, place = source.at, source.position
        text, values = _value(source, by, spans)
        columns: LiteralString = f"{text}, count(*), min({at}), max({at}), max({place})"
        head = Sql(f"SELECT {columns} FROM {source.rows} WHERE", values)
        order = Sql("GROUP BY 1 ORDER BY 2 DESC LIMIT ?", (GROUPS_MAX,))
        for value, count, start, end, last in tx.select(head.then(picked, order)):
            yield Group(_named(source, by, value), count, start, end, number, last)


def _value(source: Source, by: str, spans: Spans) -> tuple[LiteralString, tuple[int, ...]]:
    if by == TIME:
        return f"({source.at} - ?) / ?", tuple(spans)
    return (source.event if by == EVENT else source.resource), ()


def _named(source: Source, by: str, value: Any) -> Any:
    if by == TIME:
        return int(value)
    if by == EVENT or not source.kind:
        return source.kind + value
    return f"{source.kind}{uid(value)}"


def _one_by_one(tx: Transaction, given: EventFilter, by: str, spans: Spans) -> Iterable[Group]:
    for (at, position), source, event in EventQuery(tx, given).picked(None):
        if event is not None:
            yield Group(_value_of(event, by, at, spans), 1, at, at, source, position)


def _value_of(event: Event, by: str, at: int, spans: Spans) -> Any:
    if by == TIME:
        return (at - spans.start) // spans.length
    return event.event if by == EVENT else event.resource[RESOURCE_ID]


def _joined(groups: Iterable[Group]) -> list[Group]:
    """Join the groups of one value."""
    found: dict[Hashable, Group] = {}
    for group in groups:
        known = found.get(group.value, group)
        found[group.value] = group if known is group else _both(known, group)
    return list(found.values())


def _both(one: Group, other: Group) -> Group:
    last = max(one, other, key=lambda group: group.end)
    return last._replace(events=one.events + other.events, start=min(one.start, other.start))

"""Which events a filter picks, in the order of their times, and how many they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import LiteralString, NamedTuple

from legato._model.event_filters import (
    EventFilter,
    EventOrder,
    any_resource_filters,
    includes,
    related_filters,
)
from legato._model.events import RESOURCE_ID, Event
from legato._store import events, sql
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.queries.event_sources import SOURCES, Source
from legato._store.sql import Sql

CHUNK = 250
TOTAL_MAX = 10_000
"""How far a total is counted."""


class Key(NamedTuple):
    """Where an event stands in the order of a list."""

    at: int
    position: int


class Found(NamedTuple):
    """An event, or None for one that turned out not to fit; the number of its source."""

    key: Key
    source: int
    event: Event | None


def looks_at(given: EventFilter) -> bool:
    """Tell whether a filter asks for what no column holds, so that events are looked at."""
    own = [] if given.resource is None else [given.resource.labels]
    labels = [
        *own,
        *(one.labels for one in related_filters(given)),
        *(one.labels for one in any_resource_filters(given)),
    ]
    return any(labels) or given.text is not None or distinct(given)


def distinct(given: EventFilter) -> bool:
    """Tell whether one event of each resource is asked for."""
    return given.resource is not None and given.resource.distinct


def picked(
    tx: Transaction, given: EventFilter, after: Key | None, chunk: int = CHUNK
) -> Iterator[Found]:
    """Go through the events behind a key in order."""
    seen: set[str] = set()
    # whether an event is the first one of its resource, those before it tell
    place = None if distinct(given) else after
    while True:
        keys = _keys(tx, given, place, chunk)
        places = [[key.position for key, of in keys if of == n] for n in range(len(SOURCES))]
        found = events.at(tx, *places)
        for key, source in keys:
            event = found.get(key.position)
            fits = event is not None and _fits(given, event, seen)
            if after is None or (key < after if given.order is EventOrder.DESC else key > after):
                yield Found(key, source, event if fits else None)
        if len(keys) < chunk:
            return
        place = keys[-1][0]


def _fits(given: EventFilter, event: Event, seen: set[str]) -> bool:
    if not includes(given, event):
        return False
    resource = event.resource[RESOURCE_ID]
    if distinct(given):
        if resource in seen:
            return False
        seen.add(resource)
    return True


def _keys(
    tx: Transaction, given: EventFilter, after: Key | None, limit: int
) -> list[tuple[Key, int]]:
    """Return the first keys behind one, each with the number of its source."""
    lists = [
        [(Key(*row), number) for row in tx.select(_ordered(source, given, after, limit))]
        for number, source in enumerate(SOURCES)
    ]
    return list(islice(merge(*lists, reverse=given.order is EventOrder.DESC), limit))


def _ordered(source: Source, given: EventFilter, after: Key | None, limit: int) -> Sql:
    at, place = source.at, source.position
    backwards = given.order is EventOrder.DESC
    direction: LiteralString = "DESC" if backwards else "ASC"
    sign: LiteralString = "<" if backwards else ">"
    behind = [] if after is None else [Sql(f"({at}, {place}) {sign} (?, ?)", tuple(after))]
    return selected(f"{at}, {place}", source, given, behind).then(
        Sql(f"ORDER BY {at} {direction}, {place} {direction} LIMIT ?", (limit,))
    )


def selected(
    columns: LiteralString, source: Source, given: EventFilter, more: Sequence[Sql] = ()
) -> Sql:
    """The rows of a source that a filter picks."""
    conditions = [Sql(f"{source.alias}.ws = ?", (DEFAULT_WORKSPACE,))]
    when = given.occurred
    if when is not None and when.since is not None:
        conditions.append(Sql(f"{source.at} >= ?", (micros(when.since),)))
    if when is not None and when.until is not None:
        conditions.append(Sql(f"{source.at} <= ?", (micros(when.until),)))
    conditions += [*source.conditions(given), *more]
    return Sql(f"SELECT {columns} FROM {source.rows} WHERE").then(sql.all_of(conditions))


def total(tx: Transaction, given: EventFilter) -> int:
    """Count events, up to TOTAL_MAX; those that must be looked at, as far as one CHUNK."""
    if looks_at(given):
        looked = islice(picked(tx, given, None), CHUNK)
        return sum(found.event is not None for found in looked)
    count = 0
    for source in SOURCES:
        text, values = selected("1", source, given)
        limited = Sql(f"SELECT count(*) FROM ({text} LIMIT ?) AS found", (*values, TOTAL_MAX))
        count += tx.select(limited)[0][0]
    return min(count, TOTAL_MAX)

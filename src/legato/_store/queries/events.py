"""Which events a filter picks, in the order of their times, and how many they are."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import LiteralString, NamedTuple

from legato._model.event_filters import (
    EventFilter,
    EventNameFilter,
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
FEW = 20_000
"""Of at most so many with a resource the ids are found first; of more, each is looked at."""
COUNTED_AMONG = 50_000
"""How many events are looked through for a total, where no index leads to those that are asked."""
_NUMBERED = tuple(enumerate(SOURCES))


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


class EventQuery:
    """The events that a filter picks, in one transaction."""

    def __init__(self, tx: Transaction, given: EventFilter) -> None:
        self._tx, self._given = tx, given
        self._backwards = given.order is EventOrder.DESC
        self._few: dict[Sql, bool] = {}
        asked = [
            (number, source, source.conditions(given, self._is_few)) for number, source in _NUMBERED
        ]
        self.sources = [
            (number, source, sql.all_of([*_when(source, given), *conditions]))
            for number, source, conditions in asked
            if sql.NEVER not in conditions
        ]
        """Those that may have some: number, source, conditions."""

    def _is_few(self, query: Sql) -> bool:
        if query not in self._few:
            self._few[query] = _count(self._tx, query, FEW + 1) <= FEW
        return self._few[query]

    def picked(self, after: Key | None, chunk: int = CHUNK) -> Iterator[Found]:
        """Go through the events behind a key in order."""
        looks, seen = looks_at(self._given), set[str]()
        # whether an event is the first one of its resource, those before it tell
        place = None if distinct(self._given) else after
        while True:
            keys = self._keys(place, chunk)
            places = [[key.position for key, of in keys if of == n] for n, _ in _NUMBERED]
            found = events.at(self._tx, *places)
            for key, source in keys:
                event = found.get(key.position)
                fits = event is not None and (not looks or _fits(self._given, event, seen))
                if after is None or (key < after if self._backwards else key > after):
                    yield Found(key, source, event if fits else None)
            if len(keys) < chunk:
                return
            place = keys[-1][0]

    def _keys(self, after: Key | None, limit: int) -> list[tuple[Key, int]]:
        """Return the first keys behind one, each with the number of its source."""
        lists = [
            [
                (Key(*row), number)
                for row in self._tx.select(self._ordered(source, picked, after, limit))
            ]
            for number, source, picked in self.sources
        ]
        return list(islice(merge(*lists, reverse=self._backwards), limit))

    def _ordered(self, source: Source, picked: Sql, after: Key | None, limit: int) -> Sql:
        at, place = source.at, source.position
        direction: LiteralString = "DESC" if self._backwards else "ASC"
        sign: LiteralString = "<" if self._backwards else ">"
        behind = [] if after is None else [Sql(f"AND ({at}, {place}) {sign} (?, ?)", tuple(after))]
        order = Sql(f"ORDER BY {at} {direction}, {place} {direction} LIMIT ?", (limit,))
        head = Sql(f"SELECT {at}, {place} FROM {source.rows} WHERE")
        return head.then(picked, *behind, order)

    def total(self) -> int:
        """Count events, up to TOTAL_MAX; those that must be looked at, as far as one CHUNK."""
        if looks_at(self._given):
            looked = islice(self.picked(None), CHUNK)
            return sum(found.event is not None for found in looked)
        found = sum(self._total_of(source, picked) for _, source, picked in self.sources)
        return min(found, TOTAL_MAX)

    def _total_of(self, source: Source, picked: Sql) -> int:
        rows = Sql(source.rows)
        if self._is_wide():
            direction: LiteralString = "DESC" if self._backwards else "ASC"
            text, values = sql.all_of(_when(source, self._given))
            newest: LiteralString = (
                f"(SELECT {source.alias}.* FROM {source.rows} WHERE {text} "
                f"ORDER BY {source.at} {direction} LIMIT ?) AS {source.alias}"
            )
            rows = Sql(newest, (*values, COUNTED_AMONG))
        return _count(self._tx, Sql("SELECT 1 FROM").then(rows, Sql("WHERE"), picked), TOTAL_MAX)

    def _is_wide(self) -> bool:
        """Tell whether no index leads to what is asked for, so that all has to be gone through."""
        given = self._given
        ids = [] if given.id is None else given.id.id
        own = [] if given.resource is None else given.resource.id
        if ids or own or any(self._few.values()):
            return False
        name = given.event or EventNameFilter()
        parts = name.prefix or name.exclude_prefix or name.exclude_name
        return bool(parts or self._few or related_filters(given) or any_resource_filters(given))


def _when(source: Source, given: EventFilter) -> list[Sql]:
    """Conditions on the workspace and the time."""
    found = [Sql(f"{source.alias}.ws = ?", (DEFAULT_WORKSPACE,))]
    when = given.occurred
    if when is not None and when.since is not None:
        found.append(Sql(f"{source.at} >= ?", (micros(when.since),)))
    if when is not None and when.until is not None:
        found.append(Sql(f"{source.at} <= ?", (micros(when.until),)))
    return found


def _count(tx: Transaction, query: Sql, limit: int) -> int:
    """Count the rows of a query, no further than a limit."""
    text = Sql(f"SELECT count(*) FROM ({query.text} LIMIT ?) AS found", (*query.values, limit))
    return int(tx.select(text)[0][0])


def _fits(given: EventFilter, event: Event, seen: set[str]) -> bool:
    if not includes(given, event):
        return False
    resource = event.resource[RESOURCE_ID]
    if distinct(given):
        if resource in seen:
            return False
        seen.add(resource)
    return True

"""Events in the database: those that somebody told of, and beside them those of transitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, LiteralString, NamedTuple

import msgspec

from legato._model import event_labels
from legato._model.events import RESOURCE_ID, ROLE, Event, EventCreate, Placed, Resource
from legato._model.ordered_log import Entry
from legato._store import encode, event_columns, ordered_log, sql, state_events
from legato._store.decode import Row, maybe_uid, uid
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql
from legato._store.standing import at as time_at

MICROS_A_DAY = 86_400_000_000
_PICKED: LiteralString = sql.listed("event", event_columns.EVENT)
_resource = msgspec.json.Decoder(Resource)
_related = msgspec.json.Decoder(list[Resource])
_payload = msgspec.json.Decoder(dict[str, Any])


class Span(NamedTuple):
    """Events in the order of the log; all up to position `reached` are among them."""

    placed: list[Placed]
    reached: int


def record(tx: Transaction, now: datetime, events: Iterable[EventCreate]) -> int:
    """Keep events, each id once; return how many were new.

    Raises InvalidRequest or ValueError for one that cannot be stored, before anything is written.
    """
    given = {event.id: event for event in reversed(list(events))}
    known = {uid(row[0]) for row in tx.rows_in("event.known", list(given))}
    new = [event for id_, event in reversed(given.items()) if id_ not in known]
    rows = [_row(tx, now, event) for event in new]
    if not rows:
        return 0
    resources: list[Sequence[Any]] = []
    labels: list[Sequence[Any]] = []
    for place, event, row in zip(tx.positions(len(rows)), new, rows, strict=True):
        row[0] = place
        resources += _resources(place, row[1], event)
        labels += _labels(place, row[1], event)
    tx.run_many("event.create", rows)
    tx.run_many("event_resource.create", resources)
    if labels:
        tx.run_many("event_label.create", labels)
    return len(rows)


def _row(tx: Transaction, now: datetime, event: EventCreate) -> list[Any]:
    occurred = micros(event.occurred)
    return [
        0, occurred // MICROS_A_DAY, DEFAULT_WORKSPACE, tx.uid(event.id), encode.text(event.event),
        occurred, micros(now), encode.text(event.resource[RESOURCE_ID]),
        tx.null if event.follows is None else tx.uid(event.follows),
        encode.bare(event.resource), encode.bare(event.related),
        encode.json(event.payload, "payload"),
    ]  # fmt: skip


def _resources(place: int, day: int, event: EventCreate) -> Iterable[Sequence[Any]]:
    found = {(event.resource[RESOURCE_ID], "")}
    found |= {(other[RESOURCE_ID], other[ROLE]) for other in event.related}
    for resource_id, role in sorted(found):
        yield place, encode.text(resource_id), encode.text(role), day, DEFAULT_WORKSPACE


def _labels(place: int, day: int, event: EventCreate) -> Iterable[Sequence[Any]]:
    for label, value in event_labels.pairs([event.resource, *event.related]):
        yield DEFAULT_WORKSPACE, encode.text(label), encode.text(value), place, day


def told_at(tx: Transaction, places: Sequence[int]) -> list[Placed]:
    """Return the events at these positions that somebody told of."""
    found: list[Placed] = []
    for start in range(0, len(places), state_events.CHUNK):
        those = sql.is_in("event.position", places[start : start + state_events.CHUNK])
        query = Sql(f"SELECT {_PICKED} FROM event WHERE").then(those)
        found += (_placed(row) for row in tx.select(query))
    return found


def of_entries(tx: Transaction, entries: Sequence[Entry]) -> list[Placed]:
    """Return the events of transitions, in the order of the log.

    What a closed attempt reported late is no event, nor what belongs to a run that is gone.
    """
    flows = [entry.position for entry in entries if entry.noun == "flow_run"]
    tasks = [entry.position for entry in entries if entry.noun == "task_run"]
    return sorted(_states_at(tx, flows, tasks), key=lambda placed: placed.position)


def at(
    tx: Transaction, told: Sequence[int], flow_runs: Sequence[int], task_runs: Sequence[int]
) -> dict[int, Event]:
    """Return events by their positions in the three tables that they lie in or are made of."""
    return dict([*told_at(tx, told), *_states_at(tx, flow_runs, task_runs)])


def _states_at(tx: Transaction, flows: Sequence[int], tasks: Sequence[int]) -> list[Placed]:
    return [Placed(*found) for found in state_events.at(tx, flows, tasks)]


def list_between(tx: Transaction, after: int, upto: int, limit: int) -> Span:
    """Return the events with `after` < position <= `upto`, about `limit` of them at most.

    `reached` is less than `upto` if there may be more.
    """
    entries = ordered_log.list_between(tx, after, upto, limit)
    params = {"after": after, "upto": upto, "limit": limit}
    told = [_placed(row) for row in tx.rows("event.list_between", params)]
    reached = upto
    if len(entries) == limit:
        reached = entries[-1].position
    if len(told) == limit:
        reached = min(reached, told[-1].position)
    events = [
        *(placed for placed in told if placed.position <= reached),
        *of_entries(tx, [entry for entry in entries if entry.position <= reached]),
    ]
    return Span(sorted(events, key=lambda placed: placed.position), reached)


def prune(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete events that came before a time, the oldest first, at most `limit`; return how many.

    They go in the order of the log, so that whoever follows it from further back is told so.
    """
    oldest = Sql(
        "SELECT event.position, event.received_at, event.resource, event.related FROM event "
        "ORDER BY event.position LIMIT ?",
        (limit,),
    )
    end = micros(before)
    old = list(takewhile(lambda row: row[1] < end, tx.select(oldest)))
    if not old:
        return 0
    gone = [row[0] for row in old]
    ordered_log.retain_after(tx, gone[-1])
    _forget_labels(tx, old)
    for table in ("event_resource", "event"):
        upto = Sql(f"DELETE FROM {table} WHERE {table}.position <= ?", (gone[-1],))
        tx.execute(upto)
    return len(gone)


def _forget_labels(tx: Transaction, old: Sequence[Row]) -> None:
    """Delete the labels of the oldest events there are."""
    pairs = {
        pair
        for _, _, resource, related in old
        for pair in event_labels.pairs([_resource.decode(resource), *_related.decode(related)])
    }
    for pair in sorted(pairs):
        tx.execute(
            Sql(
                "DELETE FROM event_label WHERE event_label.ws = ? AND event_label.label = ? "
                "AND event_label.value = ? AND event_label.position <= ?",
                (DEFAULT_WORKSPACE, *map(encode.text, pair), old[-1][0]),
            )
        )


def count_before(tx: Transaction, after: int, before: datetime, limit: int) -> tuple[int, int]:
    """Count what `prune` would delete behind a position, at most `limit`; return the last, too."""
    oldest = Sql(
        "SELECT event.position, event.received_at FROM event WHERE event.position > ? "
        "ORDER BY event.position LIMIT ?",
        (after, limit),
    )
    end = micros(before)
    old = [row[0] for row in takewhile(lambda row: row[1] < end, tx.select(oldest))]
    return len(old), old[-1] if old else after


def _placed(row: Row) -> Placed:
    position, event_id, event, occurred, received, follows, resource, related, payload = row
    found = Event(
        id=uid(event_id),
        occurred=time_at(occurred),
        event=event,
        resource=_resource.decode(resource),
        related=_related.decode(related),
        payload=_payload.decode(payload),
        follows=maybe_uid(follows),
        received=time_at(received),
    )
    return Placed(position, found)

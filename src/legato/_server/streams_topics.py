"""What can be followed: for each stream its path, what it reads, and its filter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, cast

import msgspec
from msgspec import Struct

from legato._control import event_streams, ordered_log
from legato._model.errors import InvalidRequest
from legato._model.event_filters import EventFilter, includes
from legato._model.events import Event
from legato._model.faults import described, struct_faults
from legato._model.filters import Leaf, LogFilter
from legato._model.matching import passes
from legato._model.ordered_log import EntryFilter, cursor_at, position_of
from legato._model.zones import settled
from legato._server.control import Control
from legato._server.quirks import bare
from legato._server.socket_protocol import text_frame
from legato._server.streams import Item, Read, Stretch
from legato._store.courtesy import politely
from legato._store.port import Store

_encode = msgspec.json.Encoder(enc_hook=str).encode
"""What is told has no durations, for which answers are looked through (`_model/wire.py`)."""
PIECE = 32
"""Frames that are made without giving way."""
Recall = Callable[[Control, Any, int], AsyncIterator[str]]
"""Gives the frames of what happened not long ago: what a filter lets through, up to a position."""


class Topic(Struct, frozen=True):
    """One kind of stream: its filter, and whether a value passes it."""

    path: str
    read: Read
    filter: type[Leaf]
    passes: Callable[[Any, Any], bool] = passes
    recall: Recall | None = None


def run_changes(store: Store, after: int, limit: int) -> Stretch:
    """Read transitions of flow runs and task runs."""
    page = ordered_log.read(store, cursor_at(after), limit)
    items = [
        Item(entry.position, entry, told("run_change", entry, entry.position))
        for entry in politely(page.entries, PIECE)
    ]
    return Stretch(after, position_of(page.cursor), items, page.more)


def logs(store: Store, after: int, limit: int) -> Stretch:
    """Read log lines."""
    page = ordered_log.read_logs(store, after, limit)
    last = {position: index for index, (position, _) in enumerate(page.lines)}
    items = [
        # with the last line of a position all that came there is told
        Item(position, line, told("log", line, position - (last[position] != index)))
        for index, (position, line) in enumerate(politely(page.lines, PIECE))
    ]
    return Stretch(after, page.upto, items, page.more)


def events(store: Store, after: int, limit: int) -> Stretch:
    """Read events, also those that are made of transitions."""
    found = event_streams.read(store, after, limit)
    items = [
        Item(position, event, told("event", event, position))
        for position, event in politely(found.placed, PIECE)
    ]
    return Stretch(after, found.upto, items, found.more)


async def recall(control: Control, given: EventFilter, upto: int) -> AsyncIterator[str]:
    """Tell of the events of the last minutes; a cursor would say nothing of their order."""
    given = event_streams.recently(given, control.clock.now())
    key = None
    while True:
        look = partial(event_streams.recent, given=given, upto=upto, key=key)
        found = await control.read(look)
        for event in found.events:
            yield _encode({"type": "event", "event": event}).decode()
        key = found.key
        if key is None:
            return


def _includes(event: Event, given: EventFilter) -> bool:
    return includes(given, event)


def told(kind: str, what: Any, position: int) -> bytes:
    """Return the frame that tells something; all up to `position` is told with it."""
    return text_frame(_encode({"type": kind, kind: what, "cursor": cursor_at(position)}))


def filter_of(topic: Topic, asked: Any) -> Leaf:
    """Return the filter that a client has sent; raise InvalidRequest if it is none."""
    fields = bare({} if asked is None else asked)
    if not isinstance(fields, dict):
        raise InvalidRequest("filter: must be a JSON object, or null for all")
    try:
        return settled(msgspec.convert(fields, topic.filter))
    except (msgspec.ValidationError, ValueError):
        problems = struct_faults(cast("dict[str, Any]", fields), topic.filter, ["filter"])
        raise InvalidRequest(described(problems), problems) from None


TOPICS = (
    Topic("/run_changes/out", run_changes, EntryFilter),
    Topic("/logs/out", logs, LogFilter),
    Topic("/events/out", events, EventFilter, _includes, recall),
)

"""Following events and log lines as they are stored: over a server by its streams, else by looking.

Each follower yields None once, as soon as all that comes from then on will be told; now and then it
does so later, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import structs

from legato._model import logs
from legato._model.errors import ServerRefused
from legato._model.event_filters import EventOrder
from legato._model.events import Event
from legato._model.filters import LogFilter, TimeFilter
from legato._model.operations.events import (
    EventPage,
    EventsFollowed,
    FilterEvents,
    FilterEventsNext,
    FollowEvents,
)
from legato._model.operations.logs import FilterLogs
from legato._sdk.client import waiting
from legato._sdk.client.objects import Log
from legato._sdk.event_records import EventFilter, ReceivedEvent
from legato._sdk.services import backend

if TYPE_CHECKING:
    from legato._client.streams import Streams

POLL_SECONDS = 0.25
PAGE = 200
LATE = timedelta(seconds=1)
"""So much later than its time a line may be stored, as long as others are stored meanwhile."""


async def events(given: EventFilter | None) -> AsyncGenerator[ReceivedEvent | None]:
    """Yield the events that a filter picks, in the order in which they come, none of them twice.

    Raises Resync if what comes next is not kept any more.
    """
    cursor = None
    streams = await asyncio.to_thread(_streams)
    if streams is not None:
        with suppress(ServerRefused):  # nothing but plain requests comes through
            async with aclosing(streams.afollow("/events/out", _plain(given))) as heard:
                async for told in heard:
                    cursor = told.cursor or cursor
                    yield None if told.value is None else _event(told.value)
    if cursor is None:
        cursor = (await _events_after(None, given)).cursor
        yield None
    while True:
        found = await _events_after(cursor, given)
        for event in found.events:
            yield ReceivedEvent.wrap(event)
        cursor = found.cursor
        if not found.more:
            await asyncio.sleep(POLL_SECONDS)


async def lines(given: LogFilter) -> AsyncGenerator[Log | None]:
    """Yield the log lines that a filter picks; a few may come that were stored just before."""
    since = datetime.now(UTC)
    streams = await asyncio.to_thread(_streams)
    if streams is not None:
        with suppress(ServerRefused):
            async with aclosing(streams.afollow("/logs/out", _plain(given))) as heard:
                async for told in heard:
                    if told.value is None:
                        yield None
                    else:
                        line = Log.wrap(msgspec.convert(told.value, logs.Log))
                        since = max(since, line.timestamp)
                        yield line
    yield None
    async for found in _looked_for(given, since):
        yield found


async def stored_events(given: EventFilter) -> AsyncIterator[ReceivedEvent]:
    """Yield the events that a filter picks by now, by their times."""
    asked: Any = FilterEvents(filter=structs.replace(given, order=EventOrder.ASC))
    while True:
        found: EventPage = await waiting.send(asked)
        for event in found.events:
            yield ReceivedEvent.wrap(event)
        if found.next_page is None:
            return
        asked = FilterEventsNext(page_token=found.next_page)


async def stored_lines(given: LogFilter) -> AsyncIterator[Log]:
    """Yield the log lines that a filter picks by now, by their times."""
    found: list[logs.Log] = []
    offset = 0
    while offset == 0 or len(found) == PAGE:
        found = await waiting.send(FilterLogs(logs=given, limit=PAGE, offset=offset))
        offset += PAGE
        for line in found:
            yield Log.wrap(line)


async def _looked_for(given: LogFilter, since: datetime) -> AsyncIterator[Log]:
    home, seen_at = backend(), object()
    shown: dict[Any, datetime] = {}
    while True:
        changed = await asyncio.to_thread(home.changes)
        if changed != seen_at:
            seen_at = changed
            behind = structs.replace(given, timestamp=TimeFilter(after_=since - LATE))
            async for line in stored_lines(behind):
                if line.id not in shown:
                    shown[line.id] = line.timestamp
                    since = max(since, line.timestamp)
                    yield line
            shown = {id_: time for id_, time in shown.items() if time >= since - LATE}
        await asyncio.sleep(POLL_SECONDS)


async def _events_after(cursor: str | None, given: EventFilter | None) -> EventsFollowed:
    asked = FollowEvents(cursor=cursor, filter=given)
    return cast("EventsFollowed", await waiting.send(asked))


def _event(value: Any) -> ReceivedEvent:
    return ReceivedEvent.wrap(msgspec.convert(value, Event))


def _streams() -> Streams | None:
    return backend().streams()


def _plain(given: Any) -> Any:
    return msgspec.to_builtins(given)

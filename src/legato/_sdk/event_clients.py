"""Clients that emit events and follow them, under Prefect's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

from legato._model.operations.events import EventsFollowed, FollowEvents
from legato._sdk import events
from legato._sdk.client import waiting
from legato._sdk.event_records import Event, EventFilter, ReceivedEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

POLL_SECONDS = 0.25


class EventsClient:
    """Emits events."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is held."""

    async def emit(self, event: Event) -> None:
        """Emit an event."""
        events.emit(event)


class EventSubscriber:
    """Follows events from when it is entered, in the order in which they come, without a gap.

    A process that does nothing but follow asks for news four times a second.
    """

    def __init__(self, filter: EventFilter | None = None) -> None:
        self._filter = filter
        self._cursor: str | None = None

    async def __aenter__(self) -> Self:
        self._cursor = (await self._follow()).cursor
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is held."""

    async def __aiter__(self) -> AsyncIterator[ReceivedEvent]:
        import asyncio

        while True:
            found = await self._follow()
            self._cursor = found.cursor
            for event in found.events:
                yield ReceivedEvent.wrap(event)
            if not found.more:
                await asyncio.sleep(POLL_SECONDS)

    async def _follow(self) -> EventsFollowed:
        asked: Any = FollowEvents(cursor=self._cursor, filter=self._filter)
        return cast("EventsFollowed", await waiting.send(asked))


def get_events_client() -> EventsClient:
    """Return a client that emits events.

    >>> import asyncio
    >>> async def tell():
    ...     async with get_events_client() as client:
    ...         order = {"prefect.resource.id": "shop.order.7"}
    ...         await client.emit(Event(event="order.sent", resource=order))
    >>> asyncio.run(tell())
    """
    return EventsClient()


def get_events_subscriber(
    filter: EventFilter | None = None,
) -> EventSubscriber:
    """Return what follows events: `async with` it, then `async for` over it.

    >>> import asyncio
    >>> async def first():
    ...     async with get_events_subscriber() as subscriber:
    ...         events.emit_event("order.paid", {"prefect.resource.id": "shop.order.7"})
    ...         async for event in subscriber:
    ...             return event.event
    >>> asyncio.run(first())
    'order.paid'
    """
    return EventSubscriber(filter)

"""Clients that emit events and follow them, under Prefect's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from legato._sdk import events
from legato._sdk.event_records import Event, EventFilter, ReceivedEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType


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

    A server tells of them as they come. Without one, a process that does nothing but follow looks
    four times a second.
    """

    def __init__(self, filter: EventFilter | None = None) -> None:
        self._filter = filter
        self._heard: AsyncGenerator[ReceivedEvent | None] | None = None

    async def __aenter__(self) -> Self:
        from legato._sdk import following

        self._heard = following.events(self._filter)
        await anext(self._heard)  # all that comes from here on is told
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hear of nothing any more."""
        if self._heard is not None:
            await self._heard.aclose()
            self._heard = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReceivedEvent:
        if self._heard is None:
            raise RuntimeError("Events are followed within `async with` only.")
        async for event in self._heard:
            if event is not None:
                return event
        raise StopAsyncIteration


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

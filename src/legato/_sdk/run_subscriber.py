"""Events and log lines of one flow run, as they come."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Self, TypeAlias, cast
from uuid import UUID

from legato._model.events import FLOW_RUN, RESOURCE_ID
from legato._model.filters import IdFilter, LogFilter
from legato._model.states import TERMINAL
from legato._sdk.client.objects import Log
from legato._sdk.event_records import EventAnyResourceFilter, EventFilter, ReceivedEvent

if TYPE_CHECKING:
    from types import TracebackType

Told: TypeAlias = ReceivedEvent | Log
Heard: TypeAlias = AsyncGenerator[ReceivedEvent | None] | AsyncGenerator[Log | None]


class FlowRunSubscriber:
    """Follows one flow run: its events, those of its task runs, and its log lines.

    What was stored before comes first, by its times. It ends when nothing has come for
    `straggler_timeout` seconds after the run has ended.

    >>> import asyncio
    >>> from legato import flow, runtime
    >>> from legato.events import ReceivedEvent
    >>> @flow
    ... def shop():
    ...     return runtime.flow_run.id
    >>> async def names(flow_run_id):
    ...     async with FlowRunSubscriber(flow_run_id, straggler_timeout=0) as subscriber:
    ...         return [told.event async for told in subscriber if isinstance(told, ReceivedEvent)]
    >>> asyncio.run(names(shop()))
    ['prefect.flow-run.Pending', 'prefect.flow-run.Running', 'prefect.flow-run.Completed']
    """

    def __init__(
        self, flow_run_id: UUID | str, straggler_timeout: float = 3, reconnection_attempts: int = 10
    ) -> None:
        """`reconnection_attempts` is Prefect's: here a server may be away for a minute."""
        self._run_id = UUID(str(flow_run_id))
        self._patience = straggler_timeout
        self._told: AsyncGenerator[Told] | None = None

    async def __aenter__(self) -> Self:
        self._told = _told(self._run_id, self._patience)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hear of nothing any more."""
        if self._told is not None:
            await self._told.aclose()
            self._told = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Told:
        if self._told is None:
            raise RuntimeError("A flow run is followed within `async with` only.")
        return await anext(self._told)


async def _told(run_id: UUID, patience: float) -> AsyncGenerator[Told]:
    from legato._sdk import following

    of_run = EventFilter(any_resource=EventAnyResourceFilter(id=[f"{FLOW_RUN}{run_id}"]))
    lines = LogFilter(flow_run_id=IdFilter(any_=[run_id]))
    heard: list[Heard] = [following.events(of_run), following.lines(lines)]
    end, shown = _End(f"{FLOW_RUN}{run_id}", patience), set[UUID]()
    try:
        for feed in heard:
            await anext(feed)  # what comes while the stored ones are read is told behind them
        async for told in _merged(following.stored_events(of_run), following.stored_lines(lines)):
            shown.add(told.id)
            end.note(told)
            yield told
        async with aclosing(_raced(heard, end)) as live:
            async for told in live:
                if told.id not in shown:
                    end.note(told)
                    yield told
    finally:
        for feed in heard:
            await feed.aclose()


class _End:
    """When to hear no more: so long after the run has ended, with nothing told meanwhile."""

    def __init__(self, resource: str, patience: float) -> None:
        self._resource, self._patience = resource, patience
        self._has_ended = False
        self._at = math.inf

    def note(self, told: Told) -> None:
        """Take what is told; a run that has ended may begin again."""
        if isinstance(told, ReceivedEvent) and told.resource[RESOURCE_ID] == self._resource:
            entered = told.resource.get("prefect.state-type")
            self._has_ended = self._has_ended if entered is None else entered in TERMINAL
        self._at = time.monotonic() + self._patience if self._has_ended else math.inf

    def left(self) -> float | None:
        """Return the seconds until then; None: it cannot be told."""
        return None if self._at == math.inf else max(0.0, self._at - time.monotonic())


async def _raced(feeds: Sequence[Heard], end: _End) -> AsyncGenerator[Told]:
    """Yield what comes first of several feeds, until the end."""
    import asyncio

    waiting = {asyncio.ensure_future(anext(feed)): feed for feed in feeds}
    try:
        while end.left() != 0:
            done, _ = await asyncio.wait(
                waiting, timeout=end.left(), return_when=asyncio.FIRST_COMPLETED
            )
            for one in done:
                feed = waiting.pop(one)
                told = one.result()
                waiting[asyncio.ensure_future(anext(feed))] = feed
                if told is not None:
                    yield told
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)


async def _merged(
    events: AsyncIterator[ReceivedEvent], lines: AsyncIterator[Log]
) -> AsyncGenerator[Told]:
    """Yield both by their times; an event goes before a line of the same time."""
    event, line = await anext(events, None), await anext(lines, None)
    while event is not None or line is not None:
        if line is None or (event is not None and event.occurred <= line.timestamp):
            yield cast("Told", event)
            event = await anext(events, None)
        else:
            yield line
            line = await anext(lines, None)

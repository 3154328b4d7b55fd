"""The log lines of a flow run as its server tells them, until the run has ended."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from legato._model import logs
from legato._model.states import TERMINAL
from legato._sdk.client.objects import Log

if TYPE_CHECKING:
    from legato._cli.log_lines import LogLines
    from legato._client.streams import Streams
    from legato._model.filters import LogFilter

LOOK_SECONDS = 30.0
"""How often one looks all the same: of a run that is deleted no end is told."""


async def follow(streams: Streams, lines: LogLines, run_id: UUID, wanted: LogFilter) -> None:
    """Print what comes. All that came before the end of the run is printed behind it."""
    tasks = [
        asyncio.create_task(_end(streams, lines, run_id)),
        asyncio.create_task(_hear(streams, lines, msgspec.to_builtins(wanted))),
    ]
    try:
        done = await _first(tasks)
        while not (done or lines.has_ended()):
            done = await _first(tasks)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    lines.finish()


async def _first(tasks: list[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    done, _ = await asyncio.wait(tasks, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    return done


async def _end(streams: Streams, lines: LogLines, run_id: UUID) -> None:
    """Return when the run has ended."""
    wanted = {"run_id": {"any_": [str(run_id)]}, "state": {"type": {"any_": sorted(TERMINAL)}}}
    async with aclosing(streams.afollow("/run_changes/out", wanted)) as changes:
        await anext(changes)  # what happens from here on is told
        if lines.has_ended():
            return
        async for told in changes:
            if told.value is not None:
                return


async def _hear(streams: Streams, lines: LogLines, wanted: dict[str, Any]) -> None:
    async with aclosing(streams.afollow("/logs/out", wanted)) as heard:
        await anext(heard)
        lines.print(None)
        async for told in heard:
            if told.value is not None:
                lines.show(Log.wrap(msgspec.convert(told.value, logs.Log)))

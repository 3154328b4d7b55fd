"""The log lines of a run: printed, as JSON, and as they come."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click
from msgspec import structs

from legato._cli import times
from legato._cli.exits import Misuse, nearest
from legato._cli.listing import PAGE, pages
from legato._cli.output import print_json
from legato._cli.tables import printable
from legato._model import filters as f
from legato._model.errors import Resync, ServerRefused
from legato._model.states import TERMINAL

if TYPE_CHECKING:
    from uuid import UUID

    from legato._client.streams import Streams
    from legato._sdk.client.objects import FlowRun, Log
    from legato._sdk.client.sync import SyncClient

POLL_SECONDS = 0.5
_LATEST = 500
"""Lines of several processes come in an order that is about that of their times."""


def level_of(text: str) -> int:
    """Return a level that is given by its name or number."""
    if text.isdecimal():
        return int(text)
    known = logging.getLevelNamesMapping()
    if text.upper() not in known:
        raise Misuse(f"There is no level {text!r}{nearest(text.upper(), known)}")
    return known[text.upper()]


class LogLines:
    """The lines of one flow run, of a level and above, read in order of their times.

    What was read last is remembered as a time and the number of lines of that very time.
    """

    def __init__(self, client: SyncClient, run: FlowRun, least: int) -> None:
        self._client = client
        self._run = run
        level = f.LevelFilter(ge_=least) if least > 0 else None
        self._filter = f.LogFilter(flow_run_id=f.IdFilter(any_=[run.id]), level=level)
        self._time: datetime | None = None
        self._count = 0
        self._shown: set[UUID] = set()
        self._latest: deque[datetime] = deque(maxlen=_LATEST)

    def print(self, tail: int | None) -> int:
        """Print the lines, oldest first; return how many."""
        return sum(map(self.show, self._new() if tail is None else self._last(tail)))

    def print_json(self, tail: int | None) -> int:
        """Print the lines as one JSON list; return how many."""
        lines = list(self._new()) if tail is None else self._last(tail)
        print_json([line.model_dump(mode="json") for line in lines])
        return len(lines)

    def follow(self) -> None:
        """Print lines as they come, until the run has ended."""
        from legato._backend.current import current

        streams = current().streams()
        if streams is None or not self._follow(streams):
            self._look()

    def _follow(self, streams: Streams) -> bool:
        """Follow by the streams of a server; False: they do not come through."""
        import asyncio

        from legato._cli import log_stream

        wanted = structs.replace(self._filter, timestamp=None)
        try:
            asyncio.run(log_stream.follow(streams, self, self._run.id, wanted))
        except (Resync, ServerRefused):
            return False
        return True

    def _look(self) -> None:
        ended = False
        while not ended:
            ended = self.has_ended()
            if not self.print(None) and not ended:
                time.sleep(POLL_SECONDS)

    def has_ended(self) -> bool:
        """Tell whether the run has."""
        return self._client.read_flow_run(self._run.id).state_type in TERMINAL

    def show(self, line: Log) -> bool:
        """Print a line, unless it was printed; tell whether it was not."""
        if line.id in self._shown:
            return False
        self._shown.add(line.id)
        self._latest.append(line.timestamp)
        click.echo(_text(line))
        return True

    def finish(self) -> None:
        """Print what was not told: all that is no older than the lines that were shown last."""
        if self._latest:
            self._time, self._count = min(self._latest), 0
        self.print(None)

    def _new(self) -> Iterator[Log]:
        while True:
            if self._time is not None:
                self._filter.timestamp = f.TimeFilter(after_=self._time)
            lines = self._client.read_logs(self._filter, limit=PAGE, offset=self._count)
            self._pass(lines)
            yield from lines
            if len(lines) < PAGE:
                return

    def _last(self, count: int) -> list[Log]:
        sort = f.LogSort.TIMESTAMP_DESC

        def read(limit: int, offset: int) -> list[Log]:
            return self._client.read_logs(self._filter, limit=limit, offset=offset, sort=sort)

        lines = list(pages(read, count))[::-1]
        self._pass(lines)
        return lines

    def _pass(self, lines: list[Log]) -> None:
        for line in lines:
            if line.timestamp == self._time:
                self._count += 1
            else:
                self._time, self._count = line.timestamp, 1


def _text(line: Log) -> str:
    level = logging.getLevelName(line.level)
    message = printable(line.message, also="\n\t")
    return f"{times.exact(line.timestamp)} | {level:7} | {printable(line.name)} | {message}"

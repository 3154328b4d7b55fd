"""What can be followed: for each stream its path, what it reads, and its filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from legato._control import ordered_log
from legato._model.errors import InvalidRequest
from legato._model.faults import described, struct_faults
from legato._model.filters import Leaf, LogFilter
from legato._model.matching import passes
from legato._model.ordered_log import EntryFilter, cursor_at, position_of
from legato._server.quirks import bare
from legato._server.shapes import shaped
from legato._server.streams import Item, Read, Stretch
from legato._store.port import Store


class Topic(Struct, frozen=True):
    """One kind of stream. `passes` makes a test of the filter of a client."""

    path: str
    read: Read
    passes: Callable[[Any], Callable[[Any], bool]]


def run_changes(store: Store, after: int, limit: int) -> Stretch:
    """Read transitions of flow runs and task runs."""
    page = ordered_log.read(store, cursor_at(after), limit)
    items = [
        Item(entry.position, entry, told("run_change", shaped(entry), entry.position))
        for entry in page.entries
    ]
    return Stretch(after, position_of(page.cursor), items, page.more)


def logs(store: Store, after: int, limit: int) -> Stretch:
    """Read log lines."""
    page = ordered_log.read_logs(store, after, limit)
    last = {position: index for index, (position, _) in enumerate(page.lines)}
    items = [
        # with the last line of a position all that came there is told
        Item(position, line, told("log", shaped(line), position - (last[position] != index)))
        for index, (position, line) in enumerate(page.lines)
    ]
    return Stretch(after, page.upto, items, page.more)


def told(kind: str, what: Any, position: int) -> str:
    """Return the frame that tells something; all up to `position` is told with it."""
    frame = {"type": kind, kind: what, "cursor": cursor_at(position)}
    return msgspec.json.encode(frame).decode()


def by(kind: type[Leaf]) -> Callable[[Any], Callable[[Any], bool]]:
    """Return what makes a test of a filter of that kind."""

    def made(asked: Any) -> Callable[[Any], bool]:
        if asked is None:
            return lambda _: True
        if not isinstance(asked, dict):
            raise InvalidRequest("filter: must be a JSON object, or null for all")
        fields = bare(asked)
        try:
            given = msgspec.convert(fields, kind)
        except (msgspec.ValidationError, ValueError):
            problems = struct_faults(fields, kind, ["filter"])
            raise InvalidRequest(described(problems), problems) from None
        return lambda value: passes(value, given)

    return made


TOPICS = (
    Topic("/run_changes/out", run_changes, by(EntryFilter)),
    Topic("/logs/out", logs, by(LogFilter)),
)

"""Results of runs that nobody asked to keep: what is small and plain JSON is recorded all the same.

So a run can be done again from its middle. Anything that JSON would not give back as it was
(tuples, dates, models, subclasses, NaN) is left out, and so is what is longer than 64 KiB.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from msgspec.json import Decoder, Encoder

from legato._model.records import ResultKept
from legato._model.results import INLINE_LIMIT, NONE_RETURNED, ROW_LIMIT, Result

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._sdk.context import FlowRunContext

_encode = Encoder().encode
decoded = Decoder().decode
"""Return the value of JSON bytes."""
_DEPTH = 32
_QUOTES = 2  # bytes
_SAFE = frozenset({int, bool})
_NESTED = frozenset({list, dict})


def encoded(value: Any) -> bytes | None:
    """Return `value` as JSON that gives it back exactly, at most 64 KiB; else None."""
    if _room_behind(value, INLINE_LIMIT, _DEPTH) < 0:
        return None
    try:
        body = _encode(value)
    except (ValueError, OverflowError):  # a lone surrogate
        return None
    return body if len(body) <= INLINE_LIMIT else None


def _room_behind(value: Any, room: int, depth: int) -> int:
    """Return how many of `room` bytes the JSON of a value leaves at most; -1: it is not plain.

    It stops where nothing is left, so a large value costs no more than one of 64 KiB, however
    often it holds the same list.
    """
    kind = cast("type[object]", type(value))
    if kind in _SAFE or value is None:
        return room - 1
    if kind is str:
        return room - len(value) - _QUOTES
    if kind is float:
        return room - 1 if isfinite(value) else -1
    return _room_behind_items(value, kind, room - 1, depth - 1) if kind in _NESTED else -1


def _room_behind_items(value: Any, kind: type[object], room: int, depth: int) -> int:
    if depth < 0 or len(value) > room:
        return -1
    items: Iterable[Any] = value
    if kind is dict:
        if not all(type(key) is str for key in items):
            return -1
        room -= sum(map(len, items)) + (_QUOTES + 1) * len(value)
        items = value.values()
    for item in items:
        room = _room_behind(item, room - 1, depth)  # 1 for the comma or the bracket
        if room < 0:
            return -1
    return room


def kept(
    backend: Backend, run_id: UUID, flow: FlowRunContext, value: Any
) -> tuple[UUID | None, bytes | None]:
    """Return the id of a plain result, and its bytes if they are to lie in the row of `run_id`.

    A longer one is recorded by itself. (None, None) for what is not plain.
    """
    if value is None:
        return NONE_RETURNED, None
    body = encoded(value)
    if body is None:
        return None, None
    if len(body) <= ROW_LIMIT:
        return run_id, body
    return keep(backend, flow.epoch, flow.id, body), None


def keep(backend: Backend, epoch: int, flow_run_id: UUID, body: bytes) -> UUID:
    """Record a plain result by itself; return its id."""
    result_id = backend.ids.new()
    backend.journal.append(
        ResultKept(
            epoch,
            Result(
                id=result_id,
                flow_run_id=flow_run_id,
                serializer="json",
                size=len(body),
                sha256=sha256(body).digest(),
                created_at=backend.clock.now(),
                body=body,
            ),
        )
    )
    return result_id


def of_flow(backend: Backend, flow: FlowRunContext, value: Any) -> UUID | None:
    """Record what a flow returned, if it is plain; return the result's id."""
    if value is None:
        return NONE_RETURNED
    body = encoded(value)
    return None if body is None else keep(backend, flow.epoch, flow.id, body)

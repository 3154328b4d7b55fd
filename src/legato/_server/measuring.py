"""Each request gets an id, by which its answer and the log agree, and is counted."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legato._server import logs
from legato._server.answers import ID, REQUEST_ID, STATUS
from legato._server.duties import DutyStatus
from legato._server.headers import STANDING

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPERATION = "legato.operation"
"""Where in the scope of a request stands which operation it asks for."""
_NAME = REQUEST_ID.lower().encode()
_MAY_BE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_random = random.Random()  # noqa: S311 - an id keeps no secret
ENDS = b'{"exception_message":"The server ends. The request may have been carried out."}'
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def request_id(scope: Scope) -> str:
    """Return the id of a request."""
    found: str = scope.get(ID, "-")
    return found


class Tally:
    """What was answered since the server started; touched by the thread of its loop only."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, int]] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.at_work = 0

    def add(self, method: str, status: int, seconds: float) -> None:
        """Count a request; methods that clients make up are counted as one."""
        known = method if method in _METHODS else "other"
        self.answered[known, status] += 1
        self.seconds[known] += seconds


class Measured:
    """The outermost middleware: a request that another one refuses is counted, too.

    `at_once` carries out requests that need no task, and counts them itself.
    """

    def __init__(self, app: ASGIApp, tally: Tally, at_once: object = None) -> None:
        self._app, self._tally, self.at_once = app, tally, at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        mark = marked(scope)
        logs.REQUEST.set(mark)
        if scope["type"] == "http":
            await self._answer(mark.encode(), scope, receive, send)
        else:
            await self._follow(scope, receive, send)

    async def _answer(self, mark: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope[STATUS] = message["status"]
                message = {**message, "headers": [*message["headers"], (_NAME, mark)]}
            await send(message)

        self._tally.at_work += 1
        try:
            await self._app(scope, receive, told)
        except asyncio.CancelledError:  # the server ends and waits no longer
            if STATUS in scope:
                raise
            await _tell_that_it_ends(told)
        finally:
            answered(scope, self._tally, began)

    async def _follow(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a websocket be served, and say when it ends, with the status that it began with."""
        began, status = time.perf_counter(), 403

        async def heard(message: Message) -> None:
            nonlocal status
            if message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            await self._app(scope, receive, heard)
        finally:
            _say(scope, "WEBSOCKET", status, time.perf_counter() - began)


def marked(scope: Scope) -> str:
    """Give a request its id, that of its client or a new one."""
    mark: str = _given(scope) or f"{_random.getrandbits(128):032x}"
    scope[ID] = mark
    return mark


def answered(scope: Scope, tally: Tally, began: float) -> None:
    """Count a request that has been at work, and say how it was answered."""
    tally.at_work -= 1
    spent, status = time.perf_counter() - began, scope.get(STATUS, 500)
    tally.add(scope["method"], status, spent)
    _say(scope, scope["method"], status, spent)


def _say(scope: Scope, method: str, status: int, seconds: float) -> None:
    if not logs.is_told(status):
        return
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    fields: dict[str, Any] = {"method": method, "path": path}
    operation = scope.get(OPERATION)
    if operation is not None:
        fields["operation"] = operation
    logs.answered({**fields, "status": status, "ms": round(seconds * 1000, 1)})


async def _tell_that_it_ends(send: Send) -> None:
    """Answer a request that is at work; its client should come again, to the next server."""
    head = [
        *STANDING,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(ENDS)),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": head})
    await send({"type": "http.response.body", "body": ENDS})


def _given(scope: Scope) -> str | None:
    """Return the id that the client has for its request, if it can stand in a line of a log."""
    for name, value in scope["headers"]:
        if name == _NAME and _MAY_BE.fullmatch(text := value.decode("latin-1")):
            return str(text)
    return None


def exposition(tally: Tally, duties: Sequence[DutyStatus]) -> str:
    """Return what was counted in the text format of Prometheus."""
    parts = [
        _family("legato_requests_in_progress", "gauge", [("", tally.at_work)]),
        _family(
            "legato_requests_total",
            "counter",
            [
                (f'{{method="{method}",status="{status}"}}', count)
                for (method, status), count in sorted(tally.answered.items())
            ],
        ),
        _family(
            "legato_request_seconds_total",
            "counter",
            [(f'{{method="{name}"}}', spent) for name, spent in sorted(tally.seconds.items())],
        ),
    ]
    for name, kind, field in _OF_DUTIES:
        values = [(f'{{duty="{duty.name}"}}', getattr(duty, field)) for duty in duties]
        parts.append(_family(name, kind, values))
    return "".join(parts)


_OF_DUTIES = (
    ("legato_duty_ticks_total", "counter", "ticks"),
    ("legato_duty_failures_total", "counter", "failures"),
    ("legato_duty_last_seconds", "gauge", "last_took"),
    ("legato_duty_lag_seconds", "gauge", "lag"),
    ("legato_duty_stalled", "gauge", "stalled"),
    ("legato_duty_standby", "gauge", "standby"),
)


def _family(name: str, kind: str, values: Sequence[tuple[str, float]]) -> str:
    lines = [f"# TYPE {name} {kind}"]
    lines += [f"{name}{labels} {value + 0}" for labels, value in values]
    return "\n".join(lines) + "\n"

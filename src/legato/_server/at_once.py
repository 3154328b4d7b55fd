"""Requests of Prefect's clients that are carried out without a task of the event loop.

A task for each request, and what it awaits, is a quarter of what a request costs outside of the
store. Most requests come in one piece and wait for nothing but their commit, or for what they read:
from the bytes to the thread, and from there to the answer, is one call each. Whatever is not as
plain as that is left to the application, before anything of it is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from legato._control.registry import is_cleared, is_followed
from legato._model.errors import Error
from legato._model.operations.logs import DownloadLogs
from legato._model.operations.requests import Match
from legato._model.operations.spec import Operation
from legato._server import logs, measuring
from legato._server.answers import ID, Header, JsonAnswer, parts
from legato._server.control import Control
from legato._server.measuring import OPERATION, Tally
from legato._server.operations import (
    KEY,
    Operations,
    answering,
    is_list,
    operation_of,
    refused,
)
from legato._server.safety import Guard

Write = Callable[[int, Sequence[Header], bytes], None]
_GONE = 499
_NOT_PLAIN = frozenset({KEY, b"transfer-encoding", b"expect"})
_DIGITS_MAX = len(str(HIGH_WATER_LIMIT))
"""A longer body is paused, and goes on when somebody reads it."""
Failed = Callable[[Scope, BaseException], Response]


class AtOnce:
    """Finds such requests, with the middleware's own functions."""

    def __init__(
        self, control: Control, guard: Guard, operations: Operations, tally: Tally, failed: Failed
    ) -> None:
        self._guard, self._operations = guard, operations
        self.control, self.tally, self.failed = control, tally, failed

    def find(self, scope: Scope, write: Write) -> Asked | None:
        """Return a request, by its head, that can be carried out so; None: it is another one's."""
        match = self._operations.find(scope)
        if match is None or not _is_plain(match, scope) or self._guard.refusal(scope) is not None:
            return None
        return Asked(self, scope, match, write)


def _is_plain(match: Match, scope: Scope) -> bool:
    spec = match.kind.spec
    if spec.lane != "facts" or is_cleared(spec.id) or is_followed(spec.id):
        return False
    if match.kind is DownloadLogs:
        return False
    length = b"0"
    for name, value in scope["headers"]:
        if name in _NOT_PLAIN:
            return False
        if name == b"content-length":
            length = value
    return len(length) <= _DIGITS_MAX and length.isdigit() and int(length) <= HIGH_WATER_LIMIT


class Asked:
    """A request that waits for its body, then for its commit."""

    def __init__(self, found_by: AtOnce, scope: Scope, match: Match, write: Write) -> None:
        self._by, self._scope, self._match, self._write = found_by, scope, match, write
        self._began = time.perf_counter()
        self._body = b""
        self._operation: Operation | None = None
        self._over = False
        self.when_over: Callable[[Asked], object] = lambda _: None
        found_by.tally.at_work += 1

    def begin(self, body: bytes) -> bool:
        """Have it carried out and answered; False: the application is to be called instead."""
        if self._over:  # the server ends, and its client has been told so
            return True
        try:
            operation = operation_of(self._match, body, self._scope)
        except Exception:  # noqa: BLE001 - the application meets it, too, and says what is wrong
            self._over = True
            self._by.tally.at_work -= 1
            self.when_over(self)
            return False
        self._body, self._operation = body, operation
        self._scope[OPERATION] = operation.spec.id
        self._mark = measuring.marked(self._scope)
        try:
            self._carry_out(operation)
        except Exception as error:  # noqa: BLE001 - whoever asked gets an answer, the log the rest
            self._looked(error)
        return True

    def _carry_out(self, operation: Operation) -> None:
        control, kind = self._by.control, type(operation)
        if kind.spec.access == "write":
            control.begin(operation, self._done)
        else:
            make = answering(self._scope, operation)
            control.begin_look(operation, make, self._looked, lists=is_list(kind))

    def cancel(self, msg: object = None) -> None:
        """Answer that the server ends and waits no longer; uvicorn cancels a task so."""
        answer = JsonAnswer(503, measuring.ENDS)
        answer.raw_headers.append((b"retry-after", b"1"))
        # not yet, as whoever cancels goes through all that is at work
        asyncio.get_running_loop().call_soon(self._end, answer)

    def abandon(self) -> None:
        """Note that the client is gone; what is begun goes on."""
        if not self._over and self._operation is None:
            self._end(Response(status_code=_GONE))

    def _done(self, found: Any, now: datetime) -> None:
        """Answer with what a write gave or raised."""
        if not self._over and not isinstance(found, BaseException):
            assert self._operation is not None  # noqa: S101 - it has been carried out
            try:
                found = answering(self._scope, self._operation)(found, now, None)
            except Exception as error:  # noqa: BLE001 - who asked gets an answer, the log the rest
                found = error
        self._looked(found)

    def _looked(self, found: Response | BaseException) -> None:
        """Answer with what a thread, or `_done`, made of the outcome."""
        if not self._over:
            logs.REQUEST.set(self._mark)
            self._end(self._answer(found))

    def _answer(self, found: Response | BaseException) -> Response:
        if isinstance(found, Error):
            try:
                return refused(found, self._match, self._body)
            except Exception as error:  # noqa: BLE001 - as above
                found = error
        return self._by.failed(self._scope, found) if isinstance(found, BaseException) else found

    def _end(self, answer: Response) -> None:
        if self._over:
            return
        self._over = True
        if ID not in self._scope:
            measuring.marked(self._scope)
        try:
            self._write(*parts(answer, self._scope))
        finally:
            measuring.answered(self._scope, self._by.tally, self._began)
            self.when_over(self)

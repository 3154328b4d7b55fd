"""The server as an ASGI application: middleware, the handshake, the operations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from logging import getLogger

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Scope

from legato._server import (
    events_in,
    handshake,
    journal,
    native,
    observing,
    streams_asked,
    streams_out,
    tracing,
)
from legato._server.answers import json_response
from legato._server.at_once import AtOnce
from legato._server.control import Control
from legato._server.duties import Duties
from legato._server.events_in import EventInbox
from legato._server.measuring import Measured, Tally, request_id
from legato._server.operations import (
    COMPRESSED_FROM_BYTES,
    COMPRESSION,
    Operations,
    too_long,
)
from legato._server.room import TooLong
from legato._server.safety import Access, Guard
from legato._server.streams import Streams

_log = getLogger("legato.server")
_OPEN = ("/health", "/ready")
"""What is answered to anybody, below the base path."""


def application(
    control: Control, access: Access, base_path: str = "/api", duties: Duties | None = None
) -> ASGIApp:
    """Return the application; it closes `control` when it ends. `duties` are told of, not run.

    Operations are found before Starlette looks at a request: most requests are theirs.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        control.store.announce()
        async with inbox.open():
            yield
        control.close()

    inbox, tally = EventInbox(control), Tally()
    inner: list[BaseRoute] = [
        *handshake.routes(control),
        *events_in.routes(inbox, access),
        *journal.routes(control),
        *native.routes(control),
        *streams_asked.routes(control),
        *streams_out.routes(Streams(control), access),
        *observing.routes(duties or Duties([]), tally),
    ]
    rest = Starlette(
        routes=[Mount(base_path, routes=inner)],
        exception_handlers={TooLong: _too_long, HTTPException: _http, Exception: _failed},
        lifespan=lifespan,
    )
    compressed = GZipMiddleware(rest, minimum_size=COMPRESSED_FROM_BYTES, compresslevel=COMPRESSION)
    found = Operations(control, base_path, compressed, _failed)
    guarded = Guard(found, access, frozenset(base_path + path for path in _OPEN))
    at_once = AtOnce(control, guarded, found, tally, _failure)
    # a span goes along with the task of its request
    is_traced = tracing.tracer() is not None
    return Measured(tracing.traced(guarded), tally, None if is_traced else at_once)


async def _too_long(_: Request, __: Exception) -> Response:
    return too_long()


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what this handler is registered for
    return json_response(error.status_code, {"detail": error.detail})


async def _failed(request: Request, error: Exception) -> Response:
    return _failure(request.scope, error)


def _failure(scope: Scope, error: BaseException) -> Response:
    """Answer without a word of what went wrong inside; the log has it."""
    what = (scope["method"], scope["path"], request_id(scope))
    _log.error("%s %s failed, request %s", *what, exc_info=error)
    return json_response(500, {"exception_message": "Internal Server Error"})

"""What stands behind a cursor, by plain HTTP: for whoever cannot have a websocket.

A stream `/logs/out` is asked for piece by piece at `/logs/after`. The first question, without a
cursor, is answered with that of this moment; each answer says the one to go on from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from legato._model.errors import Error, InvalidRequest, Problem
from legato._model.faults import described, struct_faults
from legato._model.ordered_log import cursor_at, position_of
from legato._server import native
from legato._server.bodies import decoded
from legato._server.control import Control
from legato._server.shapes import shaped
from legato._server.streams import LIMIT, latest
from legato._server.streams_topics import TOPICS, Topic, filter_of

_JSON = "application/json"
_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}}
_CURSOR: dict[str, Any] = {"type": "string", "pattern": r"^v1\.[0-9]{1,19}$"}
_FIELDS: dict[str, Any] = {
    "filter": {"anyOf": [{"type": "object"}, {"type": "null"}]},
    "cursor": {"anyOf": [_CURSOR, {"type": "null"}]},
    "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT, "default": LIMIT},
}
_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["items", "cursor", "more"],
    "properties": {
        "items": {"type": "array", "items": {"type": "object"}},
        "cursor": _CURSOR,
        "more": {"type": "boolean"},
    },
}
_REFUSALS = {
    "410": "What stood behind the cursor is not kept any more: read the lists anew.",
    "422": "The request is not valid.",
    "503": "Not now; Retry-After says when.",
}


class Asked(Struct, forbid_unknown_fields=True):
    """What a client asks for; `limit` counts what is looked at."""

    filter: Any = None
    cursor: str | None = None
    limit: int = LIMIT


class Piece(Struct):
    """What came next, and how far that is; `more`: there is more already."""

    items: list[Any]
    cursor: str
    more: bool


def path_of(topic: Topic) -> str:
    """Return where a stream is asked for piece by piece."""
    return topic.path.removesuffix("/out") + "/after"


def routes(control: Control) -> list[BaseRoute]:
    """Return the routes, below `/api`."""
    return [Route(path_of(topic), _endpoint(control, topic), methods=["POST"]) for topic in TOPICS]


def _endpoint(control: Control, topic: Topic) -> Callable[[Request], Awaitable[Response]]:
    async def post(request: Request) -> Response:
        try:
            piece = await _piece(control, topic, _asked(await request.body()))
        except ClientDisconnect:
            return Response(status_code=499)
        except Error as error:
            return native.refused(error)
        return Response(msgspec.json.encode(piece), media_type=_JSON)

    return post


def _asked(raw: bytes) -> Asked:
    body = decoded(raw)
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    try:
        asked = msgspec.convert(body, Asked)
    except msgspec.ValidationError:
        problems = struct_faults(cast("dict[str, Any]", body), Asked, [])
        raise InvalidRequest(described(problems), problems) from None
    if not 1 <= asked.limit <= LIMIT:
        message = f"must be from 1 to {LIMIT}"
        found = Problem(type="value_error", loc=["limit"], msg=message, input=asked.limit)
        raise InvalidRequest(f"limit: {message}, but is {asked.limit}", [found])
    return asked


async def _piece(control: Control, topic: Topic, asked: Asked) -> Piece:
    wanted = filter_of(topic, asked.filter)
    after = None if asked.cursor is None else position_of(asked.cursor)
    now = await latest(control)
    if after is None or after >= now:  # another server may have told of more
        return Piece([], cursor_at(now if after is None else after), more=False)
    found = await control.call(lambda store: topic.read(store, after, asked.limit))
    passed = [shaped(item.value) for item in found.items if topic.passes(item.value, wanted)]
    return Piece(passed, cursor_at(found.upto), more=found.more)


def descriptions() -> dict[str, dict[str, Any]]:
    """Return what OpenAPI says of the routes."""
    body = {"type": "object", "properties": _FIELDS, "additionalProperties": False}
    answers = {"200": {"description": "Done.", "content": {_JSON: {"schema": _ANSWER}}}}
    for status, text in _REFUSALS.items():
        answers[status] = {"description": text, "content": {_JSON: {"schema": _DETAIL}}}
    return {
        path_of(topic): {
            "operationId": path_of(topic)[1:].replace("/", "."),
            "tags": [topic.path.split("/")[1]],
            "summary": "Return what came behind a cursor; without one, the cursor of now.",
            "requestBody": {"required": False, "content": {_JSON: {"schema": body}}},
            "responses": answers,
        }
        for topic in TOPICS
    }

"""Batches of the journals of Legato's own processes.

What is answered with 200 survives a power cut. A writer sends one batch at a time, and sends it
again under the same numbers until it is answered, so nothing is stored twice.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from legato._control.journal import Delivery
from legato._model import parcels
from legato._model.errors import Error
from legato._model.parcels import MEDIA_TYPE, Parcel
from legato._model.records import Batch, BatchAnswer
from legato._server import native
from legato._server.control import Control
from legato._server.room import Room
from legato._store.port import Lane

_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}}
_REFUSAL = {"application/json": {"schema": _DETAIL}}
DESCRIPTION = {
    "operationId": "journal.receive",
    "tags": ["journal"],
    "summary": "Store records of one of Legato's own processes, in order and once.",
    "requestBody": {
        "required": True,
        "description": "A writer and its records, as MessagePack; Content-Encoding may be gzip.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    "responses": {
        "200": {
            "description": "All are stored; the answers of the proposals among them.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        "401": {"description": "Somebody else may do this.", "content": _REFUSAL},
        "409": {"description": "Records before these are missing.", "content": _REFUSAL},
        "413": {"description": "The body is too long.", "content": _REFUSAL},
        "422": {"description": "This is no batch of records.", "content": _REFUSAL},
        "503": {"description": "Not now; Retry-After says when.", "content": _REFUSAL},
    },
}


def routes(control: Control) -> list[BaseRoute]:
    """Return the route, below `/api`."""
    expanded = Room()  # not that of bodies: who has room there waits for nobody who waits for room

    async def post(request: Request) -> Response:
        encoding = request.headers.get("content-encoding")
        try:
            body = await request.body()
            size = parcels.plain_bytes(body, encoding)
            async with expanded.taken(min(size, parcels.MAX_BYTES) if encoding else 0):
                answer = await _received(control, parcels.unwrapped(body, encoding))
        except ClientDisconnect:
            return Response(status_code=499)
        except Error as error:
            return native.refused(error)
        return Response(parcels.answered(answer), media_type=MEDIA_TYPE)

    return [Route("/journal", post, methods=["POST"])]


async def _received(control: Control, parcel: Parcel) -> BatchAnswer:
    writer = parcel.writer

    def delivery() -> Delivery:
        records = [parcels.record(body) for body in parcel.records]
        batch = Batch(writer.id, parcel.first_seq, records, acked=True)
        return Delivery(control.clock.now(), batch, writer)

    return await control.deliver(delivery, Lane.PROPOSALS if parcel.urgent else Lane.FACTS)

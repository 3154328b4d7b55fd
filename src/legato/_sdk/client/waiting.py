"""How the async client reaches the backend: on the loop over a server, else on a thread."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from legato._model.errors import Error
from legato._sdk import services
from legato._sdk.client import sending
from legato._sdk.client.requests import Answer, answered, failed, operation_of

if TYPE_CHECKING:
    from legato._model.operations.spec import Operation


async def send(operation: Operation) -> Any:
    """Carry out an operation."""
    asend = services.asend()
    if asend is None:
        import asyncio

        return await asyncio.to_thread(sending.send, operation)
    found = await asend(operation)
    sending.note(operation)
    return found


async def raw(method: str, path: str, body: Any) -> Answer:
    """Send by method and path; errors of Legato become answers with their status."""
    try:
        operation = operation_of(method, path, body)
        return answered(operation, await send(operation))
    except Error as error:
        return failed(error)


async def begin() -> None:
    """Open a client: connections of this loop are kept from now on."""
    import asyncio

    from legato._client import sessions

    sessions.begin(asyncio.get_running_loop())


async def end() -> None:
    """Close a client; with the last one of this loop, its connections are closed."""
    import asyncio

    from legato._client import sessions

    connections = sys.modules.get("legato._client.aio")
    if sessions.end(asyncio.get_running_loop()) and connections is not None:
        await connections.close_idle()

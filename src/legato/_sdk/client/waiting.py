"""How the async client reaches the backend: on a thread, so that the loop goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._sdk.client import sending

if TYPE_CHECKING:
    from legato._model.operations.spec import Operation
    from legato._sdk.client.requests import Answer


async def send(operation: Operation) -> Any:
    """Carry out an operation."""
    import asyncio

    return await asyncio.to_thread(sending.send, operation)


async def raw(method: str, path: str, body: Any) -> Answer:
    """Send by method and path; errors of Legato become answers with their status."""
    import asyncio

    return await asyncio.to_thread(sending.raw, method, path, body)

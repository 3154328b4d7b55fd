"""The application asked without a socket: many requests in little time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

WHERE = {"host": "localhost"}


@asynccontextmanager
async def opened(app):
    """Start an application, and end it in good order."""
    inbox, outbox = asyncio.Queue(), asyncio.Queue()
    running = asyncio.create_task(
        app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, outbox.put)
    )
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
        await running


async def ask(app, call, base="/api"):
    """Send a request; return status, headers and body of the answer."""
    from urllib.parse import unquote

    pieces = [{"type": "http.request", "body": call.body, "more_body": False}]
    sent = []

    async def receive():
        return pieces.pop() if pieces else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": base + unquote(call.path),
        "raw_path": (base + call.path).encode(),
        "query_string": call.query,
        "root_path": "",
        "headers": [
            (name.encode(), value.encode()) for name, value in {**WHERE, **call.headers}.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    with suppress(Exception):  # Starlette raises anew what it has answered with 500
        await app(scope, receive, send)
    assert sent, f"no answer to {call.method} {call.path}"
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body

"""The server as a process: opens the store, listens, and ends in good order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import uvicorn
from msgspec import Struct
from starlette.types import ASGIApp

from legato._model.errors import SettingsError
from legato._model.ports import Clock
from legato._server.application import application
from legato._server.connections import Connection
from legato._server.control import Control
from legato._server.duties import Duties
from legato._server.lifetime import REQUESTS_SECONDS, Lifetime
from legato._server.safety import LOOPBACK, Access
from legato._server.socket_protocol import SOCKETS
from legato._store.port import Store

if TYPE_CHECKING:
    import socket


class Options(Struct, frozen=True, kw_only=True):
    """Where a server listens, and whom it lets in."""

    host: str = "127.0.0.1"
    port: int = 4200
    base_path: str = "/api"
    auth_string: str | None = None
    api_key: str | None = None
    hosts: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address of the API."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.base_path}"

    def access(self) -> Access:
        """Return who is let in; raise SettingsError for a server that anybody could use."""
        access = Access(
            hosts=frozenset({*LOOPBACK, self.host.lower(), *map(str.lower, self.hosts)}),
            auth_string=self.auth_string,
            api_key=self.api_key,
        )
        if not (access.asks or is_loopback(self.host)):
            raise SettingsError(
                f"A server that listens on {self.host} can be reached by others, so it must ask who"
                " they are: set LEGATO_SERVER_API_AUTH_STRING to USER:PASSWORD, or"
                " LEGATO_SERVER_API_KEY to a key, or listen on 127.0.0.1."
            )
        return access


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    store: Store,
    clock: Clock,
    options: Options,
    *,
    sockets: list[socket.socket],
    duties: Duties | None = None,
    lifetime: Lifetime | None = None,
) -> None:
    """Serve on these sockets until a signal comes, or the end of `lifetime`.

    Requests at work may go on for seven seconds then; after ten at most the process has ended.
    """
    access = options.access()
    control, chores, life = Control(store, clock), duties or Duties([]), lifetime or Lifetime()
    app = application(control, access, options.base_path, chores)
    server = _Server(config(app), life.when_ready)

    def ends() -> None:
        server.end()
        chores.halt()

    life.catch(ends)
    chores.start()
    try:
        server.run(sockets)
    finally:
        life.end()  # what is left to do may not take for ever either, whatever came to pass
        chores.stop(life.left())


def config(app: ASGIApp) -> uvicorn.Config:
    """Return how uvicorn serves the application."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        loop="asyncio" if sys.platform == "win32" else "uvloop",
        http=Connection,
        **SOCKETS,
        timeout_graceful_shutdown=REQUESTS_SECONDS,
        lifespan="on",
    )


class _Server(uvicorn.Server):
    """A server that says when it answers, and leaves signals to `Lifetime`."""

    def __init__(self, config: uvicorn.Config, ready: list[Callable[[], None]]) -> None:
        super().__init__(config)
        self._ready = ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    def end(self) -> None:
        """Let the server end; from any thread, or a signal."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn wakes up ten times a second and looks, and sees to Date."""
        if not self.should_exit:
            await self._told.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started and not self.should_exit:
            for call in self._ready:
                call()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

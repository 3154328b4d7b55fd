"""The server as a process: opens the store, listens, and ends in good order."""

from __future__ import annotations

import ipaddress
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from msgspec import Struct

from legato._model.errors import SettingsError
from legato._model.ports import Clock
from legato._server.application import application
from legato._server.connections import Connection
from legato._server.control import Control
from legato._server.duties import Duties
from legato._server.safety import LOOPBACK, Access
from legato._server.socket_protocol import SOCKETS
from legato._store.port import Store

GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 30
_BACKLOG = 2048


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
    duties: Duties | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal comes; `ready` is called when requests are answered.

    SIGINT or SIGTERM lets requests at work end, for ten seconds at most.
    """
    access = options.access()
    control, chores = Control(store, clock), duties or Duties([])
    app = application(control, access, options.base_path, chores)
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        loop="asyncio" if sys.platform == "win32" else "uvloop",
        http=Connection,
        **SOCKETS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=_BACKLOG,
        lifespan="on",
    )
    chores.start()
    signal.signal(signal.SIGTERM, _ended)
    try:
        with suppress(KeyboardInterrupt, _Ended):  # uvicorn has ended in good order before
            _Server(config, ready).run()
    finally:
        chores.stop(GRACE_SECONDS)


class _Ended(BaseException):
    """SIGTERM came."""


def _ended(number: int, frame: object) -> None:
    raise _Ended


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._ready()

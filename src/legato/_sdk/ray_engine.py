"""An instance of Ray, as `dispatch.py` sees it. A process is connected to one at a time."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from legato._sdk import platform_posix as platform
from legato._sdk.exceptions import ConfigurationError
from legato._sdk.ray_runner import current_remote_options
from legato._sdk.remote_errand import run_errand
from legato._sdk.remote_runner import LOOPBACK, own_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

REACH_SECONDS = 5.0


class _Connection:
    """The connection that this module has made, and by how many flow runs it is used."""

    lock = Lock()
    users = 0


class RayEngine:
    """Uses the connection that there is, or makes one as the options of `RayTaskRunner` say."""

    name = "Ray"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._ray: Any = import_module("ray")
        address: str | None = options["address"]
        with _Connection.lock:
            self._shares = bool(_Connection.users) or not self._ray.is_initialized()
            if not self._ray.is_initialized():
                _reach(address)
                with platform.keeping_terminate():  # Ray takes it, and ends the flow by sys.exit
                    self._ray.init(address, **(options["init_kwargs"] or {}))
            _Connection.users += self._shares
        self._closed = False
        self.host = self._own_host(address)
        self._remote: Any = self._ray.remote(run_errand)

    def submit(
        self, name: str, key: str, blob: bytes, done: Callable[[BaseException | None], None]
    ) -> Any:
        """Have a worker do an errand; `remote_options` around the submission hold for it."""
        options = {"name": name, **current_remote_options()}
        reference: Any = self._remote.options(**options).remote(blob)

        def tell(ended: Any) -> None:
            error: BaseException | None = ended.exception()
            done(error)

        reference.future().add_done_callback(tell)
        return reference

    def forget(self, handle: Any) -> None:
        """Let go of a task that has ended; nothing holds it any more."""

    def kill(self, handles: Iterable[Any]) -> None:
        """Kill the processes that are at work on these tasks."""
        for reference in handles:
            with suppress(Exception):  # one that has ended meanwhile
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Shut down what was started for flow runs, with the last one of them."""
        with _Connection.lock:
            if self._shares and not self._closed:
                _Connection.users -= 1
                if not _Connection.users:
                    self._ray.shutdown()
            self._closed = True

    def _own_host(self, address: str | None) -> str:
        if address is not None and address.startswith("ray://"):
            return own_host(urlsplit(address).hostname or "")
        started_here = self._shares and address in {None, "local"}
        if started_here and "RAY_ADDRESS" not in os.environ:
            return LOOPBACK
        host: str = self._ray.util.get_node_ip_address()
        return host


def _reach(address: str | None) -> None:
    """Raise ConfigurationError if nobody answers at an address: Ray would try for a minute."""
    if address is None or ":" not in address:
        return
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), REACH_SECONDS).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"RayTaskRunner: no Ray answers at {address}: {error}. Start it with "
            "`ray start --head`, or leave address out for one on this machine."
        ) from error

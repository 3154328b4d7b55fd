"""The sockets that a server listens on, taken before anything else is done."""

from __future__ import annotations

import errno
import socket

from legato._model.errors import SettingsError

_BACKLOG = 2048


class AddressTaken(SettingsError):
    """Somebody else listens there."""


def listening(host: str, port: int) -> list[socket.socket]:
    """Listen on all addresses of a host; port 0 is any that is free.

    Raises AddressTaken if another process has the port, SettingsError for what is no address of
    this machine.
    """
    taken: list[socket.socket] = []
    missing: OSError | None = None
    try:
        kind = socket.SOCK_STREAM
        found = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, where) for family, *_, where in found):
            at = (address[0], port, *address[2:])
            try:
                taken.append(socket.create_server(at, family=family, backlog=_BACKLOG))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                missing = error  # ::1 is a name of machines that speak no IPv6, too
                continue
            port = taken[0].getsockname()[1]
        if missing is not None and not taken:
            raise missing
    except OSError as error:
        for one in taken:
            one.close()
        raise _explained(host, port, error) from None
    return taken


def _explained(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        return AddressTaken(
            f"Port {port} of {host} is taken by another process: end that one, or choose another"
            " port with --port or LEGATO_SERVER_API_PORT."
        )
    return SettingsError(
        f"A server cannot listen on {host}, port {port} ({error.strerror or error}): name an"
        " address of this machine with --host or LEGATO_SERVER_API_HOST."
    )

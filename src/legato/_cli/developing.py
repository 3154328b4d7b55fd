"""How `legato dev` runs a server and a command as one tree.

The server is this process; the command hangs below another one, `tree_process`, which ends it with
all that it has started also when this process is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from legato._cli import serving
from legato._cli.exits import COMPLETED, Misuse

if TYPE_CHECKING:
    import socket

    from legato._cli.serving import Asked
    from legato._server.lifetime import Lifetime
    from legato._server.serve import Options

_HOST = "127.0.0.1"


def develop(port: int | None, database_url: str | None, argv: Sequence[str]) -> int:
    """Serve until the command ends, or a signal comes; return the exit status."""
    from legato._server.lifetime import Lifetime

    if argv and sys.platform == "win32":
        raise Misuse("`legato dev` runs no command on Windows: start it beside the server.")
    if argv and shutil.which(argv[0]) is None:
        raise Misuse(f"There is no command {argv[0]!r}: name a program, or its path.")
    what, sockets = _listening(serving.asked(_HOST, port, None, database_url), port)
    options = what.options()
    tree = Tree(argv, _environment(options)) if argv else None
    life = Lifetime(None if tree is None else tree.signalled)
    described = f"  It is described at {options.url}/openapi.json"
    life.when_ready.append(lambda: serving.announce(described))
    if tree is not None:
        tree.belongs_to(life)
    serving.serve(what, sockets, life)
    return COMPLETED if tree is None else tree.code


def _listening(what: Asked, port: int | None) -> tuple[Asked, list[socket.socket]]:
    """Take the port that was asked for, or the usual one, or any if somebody else has that."""
    from legato._server.listening import AddressTaken, listening

    try:
        sockets = listening(what.host, what.port)
    except AddressTaken:
        if port is not None:
            raise
        sockets = listening(what.host, 0)
    return what.at(sockets[0].getsockname()[1]), sockets


def _environment(options: Options) -> dict[str, str]:
    """Return the environment of what is to record through that server."""
    found = {**os.environ, "LEGATO_API_URL": options.url}
    if options.auth_string is not None:
        found["LEGATO_API_AUTH_STRING"] = options.auth_string
    if options.api_key is not None:
        found["LEGATO_API_KEY"] = options.api_key
    return found


class Tree:
    """The command, from when the server answers until the server ends."""

    def __init__(self, argv: Sequence[str], environment: dict[str, str]) -> None:
        self.code = COMPLETED
        self._argv, self._environment = argv, environment
        self._hearing, self._telling = os.pipe()
        self._started = False
        self._life: Lifetime | None = None

    def belongs_to(self, life: Lifetime) -> None:
        """Begin and end with a server."""
        self._life = life
        life.when_ready.append(self._start)
        life.last_words.append(lambda: self._tell(signal.SIGKILL))

    def signalled(self, number: int) -> None:
        """End the command at a signal; the server ends after it, as the last records come then."""
        if self._started:
            self._tell(0 if number == signal.SIGINT and _is_in_foreground() else number)
        else:
            self.code = 128 + number
            self._end()

    def _start(self) -> None:
        from legato._backend import tree_process

        tree_process.adopt()
        program = [sys.executable, "-P", "-m", tree_process.__name__, str(self._hearing)]
        process = subprocess.Popen(
            [*program, *self._argv], env=self._environment, pass_fds=[self._hearing]
        )
        self._started = True
        os.close(self._hearing)
        threading.Thread(target=self._wait, args=[process], name="legato-tree", daemon=True).start()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        from legato._backend import tree_process

        self.code = tree_process.status_of(process.wait())
        tree_process.signal_descendants(signal.SIGKILL)  # there are some if that one was killed
        self._end()

    def _tell(self, number: int) -> None:
        with suppress(OSError):  # it has ended
            os.write(self._telling, bytes([number]))

    def _end(self) -> None:
        if self._life is not None:
            self._life.end()


def _is_in_foreground() -> bool:
    """Tell whether Ctrl-C at the terminal reaches the command by itself."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False

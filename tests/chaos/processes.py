"""Real processes, awaited by the lines that they print; none is waited for without a deadline."""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tests.chaos.scale import scale

ROOT = Path(__file__).parents[2]
ACTORS = Path(__file__).parent / "actors"
FIRST_PORT, PORTS = 20_000, 12_000  # below those that the kernel gives to connections
DEADLINE = 60.0 + 20.0 * scale("ROUNDS")


def free_port() -> int:
    """Return a port that nothing listens on, and that is given to no connection meanwhile."""
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process and close its pipes; they are not read, as a child may have their ends."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what it was told last
                pipe.close()


class Stuck(AssertionError):
    """A process did not do in time what it should; its stacks are in the message."""


def ready(stream: IO[bytes], seconds: float) -> bool:
    """Wait until something is to be read, also where more than 1,024 files are open."""
    look = select.poll()
    look.register(stream, select.POLLIN)
    return bool(look.poll(seconds * 1000))


class Actor:
    """A Python process; `script` is a path, or code if it holds a line break or a blank."""

    def __init__(self, home: Path, script: str | Path, *args: object, **env: str | None) -> None:
        text = str(script)
        code = ["-c", text] if " " in text or "\n" in text else [text]
        self.stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *code, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env=environment(home, **env),
            bufsize=0,
        )
        self._unread = b""

    @property
    def pid(self) -> int:
        return self.process.pid

    def errors(self) -> str:
        """Return what it wrote to stderr so far."""
        self.stderr.seek(0)
        return self.stderr.read().decode(errors="replace")

    def line(self, timeout: float = DEADLINE) -> str | None:
        """Return the next line of its stdout; None at its end."""
        stream = self.process.stdout
        assert stream is not None
        end = time.monotonic() + timeout
        while b"\n" not in self._unread:
            if not ready(stream, max(0.0, end - time.monotonic())):
                raise Stuck(self.autopsy("printed nothing"))
            found = os.read(stream.fileno(), 65536)
            if not found:
                left, self._unread = self._unread, b""
                return left.decode() or None
            self._unread += found
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def until(self, word: str) -> str:
        """Skip lines up to one that begins with `word`; return what follows."""
        while (line := self.line()) is not None:
            if line.startswith(word):
                return line[len(word) :].strip()
        raise AssertionError(f"{word!r} was not printed:\n{self.errors()}")

    def rest(self) -> list[str]:
        """Return all further lines, and wait for the end of the process."""
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
        self.ends()
        return lines

    def ends(self, timeout: float = DEADLINE) -> int:
        """Return its exit status once it has ended."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Stuck(self.autopsy("did not end")) from None

    def lives_for(self, seconds: float) -> bool:
        """Let it go on for a while; tell whether it still runs then."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def tell(self, line: str = "") -> None:
        """Write a line to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it as -9 does and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def autopsy(self, what: str) -> str:
        """Make the process write its stacks, kill it, and tell all about it."""
        if self.process.poll() is None:
            self.signal(signal.SIGABRT)
            if self.lives_for(5):
                self.process.kill()
        return f"process {self.pid} {what}:\n{self.errors()}"

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.stderr):
            if stream is not None:
                stream.close()


def environment(home: Path, **more: str | None) -> dict[str, str]:
    """Return this environment with no settings of Legato but the home; None removes a name."""
    found: dict[str, str | None] = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LEGATO_", "PREFECT_"))
    }
    # what PYTHONPATH named comes last, the root of the repository first
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    found |= {"LEGATO_HOME": str(home), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}
    return {name: value for name, value in found.items() if value is not None}


SWEEP = "from legato._backend.current import current; current().store"


def sweep(home: Path, **env: str | None) -> int:
    """Open the home in another process, which closes the runs of dead ones; return its status."""
    actor = Actor(home, SWEEP, **env)
    try:
        status = actor.ends()
        assert status in (0, -signal.SIGKILL), actor.errors()
        return status
    finally:
        actor.close()

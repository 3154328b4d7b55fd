"""A notebook's kernel as a notebook drives it: cells, what they print, interrupts, restarts.

Code in the kernel has `sign(word)`, which a test awaits without the kernel's own streams: an
interrupt may come while these are at work.
"""

from __future__ import annotations

import os
import re
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.chaos.processes import environment

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 60.0
SIGNING = """
import os
_signs = os.open({!r}, os.O_WRONLY)

def sign(word):
    os.write(_signs, f"{{word}}\\n".encode())
"""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Cell(NamedTuple):
    """What came of a cell: "ok" or "error", its streams, its traceback, and what it showed."""

    status: str
    out: str
    err: str
    traceback: str
    shown: list[dict[str, str]]


class Kernel:
    """A running kernel that records into a home; cells are run one at a time."""

    def __init__(self, home: Path) -> None:
        from jupyter_client.manager import KernelManager

        self.home = home
        self._manager: Any = KernelManager(kernel_name="python3")
        self._manager.start_kernel(env=environment(home))
        self._client: Any = None
        self._cell = ""
        os.mkfifo(home / "signs")
        self._signs = os.open(home / "signs", os.O_RDWR)
        self._connect()

    def _connect(self) -> None:
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=DEADLINE)
        assert self.run(SIGNING.format(str(self.home / "signs"))).status == "ok"

    def run(self, code: str) -> Cell:
        """Run a cell to its end."""
        self.begin(code)
        return self.end()

    def begin(self, code: str) -> None:
        """Start a cell."""
        self._streams = {"stdout": "", "stderr": ""}
        self._traceback = ""
        self._shown: list[dict[str, str]] = []
        self._cell = self._client.execute(code)

    def until(self, word: str) -> None:
        """Wait until code in the kernel has signed with a word; it is the next one."""
        found = b""
        while not found.endswith(b"\n"):
            ready, _, _ = select.select([self._signs], [], [], DEADLINE)
            assert ready, f"{word!r} did not come"
            found += os.read(self._signs, 1)
        assert found.decode().strip() == word

    def end(self, within: float = DEADLINE) -> Cell:
        """Wait for the end of the cell; raise Empty if it does not come."""
        self._read(lambda message: message["content"].get("execution_state") == "idle", within)
        status = "error" if self._traceback else "ok"
        streams = self._streams
        return Cell(status, streams["stdout"], streams["stderr"], self._traceback, self._shown)

    def interrupt(self) -> None:
        """Press the notebook's stop button."""
        self._manager.interrupt_kernel()

    def stop(self) -> Cell:
        """Press it until the cell ends: CPython loses a signal that comes as a wait begins."""
        while True:
            self.interrupt()
            with suppress(Empty):
                return self.end(within=2.0)

    def restart(self) -> None:
        """Press the restart button; the kernel ends at once, whatever runs.

        That interrupts the kernel before it kills it, which leaves what runs some time or none:
        here it is killed before.
        """
        self._client.stop_channels()
        self._manager.signal_kernel(signal.SIGKILL)
        self._manager.restart_kernel(now=True)
        self._connect()

    def close(self) -> None:
        os.close(self._signs)
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def _read(self, enough: Callable[[Any], bool], within: float) -> None:
        end = time.monotonic() + within
        while True:
            left = max(0.0, end - time.monotonic())
            message = self._client.get_iopub_msg(timeout=left)  # raises Empty
            if message["parent_header"].get("msg_id") != self._cell:
                continue
            self._note(message["msg_type"], message["content"])
            if enough(message):
                return

    def _note(self, kind: str, content: Any) -> None:
        if kind == "stream":
            self._streams[content["name"]] += content["text"]
        elif kind == "error":
            self._traceback = _COLOURS.sub("", "\n".join(content["traceback"]))
        elif kind in ("display_data", "execute_result"):
            self._shown.append(content["data"])

"""A command with all that it starts, which ends as one tree.

Run as a process of its own, between the one that asks for the command and the command. Over a pipe
that one says, in one byte, that the tree is to end: the signal to send first, 0 for none. SIGKILL
follows when the time of grace is over, or at once if that is what is asked for. The end of the pipe
means that who asked has died. What the command leaves behind when it has ended by itself ends, too.

Signals of the terminal reach the command as if nobody stood in between.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

from legato._backend.keeper_process import processes

GRACE_SECONDS = 8.0
NO_COMMAND = 127
_AGAIN_SECONDS = 0.05
_GIVE_UP_SECONDS = 5.0
"""How long after SIGKILL what is still there is left: it belongs to another user."""
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER: children whose parents have died become children of this process."""


class Tree:
    """The command and what has come of it."""

    def __init__(self, pipe: int, woken: int, command: list[str]) -> None:
        self._pipe: int | None = pipe
        self._woken = woken
        self._child = subprocess.Popen(command)
        self._kill_at: float | None = None

    def run(self) -> int:
        """Wait for the command and whatever it has left; return how the command ended."""
        while self._reap():
            if self._child.returncode is not None and self._kill_at is None:
                self._end(signal.SIGTERM)  # what it has left
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                signal_descendants(signal.SIGKILL)
                if time.monotonic() > self._kill_at + _GIVE_UP_SECONDS:
                    break
            self._wait()
        code = self._child.returncode
        return NO_COMMAND if code is None else status_of(code)

    def _reap(self) -> bool:
        """Take leave of children that have ended; tell whether there are others."""
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self._child.pid:
                    self._child.returncode = os.waitstatus_to_exitcode(found[1])
        except ChildProcessError:
            return False
        return True

    def _wait(self) -> None:
        """Wait until a child ends, something is said on the pipe, or the time of grace is over."""
        left = None
        if self._kill_at is not None:
            left = max(_AGAIN_SECONDS, self._kill_at - time.monotonic())
        heard = [self._woken] if self._pipe is None else [self._woken, self._pipe]
        ready = select.select(heard, [], [], left)[0]
        if self._woken in ready:
            os.read(self._woken, 4096)
        if self._pipe is not None and self._pipe in ready:
            said = os.read(self._pipe, 1)
            if said:
                self._end(said[0])
            else:
                self._pipe = None
                self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        now = time.monotonic()
        self._kill_at = now if number == signal.SIGKILL else self._kill_at or now + GRACE_SECONDS
        if number:
            signal_descendants(number)


def status_of(code: int) -> int:
    """Return the exit status of a process as a shell tells it."""
    return code if code >= 0 else 128 - code


def signal_descendants(number: int) -> None:
    """Send a signal to all descendants of this process."""
    above = {pid: parent for pid, (parent, _) in processes().items()}
    family = {os.getpid()}
    while more := {pid for pid, parent in above.items() if parent in family} - family:
        family |= more
    for pid in family - {os.getpid()}:
        try:
            os.kill(pid, number)
        except OSError:  # it has ended by itself, or become another user's
            continue


def adopt() -> None:
    """Become the parent of descendants whose own parents die, where the kernel has that."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _noticed(_: int, __: object) -> None:
    """Do nothing: the pipe of wake-ups has word of the signal."""


def _wakeups() -> int:
    """Return a pipe that has something to read when a signal has come."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    # not ignored, which the command would inherit
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD)
    for number in numbers:
        signal.signal(number, _noticed)
    return reading


def main() -> int:
    """Start the command and wait for its tree."""
    pipe, command = int(sys.argv[1]), sys.argv[2:]
    adopt()
    woken = _wakeups()
    try:
        tree = Tree(pipe, woken, command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)  # noqa: T201
        return NO_COMMAND
    return tree.run()


if __name__ == "__main__":
    sys.exit(main())

"""The keeper: a small process beside one that runs flows, which no user code can hold up.

It renews the leases of its process at the server, tells the server when the process is dead, and
ends the process when a run is to be cancelled or has taken too long: SIGTERM, a while of grace,
then SIGKILL to it and all its descendants.

Run by its path, with the standard library only: it must be small and start soon. Lines of JSON
come in on stdin: first the configuration, then `{"begin": RUN, "kill": BOOL, "ends": TIME}` and
`{"end": RUN}` (the writer's own id stands for task runs of no flow run), and `{"bye": true}` before
the process ends in good order. The end of stdin without that is a crash. It is no child of its
process, which may wait for all that it has.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` itself is a megabyte
if TYPE_CHECKING:
    from typing import Any
if TYPE_CHECKING or __package__:
    from legato._backend.keeper_wire import Server, Stream
else:  # run by its path
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from keeper_wire import Server, Stream

AGAIN_SECONDS = 1.0
FOLLOW_SECONDS, REFUSED_SECONDS = 5.0, 60.0
"""How soon a stream that has ended, or does not come through, is tried again."""
LOOK_SECONDS = 0.25
"""How often is looked whether a process that was told to end has done so."""
LAST_WORDS_SECONDS = 0.15
"""For so long what a process has sent as it died is on its way."""
REPORTING_SECONDS = 60.0
"""How long the death of a process is reported to a server that does not answer."""
ORPHANS_SECONDS = 5.0
"""How long the children of a process that was cancelled may take to end after it."""


class Process:
    """The process that is kept, by a handle that no other process of its number can have."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.handle = _handle(pid)
        self._known: dict[int, int] = {}

    def is_dead(self) -> bool:
        """Tell whether it has ended, whoever may still have to wait for it."""
        if self.handle is not None:
            return bool(select.select([self.handle], [], [], 0)[0])
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def send(self, number: int) -> None:
        """Send it a signal, if it is there."""
        try:
            if self.handle is not None and hasattr(signal, "pidfd_send_signal"):
                signal.pidfd_send_signal(self.handle, number)
            elif not self.is_dead():
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def look(self) -> None:
        """Note which descendants it has, as nobody knows whose they were once it is gone."""
        parents = processes()
        family = {self.pid, *(pid for pid in self._known if pid in parents)}
        grows = True
        while grows:
            found = {pid for pid, (above, _) in parents.items() if above in family}
            grows = not found <= family
            family |= found
        family.discard(self.pid)
        for pid in family:
            self._known.setdefault(pid, parents[pid][1])

    def orphans(self) -> list[int]:
        """Return the descendants that it has left behind."""
        self.look()
        living = processes()
        return [
            pid for pid, start in self._known.items() if pid in living and living[pid][1] == start
        ]

    def signal_orphans(self, number: int) -> bool:
        """Send a signal to the descendants; tell whether there was one."""
        orphans = self.orphans()
        for pid in orphans:
            try:
                os.kill(pid, number)
            except OSError:  # it has ended by itself, or become another user's
                continue
        return bool(orphans)


def _handle(pid: int) -> int | None:
    """Return what is readable once the process has ended; None where kernels have no such thing."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def processes() -> dict[int, tuple[int, int]]:
    """Return parent and time of start of the processes that are not dead, where /proc tells."""
    found: dict[int, tuple[int, int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    stat = file.read()
            except OSError:
                continue
            fields = stat[stat.rindex(b")") + 2 :].split()
            if fields[0] not in (b"Z", b"X"):
                found[int(name)] = int(fields[1]), int(fields[19])
    return found


class Keeper:
    """What is kept: the runs, when the leases are due, and how far an end has come."""

    def __init__(self, config: dict[str, Any], process: Process) -> None:
        self._config, self._process, self._server = config, process, Server(config)
        self._path = f"/writers/{config['writer']}"
        self._runs: dict[str, dict[str, Any]] = {}
        self._renew_at = time.monotonic()
        self._kill_at: float | None = None
        self._stream: Stream | None = None
        self._follow_at = self._renew_at
        self._heard_of: list[str] = []
        self._answers = False
        self._rest = b""
        self._hears = True
        self._said_bye = False

    def run(self) -> None:
        """Keep the process until it ends."""
        while not self._is_over():
            now = time.monotonic()
            self._renew_if_due(now)
            self._follow(now)
            self._end_late_runs(now)
            if self._kill_at is not None and now >= self._kill_at:
                self._process.look()
                self._process.send(signal.SIGKILL)
            self._wait()
        told = self._said_bye
        if not told:
            time.sleep(LAST_WORDS_SECONDS)
            told = self._close(None)
        if self._kill_at is not None:
            self._end_orphans()
        if not told:
            self._report()

    def _is_over(self) -> bool:
        if self._process.is_dead():
            self._hear()  # its last words
            return True
        if self._hears or self._process.handle is not None:
            return self._said_bye and self._kill_at is None
        return True  # nobody could tell otherwise

    def _wait(self) -> None:
        """Wait until something is due, or comes in, or the process ends."""
        dues = [run["ends"] for run in self._runs.values() if run["ends"] is not None]
        if self._runs:
            dues.append(self._renew_at)
        if self._may_follow():
            dues.append(self._follow_at)
        if self._kill_at is not None:
            self._process.look()
            dues.append(time.monotonic() + LOOK_SECONDS)
        left = max(0.0, min(dues) - time.monotonic()) if dues else None
        heard = [0] if self._hears else []
        others = [self._process.handle, self._stream and self._stream.fileno()]
        handles = [*heard, *(one for one in others if one is not None)]
        ready = select.select(handles, [], [], left)[0]
        if 0 in ready:
            self._hear()
        if self._stream is not None and self._stream.fileno() in ready:
            self._hear_stream(self._stream)

    def _hear(self) -> None:
        """Take in what has come on stdin."""
        while self._hears and select.select([0], [], [], 0)[0]:
            part = os.read(0, 65536)
            if not part:
                self._hears = False
            *lines, self._rest = (self._rest + part).split(b"\n")
            for line in lines:
                self._take(json.loads(line))

    def _take(self, said: dict[str, Any]) -> None:
        if "begin" in said:
            self._runs[said["begin"]] = said
            self._renew_at = min(self._renew_at, time.monotonic() + self._config["every"])
        elif "end" in said:
            self._runs.pop(said["end"], None)
        elif "bye" in said:
            self._said_bye = True

    def _may_follow(self) -> bool:
        """Tell whether a stream could tell of a cancellation, and there is none yet."""
        return self._answers and self._stream is None and self._kill_at is None and any(self._ids())

    def _ids(self) -> list[str]:
        return sorted(self._runs.keys() - {self._config["writer"]})

    def _follow(self, now: float) -> None:
        """Hear at once that a run is cancelled, and not at the next renewal."""
        if self._stream is not None and self._heard_of != self._ids():
            self._leave(now)
        if not self._may_follow() or now < self._follow_at:
            return
        self._heard_of = self._ids()
        self._follow_at = now + FOLLOW_SECONDS
        try:
            self._stream = self._server.stream(self._heard_of)
        except ValueError:
            self._follow_at = now + REFUSED_SECONDS
        except OSError:
            return

    def _leave(self, now: float) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream, self._follow_at = None, now

    def _hear_stream(self, stream: Stream) -> None:
        now = time.monotonic()
        try:
            if stream.heard():  # at its beginning, too: what was told before is not told again
                self._renew_at = now
        except (OSError, ValueError):
            self._leave(now + FOLLOW_SECONDS)

    def _renew_if_due(self, now: float) -> None:
        if not self._runs or now < self._renew_at:
            return
        self._renew_at = now + self._config["every"]
        content = {"lease_duration": self._config["ttl"]}
        try:
            status, answer = self._server.post(f"{self._path}/renew", content)
        except (OSError, ValueError):
            self._renew_at = now + min(AGAIN_SECONDS, self._config["every"])
            self._answers = False
            return
        self._answers = True
        if status == 200:
            for run_id in answer.get("cancelling", ()):
                self._cancel(run_id)

    def _cancel(self, run_id: str) -> None:
        """End the process of a run, or the run alone if the process is more than that."""
        run = self._runs.get(run_id)
        if run is not None and not self._end_process(run) and self._close([run_id]):
            del self._runs[run_id]

    def _end_late_runs(self, now: float) -> None:
        for run_id, run in list(self._runs.items()):
            if run["ends"] is None or now < run["ends"]:
                continue
            message = f"Flow run exceeded timeout of {run['timeout']} second(s)"
            closed = self._close([run_id], message=message, timed_out=True)
            run["ends"] = None if closed else now + AGAIN_SECONDS
            if not self._end_process(run) and closed:
                del self._runs[run_id]

    def _end_process(self, run: dict[str, Any]) -> bool:
        """Ask the process to end, unless it does more than this run; tell whether it was asked."""
        others = self._runs.keys() - {run["begin"], self._config["writer"]}
        if self._kill_at is None and run["kill"] and not others:
            self._kill_at = time.monotonic() + self._config["grace"]
            self._process.look()
            self._process.send(signal.SIGTERM)
        return self._kill_at is not None

    def _close(self, runs: list[str] | None, **more: object) -> bool:
        """Have the server close runs, or all of them; tell whether that is settled."""
        content = {"flow_run_ids": runs, **more}
        try:
            status, _ = self._server.post(f"{self._path}/close", content)
        except (OSError, ValueError):
            return False
        return status < 500

    def _report(self) -> None:
        """Tell the server that the process is dead."""
        end = time.monotonic() + REPORTING_SECONDS
        while not self._close(None) and time.monotonic() < end:
            time.sleep(AGAIN_SECONDS)

    def _end_orphans(self) -> None:
        end = time.monotonic() + min(ORPHANS_SECONDS, self._config["grace"])
        number = signal.SIGTERM
        while self._process.signal_orphans(number):
            if time.monotonic() >= end:
                number = signal.SIGKILL
            time.sleep(LOOK_SECONDS)


def main() -> None:
    """Detach from the process that started this one, then keep it."""
    process = Process(int(sys.argv[1]))
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1)
        if not part:
            return
        line += part
    Keeper(json.loads(line), process).run()


if __name__ == "__main__":
    main()

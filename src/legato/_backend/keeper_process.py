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
import socket
import sys
import time

TYPE_CHECKING = False  # `typing` itself is a megabyte
if TYPE_CHECKING:
    from typing import Any

CONNECT_SECONDS, ANSWER_SECONDS, ANSWER_BYTES = 3.0, 5.0, 1 << 20
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 0.25
"""How often is looked whether a process that was told to end has done so."""
LAST_WORDS_SECONDS = 0.15
"""For so long what a process has sent as it died is on its way."""
REPORTING_SECONDS = 60.0
"""How long the death of a process is reported to a server that does not answer."""
ORPHANS_SECONDS = 5.0
"""How long the children of a process that was cancelled may take to end after it."""


class Server:
    """The API of a server; each request has a connection of its own."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._host, self._port = config["host"], config["port"]
        self._secure, self._path = config["secure"], config["path"]
        self._headers, self._proxy = _lines(config["headers"]), config["proxy"]

    def post(self, path: str, content: object) -> tuple[int, Any]:
        """Return status and JSON of an answer; raise OSError or ValueError if there is none."""
        body = json.dumps(content).encode()
        head = (  # HTTP/1.0: the answer comes in one piece and the connection ends behind it
            f"POST {self._path}{path} HTTP/1.0\r\nHost: {self._authority()}\r\n{self._headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with self._connected() as connection:
            connection.sendall(head.encode() + body)
            answer = _all_of(connection)
        lines, _, found = answer.partition(b"\r\n\r\n")
        status = int(lines[9:12])  # behind "HTTP/1.1 "
        return status, json.loads(found) if status == 200 else None

    def _connected(self) -> socket.socket:
        at = tuple(self._proxy["at"]) if self._proxy else (self._host, self._port)
        connection = socket.create_connection(at, CONNECT_SECONDS)
        connection.settimeout(ANSWER_SECONDS)
        if not self._secure:
            return connection
        if self._proxy:
            self._tunnel(connection)
        import ssl

        return ssl.create_default_context().wrap_socket(connection, server_hostname=self._host)

    def _tunnel(self, connection: socket.socket) -> None:
        there = self._authority()
        head = f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n{_lines(self._proxy['headers'])}\r\n"
        connection.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            part = connection.recv(1)  # what follows is of TLS
            if not part or len(answer) > ANSWER_BYTES:
                raise ValueError("the proxy does not answer")
            answer += part
        if answer[9:12] != b"200":
            raise ValueError("the proxy refuses")

    def _authority(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"


def _lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _all_of(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    size, end = 0, time.monotonic() + ANSWER_SECONDS
    while part := connection.recv(65536):
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES or time.monotonic() > end:
            raise ValueError("the answer does not end")
    return b"".join(parts)


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
        self._rest = b""
        self._hears = True
        self._said_bye = False

    def run(self) -> None:
        """Keep the process until it ends."""
        while not self._is_over():
            now = time.monotonic()
            self._renew_if_due(now)
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
        if self._kill_at is not None:
            self._process.look()
            dues.append(time.monotonic() + LOOK_SECONDS)
        left = max(0.0, min(dues) - time.monotonic()) if dues else None
        heard = [0] if self._hears else []
        handles = heard if self._process.handle is None else [*heard, self._process.handle]
        if 0 in select.select(handles, [], [], left)[0]:
            self._hear()

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

    def _renew_if_due(self, now: float) -> None:
        if not self._runs or now < self._renew_at:
            return
        self._renew_at = now + self._config["every"]
        content = {"lease_duration": self._config["ttl"]}
        try:
            status, answer = self._server.post(f"{self._path}/renew", content)
        except (OSError, ValueError):
            self._renew_at = now + min(AGAIN_SECONDS, self._config["every"])
            return
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

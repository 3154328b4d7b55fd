"""A PostgreSQL of a test's own, whose processes can be killed as by a power cut."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.processes import free_port
from tests.store.records import until

USER = "postgres"


def programs() -> Path | None:
    """Return the folder of the newest server programs; None if there are none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4])
    )
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).parent if named else None


class Cluster:
    """A cluster in `folder`, which it may own.

    Its processes are killed but not the machine, so nothing needs to reach the disk (fsync=off).
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.port = programs, folder, free_port()
        self.url = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:  # as root it refuses to run
            shutil.chown(folder, USER)
        made = ["-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8"]
        made += ["--no-locale", "--no-sync"]
        assert self._begin("initdb", *made).wait() == 0, self.said()

    def _begin(self, program: str, *args: str) -> subprocess.Popen[bytes]:
        more: dict[str, Any] = {"user": USER, "group": USER} if os.geteuid() == 0 else {}
        command = [str(self.programs / program), *args]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **more)

    def start(self) -> None:
        """Start it and return when it lets in; after a kill it has looked through its log then."""
        settings = {
            "fsync": "off",
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = self._begin("postgres", "-D", str(self.folder / "data"), *options)
        until(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        with suppress(psycopg.OperationalError), psycopg.connect(self.url):
            return True
        return False

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def kill(self) -> None:
        """Kill all its processes as -9 does and return when they are gone."""
        if self.process is None:
            return
        pid = self.process.pid
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)  # it begins no further process
            os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT | os.WEXITED)
        children: list[str] = []
        with suppress(FileNotFoundError):  # it has ended by itself
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.process.wait()
        self.process = None
        until(lambda: not any(Path(f"/proc/{child}/exe").exists() for child in children))


def waiting(url: str) -> int:
    """Count who waits for what another transaction on a database has locked."""
    with psycopg.connect(url) as connection:
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        [(count,)] = connection.execute(query).fetchall()
        return int(count)

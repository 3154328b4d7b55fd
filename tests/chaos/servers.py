"""A server as a process of its own, on either database, that can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from tests.chaos.processes import DEADLINE, Actor, free_port

if TYPE_CHECKING:
    from pathlib import Path

_START = """
import os, sys, threading
from legato._cli.main import main
from legato._store.faults import arm

def listen():
    while line := os.read(0, 4096):
        arm(line.decode().strip())
        print("armed", flush=True)

threading.Thread(target=listen, daemon=True).start()
sys.argv = ["legato", "server", "start", "--port", os.environ["LEGATO_TEST_PORT"]]
main()
"""


class ServerProcess:
    """The server of `home`, or of the PostgreSQL database at `database_url`."""

    def __init__(self, home: Path, database_url: str | None = None) -> None:
        self.home, self.database_url = home, database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.actor: Actor | None = None

    def start(self, **env: str | None) -> ServerProcess:
        """Start it and return when it answers."""
        self.home.mkdir(exist_ok=True)
        more = {
            "LEGATO_SERVER_DATABASE_CONNECTION_URL": self.database_url,
            "LEGATO_TEST_PORT": str(self.port),
            **env,
        }
        self.actor = Actor(self.home, _START, **more)
        end = time.monotonic() + DEADLINE
        while not self.answers():
            assert self.actor.process.poll() is None, self.actor.errors()
            assert time.monotonic() < end, self.actor.autopsy("does not answer")
            time.sleep(0.02)
        return self

    def answers(self) -> bool:
        """Tell whether it takes requests."""
        try:
            with urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """Kill it as -9 does."""
        assert self.actor is not None
        self.actor.kill()
        self.close()

    def arm(self, points: str) -> None:
        """Arm fail points, see `legato._store.faults`; return when they are."""
        assert self.actor is not None
        self.actor.tell(points)
        self.actor.until("armed")

    def dies(self) -> None:
        """Wait until one of them has killed it."""
        assert self.actor is not None
        assert self.actor.ends() == -signal.SIGKILL, self.actor.errors()
        self.close()

    def stands(self) -> None:
        """Wait until one of them has stopped it."""
        assert self.actor is not None
        os.waitid(os.P_PID, self.actor.pid, os.WSTOPPED | os.WNOWAIT)

    def stop(self) -> None:
        """Have it end in good order."""
        assert self.actor is not None
        self.actor.signal(signal.SIGTERM)
        self.actor.ends()
        self.close()

    def close(self) -> None:
        if self.actor is not None:
            self.actor.close()
            self.actor = None

    def ask(self, path: str, **body: Any) -> Any:
        """Return the answer to a POST."""
        request = Request(f"{self.url}{path}", json.dumps(body).encode(), method="POST")
        with urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def environment(self, home: Path) -> dict[str, str]:
        """Return what a process needs that records here, from another home."""
        return {**os.environ, "LEGATO_HOME": str(home), "LEGATO_API_URL": self.url}

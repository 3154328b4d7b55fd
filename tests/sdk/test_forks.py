"""Forks and other child processes inside tasks: every record once, and nobody waits for ever."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING

import pytest

from tests.chaos.actors.pools import KINDS
from tests.chaos.processes import ACTORS, Actor, sweep
from tests.chaos.scale import scale
from tests.chaos.verdict import count, look, problems
from tests.remote.actors import FORK_FIRST

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

ITEMS = 8
ROUNDS = scale("ROUNDS")


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Actor]]:
    started: list[Actor] = []

    def begin(script: Path | str, *args: object, **env: str | None) -> Actor:
        started.append(Actor(home, script, *args, **env))
        return started[-1]

    yield begin
    for actor in started:
        actor.close()


def states(home: Path, noun: str) -> dict[str, int]:
    """Return how many runs there are in each state."""
    return dict(look(home, f"select state_type, count(*) from {noun}_run group by 1"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_of_every_child_is_stored_once(
    home: Path, start: Callable[..., Actor], kind: str
) -> None:
    """Children that were forked inside the task belong to its flow run, others stand alone.

    Without fork handlers a child would commit what the parent had in its buffer once more, or
    wait for a lock that no thread of its own holds; two children would give two calls one key;
    without the flush before a result is handed over, `Pool.__exit__` would kill it with its work.
    """
    parent = start(ACTORS / "pools.py", kind, ROUNDS)
    returned = parent.rest()
    assert parent.ends() == 0, parent.errors()
    assert "Traceback" not in parent.errors()
    assert returned == [" ".join([str(7 * ITEMS + 2 * sum(range(ITEMS)))] * ROUNDS)]
    assert problems(home) == []
    forked = kind in ("joblib-multiprocessing", "pool-fork", "executor", "bare-fork")
    items = ITEMS * ROUNDS
    assert states(home, "flow") == {"COMPLETED": 1 + items}
    # leaf(-3), then for each round: spread, leaf(-1), leaf(-2), and for each item 3 leaves
    tasks = 1 + 3 * ROUNDS + 3 * items + (items if forked else 0)
    assert states(home, "task") == {"COMPLETED": tasks}
    assert count(home, "select count(*) from task_run_state") == 3 * tasks
    with_parent = count(home, "select count(*) from flow_run where parent_task_run_id is not null")
    assert with_parent == (items if forked else 0)
    alone = count(home, "select count(*) from task_run where flow_run_id is null")
    assert alone == (0 if forked else items)


def test_a_child_waits_for_what_its_parent_could_not_store_yet(
    home: Path, start: Callable[..., Actor]
) -> None:
    """Else the database would put aside what the child did for a flow run that it does not know."""
    (home / "legato.db").mkdir()
    script = start(FORK_FIRST, 0.5)
    script.until("forked")
    script.signal(signal.SIGSTOP)
    (home / "legato.db").rmdir()
    script.tell()
    script.until("left")
    script.signal(signal.SIGCONT)
    assert script.ends() == 0, script.errors()
    sweep(home)
    assert problems(home) == []
    assert states(home, "task") == {"COMPLETED": 3}
    assert count(home, "select count(*) from quarantine") == 0


def test_a_forked_child_is_ended_by_sigterm_without_python(start: Callable[..., Actor]) -> None:
    """A handler in Python may miss a signal just before a wait: `Pool.terminate` would hang."""
    actor = start(TERMINATED)
    assert actor.rest() == ["Default handler", "Default handler", "Default handler"]
    assert actor.ends() == 0, actor.errors()


TERMINATED = """
import os, signal
from legato import flow, task

@task
def leaf():
    return 1

def fork():
    if not os.fork():
        default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        os.write(1, b"Default handler\\n" if default else b"other\\n")
        os._exit(0)
    os.wait()

@flow
def whole():
    fork()
    leaf()
    fork()

leaf()
whole()
leaf()
fork()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_s_child_is_ended_by_sigterm_without_python(
    start: Callable[..., Actor], method: str
) -> None:
    """Also one that has called its first task outside of a flow itself."""
    actor = start(POOL, method)
    assert actor.rest() == ["Handlers.SIG_DFL"]
    assert actor.ends() == 0, actor.errors()


POOL = """
import multiprocessing, signal, sys
from tests.chaos.actors.pools import work

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as workers:
        workers.apply(work, (1,))
        print(repr(workers.apply(signal.getsignal, (signal.SIGTERM,))).split(":")[0].strip("<"))
"""


def test_log_records_of_runs_can_be_sent_to_another_process(start: Callable[..., Actor]) -> None:
    """As QueueHandler does; what they carry of the run stays where the run is active."""
    actor = start(QUEUE)
    assert "hello\n" in "\n".join(actor.rest())
    assert actor.ends() == 0, actor.errors()
    assert "pickle" not in actor.errors()


QUEUE = """
import logging, logging.handlers, multiprocessing
from legato import flow, get_run_logger

@flow
def whole():
    get_run_logger().info("hello")

queue = multiprocessing.Queue()
logging.root.addHandler(logging.handlers.QueueHandler(queue))
whole()
while "Finished" not in (text := queue.get(timeout=30).getMessage()):
    print(text)
print()
"""


def test_workers_of_a_pre_forking_server_call_flows(
    home: Path, start: Callable[..., Actor], tmp_path: Path
) -> None:
    """The master has opened the database before it forks, and goes on living."""
    place = tmp_path / "s"  # short: a socket's path has 108 bytes
    server = start(
        "import sys; from gunicorn.app.wsgiapp import run; sys.exit(run())",
        *("--preload", "--workers", 2, "--bind", f"unix:{place}", "--log-level", "error"),
        *("--graceful-timeout", 10, "tests.chaos.actors.prefork_app:app"),
    )
    requests = 20 * ROUNDS
    with ThreadPoolExecutor(4) as clients:
        bodies = list(clients.map(lambda n: ask(place, n, server), range(requests)))
    assert bodies == [str(2 * n) for n in range(requests)]
    server.signal(signal.SIGTERM)
    assert server.ends() == 0, server.errors()
    assert "Traceback" not in server.errors()
    assert problems(home) == []
    assert states(home, "flow") == {"COMPLETED": requests + 1}
    assert states(home, "task") == {"COMPLETED": 2 + 3 * requests}
    pids = count(home, "select count(distinct pid) from attempt")
    assert pids in (2, 3)  # a quick worker may take all
    assert count(home, "select count(*) from attempt where closed_at is null") == 0


def ask(place: Path, number: int, server: Actor) -> str:
    """Send a request once the server listens."""
    connection = HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    for _ in range(600):
        try:
            connection.sock.connect(str(place))
            break
        except (FileNotFoundError, ConnectionRefusedError):
            assert server.lives_for(0.05), server.errors()
    connection.request("GET", f"/?{number}")
    response: HTTPResponse = connection.getresponse()
    assert response.status == 200, server.errors()
    text = response.read().decode()
    connection.close()
    return text

"""A process whose runs a server records: cut off alone it loses them, with everybody it does not.

Without the pulse that servers note, a server that starts would close as dead all whose leases ran
out while there was none. Without `first_number` of an attempt, what a process sends that comes
back would be late for ever.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from legato._control import openings
from legato._model.operations.attempts import ListAttempts
from legato._model.states import StateType
from legato._store.checker import violations
from legato._store.sqlite import SqliteStore
from tests.backend.kept import Actor
from tests.chaos.processes import end, free_port
from tests.store.conftest import postgres_store, postgres_url
from tests.store.records import move, now, until, whole_task
from tests.store.test_receive import read_task

__all__ = ["postgres_url"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
TTL = 1.0


class Served:
    """`legato server start` at a home, with a lease of a second."""

    def __init__(self, home, database_url=None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.env = {**os.environ, "LEGATO_HOME": str(home), "LEGATO_LEASE_SECONDS": str(TTL)}
        if database_url is not None:
            self.env["LEGATO_SERVER_DATABASE_CONNECTION_URL"] = database_url
        self.process = None

    def start(self):
        argv = [sys.executable, "-m", "legato", "server", "start", "--port", str(self.port)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(argv, env=self.env, stdout=pipe, stderr=subprocess.STDOUT)
        assert b"API is at" in self.process.stdout.readline()

    def kill(self):
        end(self.process)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def served(request, home):
    """A server on each database, and a store of the test's own on that database."""
    if request.param == "sqlite":
        store, url = SqliteStore(home / "legato.db"), None
    else:
        url = request.getfixturevalue("postgres_url")
        store = postgres_store(url)
    server = Served(home, url)
    server.start()
    yield server, store
    server.kill()
    assert violations(store) == []
    store.close()


def attempts(store, run_id):
    request = ListAttempts(flow_run_id=run_id)
    return [(a.number, a.cause) for a in store.read(lambda tx: openings.list_(tx, now(), request))]


def test_who_is_cut_off_loses_a_run_and_finds_it_again_and_an_outage_costs_nobody_one(
    served, pytestconfig
):
    server, store = served
    actor = Actor(store, server.url, "idle", pytestconfig.rootpath, TTL)
    try:
        live, records = whole_task(actor.run_id)
        actor.sender.send(*records[:2])
        actor.is_renewed()
        os.kill(actor.keeper, signal.SIGSTOP)  # as if nothing got through any more
        until(lambda: actor.state.type is StateType.CRASHED)
        assert actor.state.message.startswith("lease expired")
        assert read_task(store, live.id).state_type is StateType.CRASHED
        os.kill(actor.keeper, signal.SIGCONT)
        until(lambda: actor.state.type is StateType.RUNNING)
        assert attempts(store, actor.run_id) == [(1, "expired"), (2, None)]
        server.kill()
        until(lambda: now() > actor.until)
        server.start()  # its first act is to look for leases that have run out
        actor.is_renewed()
        assert attempts(store, actor.run_id) == [(1, "expired"), (2, None)]
        answer = actor.sender.send(records[2], move(actor.run_id, StateType.COMPLETED))
        assert answer.fenced == []
        assert read_task(store, live.id).state_type is StateType.COMPLETED
        assert actor.state.type is StateType.COMPLETED
    finally:
        actor.over()
    until(lambda: actor.keeper is None)

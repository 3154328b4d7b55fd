"""A process that comes to another server on the same database in the middle of what it does."""

from __future__ import annotations

import signal
from itertools import cycle

import psycopg
import pytest

from legato._store.sql import Sql
from tests.chaos.postgres import waiting
from tests.chaos.scale import scale, seeded
from tests.chaos.servers import ServerProcess
from tests.remote.actors import LIMITED, RUN, STEADY
from tests.remote.conftest import opened
from tests.remote.whole import TASKS, is_whole
from tests.remote.wire import Wire
from tests.store.records import until

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    pytest.mark.parametrize(
        "server", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
    ),
]


@pytest.fixture
def other(server, tmp_path):
    """The second server; both are started."""
    server.start()
    other = ServerProcess(tmp_path / "other", server.database_url).start()
    yield other
    other.close()


@pytest.fixture
def wire(server, other):
    """A wire to the first server, which may be laid to the second one."""
    wire = Wire(server.port)
    yield wire
    wire.close()


def test_a_flow_goes_on_with_whichever_server_it_meets(server, other, start, wire):
    chance, moves = seeded("moves"), scale("MOVES")
    script = start(STEADY, 20 * moves, 0.005, LEGATO_API_URL=wire.url)
    script.until("middle")
    ports = cycle([other.port, server.port])
    for _ in range(moves):
        wire.move(next(ports))
        script.lives_for(chance.uniform(0, 0.1))
    script.until("total")
    assert script.ends() == 0, script.errors()
    is_whole(server, 20 * moves)


def test_a_batch_that_two_servers_have_is_stored_once(server, other, start, wire):
    script = start(RUN, TASKS, "halfway", LEGATO_API_URL=wire.url)
    script.until("halfway")
    with psycopg.connect(server.database_url) as locks:
        locks.execute("SELECT id FROM writer FOR UPDATE")
        script.tell()
        until(lambda: waiting(server.database_url) == 1)
        wire.move(other.port)
        until(lambda: waiting(server.database_url) == 2)
    script.until("total")
    assert script.ends() == 0, script.errors()
    is_whole(server)


def test_a_batch_is_answered_by_another_server_than_has_stored_it(server, other, start, wire):
    script = start(RUN, TASKS, "halfway", LEGATO_API_URL=wire.url)
    script.until("halfway")
    server.arm("server.before_answer=pause")
    script.tell()
    server.stands()
    wire.move(other.port)
    script.until("total")
    assert script.ends() == 0, script.errors()
    server.actor.signal(signal.SIGCONT)
    is_whole(server)


def test_who_waits_for_a_slot_at_one_server_hears_of_it_at_the_other(server, other, start, wire):
    server.ask("/v2/concurrency_limits/", name="db", limit=1)
    held = {"names": ["db"], "slots": 1, "mode": "concurrency", "lease_duration": 300}
    lease = server.ask("/v2/concurrency_limits/increment-with-lease", **held)["lease_id"]
    script = start(LIMITED, LEGATO_API_URL=wire.url)
    store = opened(server)
    standing = Sql("SELECT count(*) FROM lease WHERE grant_id IS NOT NULL")
    until(lambda: store.read(lambda tx: tx.select(standing)) == [(2,)])
    store.close()
    wire.move(other.port)
    server.kill()
    other.ask("/v2/concurrency_limits/decrement-with-lease", lease_id=lease)
    script.until("held")
    script.tell()
    assert script.rest() == ["held", "held"]

"""kill -9 of the server, again and again, under processes that record through it."""

from __future__ import annotations

import signal
from collections import Counter
from uuid import UUID

import pytest

from legato._store.sql import Sql
from tests.chaos.processes import ACTORS
from tests.chaos.scale import scale, seeded
from tests.chaos.verdict import TASKS
from tests.remote.actors import SEND, STEADY
from tests.remote.conftest import opened
from tests.remote.whole import is_whole
from tests.store.records import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]
PARTS = 5
"""Flow runs between two kills."""
_STATES = Sql("SELECT flow_run_id, type FROM flow_run_state")
_TASK_STATES = Sql(
    "SELECT t.flow_run_id, s.type FROM task_run_state s JOIN task_run t ON t.id = s.task_run_id"
)


def states(server, query):
    store = opened(server)
    try:
        rows = store.read(lambda tx: tx.select(query))
    finally:
        store.close()
    return Counter((str(as_id(run)), kind) for run, kind in rows)


def as_id(value):
    return value if isinstance(value, UUID) else UUID(bytes=value)


def test_nothing_acknowledged_is_lost_or_doubled(server, start, tmp_path):
    kills, chance, acks = scale("SERVER_KILLS"), seeded("server kills"), tmp_path / "acks"
    server.start()
    script = start(ACTORS / "flows.py", acks, kills * PARTS, "alone")
    for _ in range(kills):
        moment = chance.randint(1, PARTS)
        for number in range(PARTS):
            if number == moment:
                kill(server, script, chance)
            script.until("part")
        if moment == PARTS:
            kill(server, script, chance)
    script.rest()
    assert script.ends() == 0, script.errors()
    assert start(SEND).ends() == 0  # what it left in the spool, if the server was away at its end
    runs, tasks = states(server, _STATES), states(server, _TASK_STATES)
    for ack in acks.read_text().splitlines():
        kind, _, run_id = ack.partition(" ")
        # a script that ended while the server was away was taken for dead until its spool came
        back = runs[run_id, "CRASHED"] if kind == "RUNNING" else 0
        assert runs[run_id, kind] == 1 + back, f"{ack}: {script.errors()}"
        if kind == "COMPLETED":
            found = [tasks[run_id, each] for each in ("PENDING", "RUNNING", "COMPLETED")]
            assert found == [TASKS] * 3, ack
    completed = Counter(run for run, kind in runs.elements() if kind == "COMPLETED")
    assert set(completed.values()) == {1}
    assert len(completed) == kills * PARTS + 1


def kill(server, script, chance):
    """Kill the server at a moment within the next flow run, and start it again.

    Returns when more is recorded: a script that has given up on its server is faster than it.
    """
    known = server.ask("/flow_runs/count")
    script.lives_for(chance.uniform(0, 0.05))
    server.kill()
    server.start()
    until(lambda: script.process.poll() is not None or server.ask("/flow_runs/count") > known)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_long_flow_does_without_its_server_for_a_while(server, home, start, how):
    away, tasks = scale("AWAY_SECONDS"), scale("AWAY_TASKS")
    if how == "stopped" and not away:
        pytest.skip("a server that stands still is waited for: scripts/chaos server")
    server.start()
    script = start(STEADY, tasks, 1.5 * away / tasks)
    script.until("middle")
    if how == "killed":
        server.kill()
        script.lives_for(away)
        server.start()
    else:
        server.actor.signal(signal.SIGSTOP)
        script.lives_for(away)
        server.actor.signal(signal.SIGCONT)
    script.until("total")
    assert script.ends() == 0, script.errors()
    assert ("nothing was lost" in script.errors()) or not away
    assert not list((home / "spool").rglob("*.db"))
    is_whole(server, tasks)

"""Forks in a flow that a server records: every record once, whether parent or child sends it."""

from __future__ import annotations

import signal

import pytest

from tests.chaos.processes import ACTORS
from tests.chaos.scale import scale, seeded
from tests.remote.actors import FORK_FIRST, SEND

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
ITEMS, ROUNDS, KILLS = 8, scale("ROUNDS"), scale("FORK_KILLS")
KINDS = ["bare-fork", "pool-fork", "executor"]


def counts(server, noun):
    """Return how many runs there are, and how many of them are completed."""
    completed = {f"{noun}_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    return server.ask(f"/{noun}_runs/count"), server.ask(f"/{noun}_runs/count", **completed)


@pytest.mark.parametrize("kind", KINDS if KILLS > 1 else KINDS[:1])
def test_children_of_a_task_record_for_themselves(server, home, start, kind):
    """Also while the server is killed; what a process could not send at its end is sent later."""
    chance = seeded("kills among forks")
    server.start()
    parent = start(ACTORS / "pools.py", kind, ROUNDS)
    for _ in range(KILLS):
        if not parent.lives_for(chance.uniform(0.1, 0.5)):
            break
        server.kill()
        server.start()
    returned = parent.rest()
    assert parent.ends() == 0, parent.errors()
    assert start(SEND).ends() == 0
    assert returned == [" ".join([str(7 * ITEMS + 2 * sum(range(ITEMS)))] * ROUNDS)]
    items = ITEMS * ROUNDS
    tasks = 1 + 3 * ROUNDS + 4 * items
    assert counts(server, "flow") == (1 + items, 1 + items)
    assert counts(server, "task") == (tasks, tasks)
    assert not list(home.rglob("spool/**/*.db"))


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_child_waits_for_what_its_parent_could_not_send_yet(server, home, start):
    script = start(FORK_FIRST, 0.5)
    script.until("forked")
    script.signal(signal.SIGSTOP)
    server.start()
    script.tell()
    script.until("left")
    script.signal(signal.SIGCONT)
    assert script.ends() == 0, script.errors()
    assert start(SEND).ends() == 0
    assert counts(server, "flow") == (1, 1)
    assert counts(server, "task") == (3, 3)
    assert not list(home.rglob("spool/**/*.db"))


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_child_sends_first_what_its_dead_parent_could_not(server, home, start, excused):
    # as its process is dead, and a child does not go on with it
    excused |= {"Attempt 1 is closed", "There is no task run"}
    script = start(FORK_FIRST, 30)
    script.until("forked")
    script.kill()
    server.start()
    script.tell()
    script.until("left")
    assert counts(server, "flow") == (1, 0)
    assert counts(server, "task") == (1, 1)
    assert not list(home.rglob("spool/**/*.db"))

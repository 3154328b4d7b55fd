"""A server that dies before it answers, once for each kind of what a process sends."""

from __future__ import annotations

import pytest

from tests.chaos.rows import rows
from tests.chaos.scale import scale, seeded, some
from tests.chaos.servers import ServerProcess
from tests.remote.actors import CHANGES
from tests.remote.conftest import opened

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
COUNT = 15
"""How many changes the script makes."""
PLACES = ["server.before_answer", "store.after_commit", "store.before_commit"]


def left(server, script, place=None, chosen=()):
    """Let a script make each change; return what the server's database holds then."""
    server.ask("/v2/concurrency_limits/", name="gate", limit=1)
    server.ask("/v2/concurrency_limits/", name="pace", limit=10, slot_decay_per_second=10.0)
    for number in range(COUNT):
        what = script.until("at")
        if number in chosen:
            print("lost:", what)
            server.arm(f"{place}=kill")
        script.tell()
        if number in chosen:
            server.dies()
            server.start()
    assert script.until("at") == "the end"
    script.tell()
    assert script.ends() == 0, script.errors()
    store = opened(server)
    try:
        return rows(store)
    finally:
        store.close()


@pytest.fixture
def unharmed(start, tmp_path):
    """What the script leaves with a server that nobody kills."""
    server = ServerProcess(tmp_path / "unharmed").start()
    (tmp_path / "other").mkdir()
    env = {"LEGATO_API_URL": server.url, "LEGATO_HOME": str(tmp_path / "other")}
    try:
        return left(server, start(CHANGES, **env))
    finally:
        server.close()


@pytest.mark.parametrize("server", ["sqlite"] if scale("PLACES") else BOTH, indirect=True)
@pytest.mark.parametrize("place", PLACES[: scale("PLACES") or None])
def test_a_process_is_answered_in_the_end_and_all_is_there_once(server, start, unharmed, place):
    chosen = some(COUNT, scale("ANSWERS"), seeded("lost answers"))
    server.start()
    assert left(server, start(CHANGES), place, chosen) == unharmed

"""Processes that flows run in, and what their keepers do about them."""

from __future__ import annotations

import json
import signal
import sys
from urllib.request import urlopen

import pytest

from tests.remote.actors import RUN
from tests.remote.kept import WAITS
from tests.remote.whole import TASKS, is_whole
from tests.remote.wire import Wire
from tests.store.records import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kept by a handle of the kernel")
# the keeper comes when the run is a third as old as a lease lasts
SOON = {
    "LEGATO_LEASE_SECONDS": "3",
    "LEGATO_LEASE_RENEW_SECONDS": "0.2",
    "LEGATO_CANCEL_GRACE_SECONDS": "0.5",
}


def run(server):
    [found] = server.ask("/flow_runs/filter")
    return found


def tasks(server):
    return [one["state_type"] for one in server.ask("/task_runs/filter")]


def is_kept(server):
    """Wait until a keeper has renewed the lease of the process."""
    [before] = leases(server)
    until(lambda: leases(server) not in ([before], []))


def leases(server):
    return stored(server, "SELECT expires_at FROM lease WHERE kind = 'attempt'")


def opened_at(server):
    return stored(server, "SELECT opened_at FROM attempt")[0]


def stored(server, text):
    from legato._store.sql import Sql
    from tests.remote.conftest import opened

    store = opened(server)
    try:
        return [row[0] for row in store.read(lambda tx: tx.select(Sql(text)))]
    finally:
        store.close()


def test_a_flow_whose_process_is_killed_has_crashed_at_once(server, start):
    server.start()
    script = start(WAITS, "waits", **SOON)
    script.until("waits")
    is_kept(server)
    script.kill()
    until(lambda: run(server)["state_type"] == "CRASHED")
    told = run(server)["state"]["message"]
    assert f"process {script.pid} on" in told
    assert told.endswith("ended without reporting")  # and not that its lease has expired
    assert tasks(server) == ["CRASHED"]


def test_on_its_own_machine_a_server_sees_that_a_process_is_dead_before_it_has_a_keeper(
    server, start
):
    server.start()
    script = start(WAITS, "waits", LEGATO_LEASE_SECONDS="600")
    script.until("waits")
    script.kill()
    until(lambda: run(server)["state_type"] == "CRASHED")


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_task_of_no_flow_whose_process_is_killed_has_crashed_too(server, start):
    server.start()
    script = start(WAITS, "task", **SOON)
    script.until("waits")
    until(lambda: leases(server) != [])
    is_kept(server)
    script.kill()
    until(lambda: tasks(server) == ["CRASHED"])


def test_a_cancelled_flow_ends_its_process_and_runs_its_hooks(server, start):
    server.start()
    script = start(WAITS, "waits", **SOON)
    script.until("waits")
    server.ask(f"/flow_runs/{run(server)['id']}/set_state", state={"type": "CANCELLING"})
    script.until("cancelled")
    assert script.ends() == 143
    assert run(server)["state_type"] == "CANCELLED"


def test_a_cancellation_is_told_by_a_stream_long_before_the_next_renewal(server, start):
    server.start()
    rarely = {"LEGATO_LEASE_SECONDS": "3600", "LEGATO_LEASE_RENEW_SECONDS": "1200"}
    script = start(WAITS, "waits", AFTER="1.5", **rarely)
    script.until("waits")
    until(lambda: leases(server)[0] - opened_at(server) > 3_601_000_000)
    server.ask(f"/flow_runs/{run(server)['id']}/set_state", state={"type": "CANCELLING"})
    script.until("cancelled")
    assert script.ends() == 143
    assert run(server)["state_type"] == "CANCELLED"


@pytest.mark.parametrize("limit", [None, "4"])
def test_code_that_lets_nothing_through_is_kept_alive_until_it_is_to_end(server, start, limit):
    """Cancelled, or after its timeout: it holds the interpreter, so it cannot see to it itself."""
    server.start()
    script = start(WAITS, "holds", *([limit] if limit else []), **SOON)
    script.until("waits")
    is_kept(server)
    script.tell("go")
    is_kept(server)
    if limit is None:
        server.ask(f"/flow_runs/{run(server)['id']}/set_state", state={"type": "CANCELLING"})
    script.process.wait(60)
    assert script.process.returncode == -signal.SIGKILL
    until(lambda: run(server)["state_type"] in {"CANCELLED", "FAILED"})
    assert run(server)["state_name"] == ("TimedOut" if limit else "Cancelled")


@pytest.fixture
def wire(server):
    """A wire to the server that only those have who are told its address."""
    wire = Wire(server.port)
    yield wire
    wire.close()


def test_who_is_cut_off_alone_loses_a_run_and_finishes_it_when_he_is_back(server, start, wire):
    """His tasks that were at work, and all that he did meanwhile, count as if nothing had been."""
    server.start(LEGATO_LEASE_SECONDS="1")
    alone = start(RUN, TASKS, "halfway", "ending", LEGATO_API_URL=wire.url, **SOON)
    alone.until("halfway")
    is_kept(server)
    wire.cut()
    until(lambda: run(server)["state_type"] == "CRASHED")
    assert run(server)["state"]["message"].startswith("lease expired")
    alone.tell()
    alone.until("ending")
    assert run(server)["state_type"] == "CRASHED"
    wire.mend()
    alone.tell()
    assert alone.ends() == 0, alone.errors()
    is_whole(server)
    whole = next(
        one for one in server.ask("/flow_runs/filter") if one["parent_task_run_id"] is None
    )
    assert [(one["number"], one["cause"]) for one in attempts(server, whole["id"])] == [
        (1, "expired"), (2, "ended")
    ]  # fmt: skip


def attempts(server, run_id):
    with urlopen(f"{server.url}/flow_runs/{run_id}/attempts", timeout=30) as answer:
        return json.load(answer)

"""Two processes and one server: an outage costs nobody a run, who is cut off alone loses it."""

from __future__ import annotations

import json
import sys
import time
from urllib.request import urlopen

import pytest

from legato._store import decode
from legato._store.sql import Sql
from tests.remote.actors import DURABLE, RESUME
from tests.remote.conftest import opened
from tests.remote.wire import Wire
from tests.store.records import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kept by a handle of the kernel")
TASKS = 1000
FEW = 20
LOST_SECONDS = 80  # a server that got no processor for a while gives all leases half a minute more
# the keeper comes when the run is a third as old as a lease lasts
SOON = {"LEGATO_LEASE_SECONDS": "3", "LEGATO_LEASE_RENEW_SECONDS": "0.2"}
HALVES = """
import sys
from legato import flow, task, get_run_logger

@task
def add(n: int) -> int:
    return n + 1

def added(numbers) -> int:
    return sum(future.result() for future in [add.submit(n) for n in numbers])

def wait_at(word: str) -> None:
    get_run_logger().info(word)
    print(word, flush=True)
    sys.stdin.readline()

@flow
def halves(count: int) -> int:
    total = added(range(count // 2))
    wait_at("halfway")
    total += added(range(count // 2, count))
    wait_at("ending")
    return total

print("total", halves.with_options(flow_run_name=sys.argv[1])(int(sys.argv[2])), flush=True)
"""


@pytest.fixture
def wire(server):
    """A wire to the server that only those have who are told its address."""
    wire = Wire(server.port)
    yield wire
    wire.close()


@pytest.fixture
def cut_off(start, wire, tmp_path):
    """Start a script on another machine, so to say, which the wire alone connects."""
    (tmp_path / "far").mkdir()
    more = {"LEGATO_API_URL": wire.url, "LEGATO_HOME": str(tmp_path / "far"), **SOON}
    return lambda script, *args: start(script, *args, **more)


def run(server, name):
    [found] = server.ask("/flow_runs/filter", flow_runs={"name": {"any_": [name]}})
    return found


def state(server, name):
    return run(server, name)["state_type"]


def attempts(server, name):
    url = f"{server.url}/flow_runs/{run(server, name)['id']}/attempts"
    with urlopen(url, timeout=30) as answer:
        return [(one["number"], one["cause"]) for one in json.load(answer)]


def selected(server, query):
    """Ask the database itself, be the server there or not."""
    store = opened(server)
    try:
        return store.read(lambda tx: tx.select(Sql(query)))
    finally:
        store.close()


def lease(server, run_id):
    """Return the microsecond in which the lease of a run ends."""
    rows = selected(server, "SELECT subject, expires_at FROM lease WHERE kind = 'attempt'")
    return next((row[1] for row in rows if str(decode.uid(row[0])) == run_id), None)


def is_kept(server, run_id):
    """Wait until a keeper has renewed the lease of the run."""
    before = lease(server, run_id)
    until(lambda: lease(server, run_id) not in (before, None))


def is_whole(server, name, tasks):
    found = run(server, name)
    assert found["state_type"] == "COMPLETED"
    mine = {"flow_runs": {"id": {"any_": [found["id"]]}}}
    completed = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    assert server.ask("/task_runs/count", **mine) == tasks
    assert server.ask("/task_runs/count", **mine, **completed) == tasks
    lines = server.ask("/logs/filter", logs={"flow_run_id": {"any_": [found["id"]]}})
    told = [line["message"] for line in lines]
    assert (told.count("halfway"), told.count("ending")) == (1, 1)


def test_an_outage_costs_nobody_a_run_and_who_is_cut_off_alone_loses_it(
    server, home, start, cut_off, wire
):
    server.start(LEGATO_LEASE_SECONDS="1")
    near, far = start(HALVES, "near", TASKS, **SOON), cut_off(HALVES, "far", FEW)
    for script in (near, far):
        script.until("halfway")
    kept = run(server, "near")["id"]
    is_kept(server, kept)
    is_kept(server, run(server, "far")["id"])

    wire.cut()
    until(lambda: state(server, "far") == "CRASHED", LOST_SECONDS)
    assert run(server, "far")["state"]["message"].startswith("lease expired")
    assert (state(server, "near"), attempts(server, "near")) == ("RUNNING", [(1, None)])

    server.kill()
    for script in (near, far):
        script.tell()
        script.until("ending")
    until(lambda: time.time_ns() > 1000 * lease(server, kept))
    server.start(LEGATO_LEASE_SECONDS="1")  # its first act is to look for leases that ran out
    is_kept(server, kept)
    assert (state(server, "near"), attempts(server, "near")) == ("RUNNING", [(1, None)])
    assert (state(server, "far"), attempts(server, "far")) == ("CRASHED", [(1, "expired")])

    wire.mend()
    until(lambda: state(server, "far") == "RUNNING")
    for script in (near, far):
        script.tell()
        assert script.rest()[-1].startswith("total")
        assert script.ends() == 0, script.errors()
    is_whole(server, "near", TASKS)
    is_whole(server, "far", FEW)
    assert attempts(server, "near") == [(1, "ended")]
    assert attempts(server, "far") == [(1, "expired"), (2, "ended")]


def test_what_comes_late_of_a_run_that_somebody_else_took_up_changes_no_state(
    server, start, cut_off, wire, excused
):
    server.start(LEGATO_LEASE_SECONDS="1")
    far = cut_off(DURABLE)
    far.until("committed")
    [found] = server.ask("/flow_runs/filter")
    is_kept(server, found["id"])
    wire.cut()
    until(lambda: state(server, found["name"]) == "CRASHED", LOST_SECONDS)
    near = start(RESUME, **SOON)
    near.until("was Crashed")
    for _ in range(2):
        near.tell()
    assert near.rest()[-1] == "total 6", near.errors()
    ended = run(server, found["name"])
    assert ended["state_type"] == "COMPLETED"

    wire.mend()
    far.tell()
    assert far.until("step") == "2"
    assert far.rest() == []  # the third one is not done again
    assert far.ends() == 1
    assert "The run stops: Attempt 1 is closed" in far.errors()
    excused |= {"Attempt 1 is closed", "There is no task run"}  # of which that was said before
    assert put_aside(server, found["id"]) > 0
    assert run(server, found["name"])["state"] == ended["state"]
    assert attempts(server, found["name"]) == [(1, "expired"), (2, "ended")]
    assert server.ask("/task_runs/count") == 3


def put_aside(server, run_id):
    """Count the records of a run that the server has kept and not applied."""
    rows = selected(server, "SELECT flow_run_id FROM quarantine")
    return [str(decode.uid(row[0])) for row in rows].count(run_id)

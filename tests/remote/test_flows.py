"""Flows of one process, recorded by the server of another."""

from __future__ import annotations

import re
from pathlib import Path

from tests.remote.actors import EMIT, FORK, ONE, RESULT, RUN
from tests.remote.whole import TASKS, is_whole, total


def test_a_flow_is_recorded_by_a_server(server, home, start):
    server.start()
    script = start(RUN, TASKS)
    assert script.rest() == [f"total {total()}"]
    assert script.ends() == 0
    is_whole(server)
    assert not (home / "legato.db").exists()
    assert not (home / "spool").exists()


def test_what_a_process_emits_is_with_the_server(server, home, start):
    server.start()
    assert start(EMIT).rest() == ["emitted"]
    page = server.ask("/events/filter", filter={"event": {"prefix": ["order."]}, "order": "ASC"})
    paid, sent = page["events"]
    assert (paid["event"], paid["payload"], sent["event"]) == ("order.paid", {"n": 1}, "order.sent")
    roles = [one["prefect.resource.role"] for one in paid["related"]]
    assert (roles, sent["related"]) == (["flow-run", "flow"], [])
    assert not (home / "legato.db").exists()


def test_a_forked_child_writes_for_itself(server, start):
    server.start()
    script = start(FORK)
    assert script.rest() == ["status 0"], script.errors()
    assert server.ask("/task_runs/count") == 3
    completed = {"state": {"type": {"any_": ["COMPLETED"]}}}
    assert server.ask("/task_runs/count", task_runs=completed) == 3
    assert server.ask("/flow_runs/count", flow_runs=completed) == 1


def test_who_a_server_does_not_know_is_told_so_and_goes_on(server, home, start):
    server.start(LEGATO_SERVER_API_AUTH_STRING="ada:secret")
    script = start(ONE, LEGATO_API_AUTH_STRING="ada:wrong", LEGATO_SPOOL_EXIT_SECONDS="0.1")
    assert script.rest() == ["one 1"]
    assert "does not let this process in (401" in script.errors()
    assert "LEGATO_API_AUTH_STRING" in script.errors()
    assert "secret" not in script.errors()
    script = start(ONE, LEGATO_API_AUTH_STRING="ada:secret", LEGATO_SPOOL_EXIT_SECONDS="30")
    assert script.rest() == ["one 1"]
    assert script.errors().count("\n") == 2  # the lines of the run, nothing else
    assert not list((home / "spool").rglob("*.db"))  # what waited went out, too


def test_results_lie_with_the_server_so_that_other_machines_have_them(server, start, tmp_path):
    server.start()
    size = 3_000_000
    assert start(RESULT, size).rest() == ["made", f"flow {size}", f"read {size}"]
    elsewhere = {"LEGATO_HOME": str(tmp_path / "elsewhere")}
    assert start(RESULT, **elsewhere).rest() == [f"read {size}"]
    # from the cache of the server; the flow's result is its own
    assert start(RESULT, size, **elsewhere).rest() == [f"flow {size}"] + [f"read {size}"] * 2


def test_large_results_are_uploaded_in_parts(server, home, start, tmp_path):
    server.start()
    little, size = 9_000_000, 49_000_000
    assert start(RESULT, little).rest() == ["made", f"flow {little}", f"read {little}"]
    before = _peak(server)
    elsewhere = {"LEGATO_HOME": str(tmp_path / "elsewhere")}
    found = start(RESULT, size, **elsewhere).rest()
    assert sorted(found) == [f"flow {size}", "made", f"read {size}", f"read {little}"]
    assert _peak(server) - before < (size - little) / 2  # it has parts in memory, no result
    assert not list(home.rglob("storage/*"))
    # who names a place has them there
    named = {"LEGATO_RESULTS_LOCAL_STORAGE_PATH": str(tmp_path / "named")}
    assert f"flow {little + 1}" in start(RESULT, little + 1, **named).rest()
    assert len(list((tmp_path / "named").iterdir())) == 2


def _peak(server):
    """Return the most memory that the server has had so far, in bytes."""
    status = Path(f"/proc/{server.actor.pid}/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])

"""The keeper of a process, with real processes and a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from tests.backend.kept import Actor, keeper_of, lives
from tests.server.conftest import serve
from tests.store.records import move, until

from legato._backend import keeper as keepers
from legato._model.states import StateType
from legato._store.checker import violations
from legato._store.sqlite import SqliteStore

__all__ = ["serve"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
CRASHED, CANCELLED, RUNNING = StateType.CRASHED, StateType.CANCELLED, StateType.RUNNING


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path / "legato.db")
    yield store
    assert violations(store) == []
    store.close()


@pytest.fixture
def url(serve):
    with serve() as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def actor(store, url, pytestconfig):
    begun = []

    def begin(mode="idle"):
        begun.append(Actor(store, url, mode, pytestconfig.rootpath))
        return begun[-1]

    yield begin
    for one in begun:
        one.over()
        until(lambda one=one: one.keeper is None)


def test_a_process_that_is_killed_is_reported_at_once(actor):
    one = actor()
    one.is_renewed()
    one.process.kill()
    one.ends_in(CRASHED)  # the lease would have lasted for a minute
    assert one.state.message == "process 4711 on HOST ended without reporting"


def test_leases_are_renewed_whatever_the_process_does(actor):
    one = actor()
    one.is_renewed()
    one.ask("hold")
    for _ in range(3):
        one.is_renewed()


def test_a_keeper_is_small_and_no_child_of_its_process(actor):
    one = actor()
    one.is_renewed()
    one.ask("children")
    assert one.hear() == "none"
    status = Path(f"/proc/{one.keeper}/status").read_text().splitlines()
    [size] = [line.split()[1] for line in status if line.startswith("VmRSS")]
    assert int(size) <= 15 * 1024


def test_a_forked_child_does_not_make_its_parent_seem_alive(actor):
    one = actor("forks")
    try:
        one.is_renewed()
        one.process.kill()
        one.ends_in(CRASHED)
    finally:
        os.kill(int(one.first), signal.SIGKILL)


def pipes():
    """The pipes of which this process has an end."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(entry.readlink())
    return {str(path) for path in found if str(path).startswith("pipe:")}


def test_a_child_that_is_forked_while_the_keeper_starts_has_no_pipe_of_it(monkeypatch):
    """Whoever reads from one of those would wait for the child, too."""
    starting, forked, start = threading.Event(), threading.Event(), subprocess._fork_exec
    made = set()

    def slow(*args):
        made.update(pipes() - before)
        starting.set()
        forked.wait(0.3)  # a fork has to wait for this
        return start(*args)

    monkeypatch.setattr(subprocess, "_fork_exec", slow)
    monkeypatch.setattr(keepers, "AFTER_SECONDS", 0.0)
    writer, before = uuid4(), pipes()
    keeping = keepers.Keeping(url="http://127.0.0.1:9/api", headers={})
    keeper = keepers.Keeper(keeping, lambda: writer, lambda _: None)
    keeper.begin(uuid4())
    assert starting.wait(30)
    child = os.fork()
    if not child:
        os._exit(len(pipes() & made))
    forked.set()
    _, status = os.waitpid(child, 0)
    keeper.close()
    assert os.waitstatus_to_exitcode(status) == 0
    until(lambda: not pipes() & made)


def test_a_keeper_that_stands_too_late_ends(monkeypatch):
    """It knows whom it keeps by then; with an end it would report that process as dead."""
    monkeypatch.setattr(keepers, "LAUNCH_SECONDS", 0.0)
    monkeypatch.setattr(keepers, "AFTER_SECONDS", 0.0)
    writer, renewed = uuid4(), threading.Event()
    keeping = keepers.Keeping(url="http://127.0.0.1:9/api", headers={}, every=0.01)
    keeper = keepers.Keeper(keeping, lambda: writer, lambda _: renewed.set())
    keeper.begin(uuid4())
    assert renewed.wait(30)
    keeper.close()
    until(lambda: keeper_of(os.getpid()) is None)


def test_a_process_that_ends_in_good_order_is_not_reported(actor):
    one = actor()
    one.is_renewed()
    one.ask("close")
    one.process.communicate("\n")
    until(lambda: one.keeper is None)
    assert one.state.type is RUNNING


def test_a_run_that_has_ended_stays_as_it_is(actor, store):
    one = actor()
    one.is_renewed()
    one.ask("end")
    one.ask("children")
    one.hear()
    one.sender.send(move(one.run_id, StateType.COMPLETED))
    one.process.kill()
    until(lambda: one.keeper is None)
    assert one.state.type is StateType.COMPLETED


def test_a_keeper_that_somebody_kills_has_a_successor(actor):
    one = actor()
    one.is_renewed()
    first = one.keeper
    os.kill(first, signal.SIGKILL)
    until(lambda: one.keeper not in {first, None})
    one.is_renewed()
    one.process.kill()
    one.ends_in(CRASHED)


def test_where_no_keeper_can_be_started_a_thread_renews(actor):
    one = actor("nothing to start")

    def renewed():
        one.ask("renewed")
        return int(one.hear())

    until(lambda: renewed() > 1)
    assert one.keeper is None


def test_a_cancelled_run_ends_its_process(actor):
    one = actor()
    one.is_renewed()
    one.sender.send(move(one.run_id, StateType.CANCELLING))
    assert one.process.wait(30) == -signal.SIGTERM
    one.ends_in(CANCELLED)


def test_what_does_not_listen_is_killed_with_its_children(actor):
    one = actor("deaf")
    one.is_renewed()
    one.sender.send(move(one.run_id, StateType.CANCELLING))
    assert one.process.wait(30) == -signal.SIGKILL
    until(lambda: not lives(int(one.first)))
    one.ends_in(CANCELLED)


def test_a_server_of_the_users_is_not_killed(actor):
    one = actor("serves")
    one.is_renewed()
    one.sender.send(move(one.run_id, StateType.CANCELLING))
    one.ends_in(CANCELLED)
    assert one.state.message == "code may still be running in process 4711 on HOST"
    one.ask("children")  # it answers
    assert one.hear() == "none"


def test_a_run_that_takes_too_long_is_ended(actor):
    one = actor("late")
    assert one.process.wait(30) == -signal.SIGTERM
    one.ends_in(StateType.FAILED)
    assert (one.state.name, one.state.message) == (
        "TimedOut", "Flow run exceeded timeout of 0.0 second(s)"
    )  # fmt: skip

"""Opening the next attempt of a flow run, on both stores."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from legato._control.attempts import close_dead, open_writers
from legato._model.errors import Conflict, ObjectNotFound
from legato._model.operations.attempts import ListAttempts, OpenAttempt
from legato._model.states import StateType
from tests.store.records import (
    RUNNING,
    Sender,
    flow_run,
    move,
    new_id,
    new_writer,
    now,
    state,
    task,
)
from tests.store.test_receive import read_flow_run

FAILED, SCHEDULED = StateType.FAILED, StateType.SCHEDULED

# Waits for a line, opens attempt 2 of a run and says how that went.
OPENER = """
import os, sys
from uuid import UUID
from legato._control import openings
from legato._model.errors import Conflict
from legato._model.operations.attempts import OpenAttempt
from legato._model.states import StateType
from tests.store.records import new_writer, now, state

place, run_id = sys.argv[1:]
if "://" in place:
    from legato._store.postgres import PostgresStore as Store
else:
    from pathlib import Path
    from legato._store.sqlite import SqliteStore
    Store = lambda place: SqliteStore(Path(place))
store = Store(place)
writer = new_writer(os.getpid())
request = OpenAttempt(
    flow_run_id=UUID(run_id), number=2, state=state(StateType.SCHEDULED), writer=writer
)
print("ready", flush=True)
sys.stdin.readline()
try:
    print("opened", store.run(lambda tx: openings.open(tx, now(), request)).number)
except Conflict as error:
    print(error)
store.close()
"""


@pytest.fixture
def failed(sender):
    """The id of a flow run whose first attempt has failed."""
    run_id = sender.start()
    sender.send(move(run_id, FAILED))
    return run_id


def request(run_id, writer, number=2, **more):
    return OpenAttempt(
        flow_run_id=run_id, number=number, state=state(SCHEDULED), writer=writer, **more
    )


def test_of_two_processes_that_resume_a_run_one_is_told_who_has_it(store, failed, pytestconfig):
    place = getattr(store, "url", None) or str(store.path)
    pipe = subprocess.PIPE
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(pytestconfig.rootpath), *sys.path])}
    command = [sys.executable, "-c", OPENER, place, str(failed)]
    openers = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) for _ in range(2)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    said = {opener.pid: opener.communicate(timeout=60)[0].strip() for opener in openers}
    [winner] = [pid for pid, text in said.items() if text == "opened 2"]
    [refusal] = [text for text in said.values() if text != "opened 2"]
    assert f"is being run by process {winner} on HOST since" in refusal
    assert refusal.endswith("UTC (attempt 2).")


def test_who_dies_before_it_has_written_anything_is_seen(store, send, failed):
    """A process that resumes a run opens the attempt first; without a row it would be nobody."""
    writer = new_writer(17)
    send(request(failed, writer))
    assert writer.id in {found.id for found in store.read(open_writers)}
    store.run(lambda tx: close_dead(tx, now(), [writer]))
    assert read_flow_run(store, failed).state_type is StateType.CRASHED
    send(request(failed, new_writer(18), number=3))
    assert [one.pid for one in send(ListAttempts(flow_run_id=failed))] == [4711, 17, 18]


def test_asked_again_it_answers_the_same(send, failed):
    writer = new_writer()
    asked = request(failed, writer, code_version="v2", code_files={"a.py": "12"})
    assert send(asked) == send(asked)
    first, second = send(ListAttempts(flow_run_id=failed))
    assert (first.code_version, first.code_files) == (None, None)
    assert (second.code_version, second.code_files) == ("v2", {"a.py": "12"})


@pytest.mark.parametrize("kind", [RUNNING, StateType.COMPLETED])
def test_only_a_run_that_ended_without_success_is_opened_again(sender, send, kind):
    run_id = sender.start()
    if kind is not RUNNING:
        sender.send(move(run_id, kind))
    told = "is being run by process 4711" if kind is RUNNING else "nothing to resume"
    with pytest.raises(Conflict, match=told):
        send(request(run_id, new_writer()))


def test_who_has_seen_fewer_attempts_comes_too_late(store, send, failed):
    other = Sender(store, pid=1)
    send(request(failed, other.writer))
    other.send(move(failed, RUNNING, epoch=2), move(failed, FAILED, epoch=2))
    with pytest.raises(Conflict, match="has had 2 attempts, so the next is 3, not 2"):
        send(request(failed, new_writer()))
    with pytest.raises(ObjectNotFound):
        send(request(new_id(), new_writer()))


def test_a_subflow_is_not_opened_for_an_attempt_that_is_closed(sender, send):
    run_id = sender.start()
    child = flow_run(parent=None)
    sender.send(child, move(child.run.id, RUNNING), move(child.run.id, FAILED))
    sender.send(move(run_id, FAILED))
    send(request(run_id, new_writer()))
    with pytest.raises(Conflict, match=f"The attempt 1 of the flow run {run_id} is closed"):
        send(request(child.run.id, new_writer(), parent=task(run_id), parent_epoch=1))

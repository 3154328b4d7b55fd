"""Attempts whose holder died, on both stores."""

from __future__ import annotations

import pytest

from legato._control import openings
from legato._control.attempts import close_dead, open_writers
from legato._control.journal import Delivery
from legato._model.operations.attempts import OpenAttempt
from legato._model.records import Aborted, TaskRunCreated
from legato._model.states import StateType
from legato._store import trees
from tests.store.records import (
    COMPLETED,
    RUNNING,
    Sender,
    flow_run,
    move,
    named,
    now,
    state,
    task,
    whole_task,
)
from tests.store.test_receive import count, read_flow_run, read_task, task_states, types

CRASHED = StateType.CRASHED


def test_everything_of_a_dead_writer_is_closed(store, sender):
    run_id = sender.start()
    done, records = whole_task(run_id)
    live, begun = whole_task(run_id)
    orphan = task(None)
    parent = task(run_id)
    child = flow_run(parent=parent, parent_epoch=1)
    sender.send(*records, *begun[:2], TaskRunCreated(0, orphan), child)
    assert [w.id for w in store.read(open_writers)] == [sender.writer.id]
    closed = store.run(lambda tx: close_dead(tx, now(), [sender.writer]))
    assert set(closed) == {run_id, child.run.id}
    message = "process 4711 on HOST ended without reporting"
    for found in (
        *(read_flow_run(store, i) for i in closed),
        *(read_task(store, t.id) for t in (live, orphan, parent)),
    ):
        assert (found.state_type, found.state.message) == (CRASHED, message)
        assert found.end_time is not None
    assert read_task(store, done.id).state_type is COMPLETED
    assert store.read(open_writers) == []
    assert store.run(lambda tx: close_dead(tx, now(), [sender.writer])) == []
    assert types(task_states(store, live.id)) == [StateType.PENDING, RUNNING, CRASHED]


def test_others_are_left_alone(store, sender):
    run_id = sender.start()
    other = Sender(store, pid=1)
    other_id = other.start()
    store.run(lambda tx: close_dead(tx, now(), [other.writer]))
    assert read_flow_run(store, other_id).state_type is CRASHED
    assert read_flow_run(store, run_id).state_type is RUNNING


def test_late_words_are_kept_and_change_nothing(store, sender):
    run_id = sender.start()
    live, records = whole_task(run_id)
    sender.send(*records[:2])
    store.run(lambda tx: close_dead(tx, now(), [sender.writer]))
    before = count(store, "task_run_state") + count(store, "flow_run_state")
    fresh, more = whole_task(run_id)
    late = [records[2], *more, move(run_id, COMPLETED), named(live, "late")]
    batch = sender.batch(*late)
    for _ in range(2):  # whoever had no answer sends them again
        answer = sender.deliver(batch)
        assert [f.flow_run_id for f in answer.fenced] == [run_id]
        assert isinstance(answer.answers[4], Aborted)
    assert read_task(store, live.id).state_type is CRASHED
    assert read_task(store, live.id).name == live.name
    assert read_flow_run(store, run_id).state_type is CRASHED
    assert read_task(store, fresh.id) is None
    assert count(store, "task_run_state") + count(store, "flow_run_state") == before + 2
    assert count(store, "quarantine") == 3


@pytest.mark.parametrize("last", [None, "many"], ids=["sound", "bad"])
def test_who_sends_facts_again_is_fenced_again(store, sender, last):
    """The answer that says so first may be lost, and it may be the last one."""
    lost = sender.start()
    live, records = whole_task(lost)
    sender.send(*records[:2])
    store.run(lambda tx: close_dead(tx, now(), [sender.writer]))
    mine = sender.start()
    late = [named(live, "late"), *whole_task(mine)[1]]
    more = TaskRunCreated(1, task(mine, flow_run_run_count=last or 1))
    first = sender.seq
    for batch in (late, late, [*late, more], [*late, more]):
        answer = sender.deliver(sender.batch(*batch, first=first))
        assert [fenced.flow_run_id for fenced in answer.fenced] == [lost]
    assert answer.quarantined == (last is not None)
    again = Delivery(now(), sender.batch(*late, first=first), sender.writer)
    [answer] = store.run(lambda tx: Delivery.together(tx, [again]))
    assert [fenced.flow_run_id for fenced in answer.fenced] == [lost]
    assert read_task(store, live.id).state_type is CRASHED


def test_who_has_opened_the_next_attempt_itself_is_not_fenced(store, sender):
    run_id = sender.start()
    batch = sender.batch(*whole_task(run_id)[1], move(run_id, StateType.FAILED))
    sender.deliver(batch)
    scheduled = state(StateType.SCHEDULED)
    request = OpenAttempt(flow_run_id=run_id, number=2, state=scheduled, writer=sender.writer)
    store.run(lambda tx: openings.open(tx, now(), request))
    assert sender.deliver(batch).fenced == []


def test_a_run_is_deleted_with_all_below_it(store, sender):
    run_id = sender.start(tags=["x"])
    keep = sender.start()
    parent = task(run_id, tags=["y"])
    child = flow_run(parent=parent, parent_epoch=1)
    sender.send(child, move(child.run.id, RUNNING))
    _, records = whole_task(child.run.id)
    sender.send(*records)
    assert store.run(lambda tx: trees.delete(tx, run_id)) == 2
    assert read_flow_run(store, keep) is not None
    left = {
        table: count(store, table)
        for table in ("flow_run", "task_run", "flow_run_tag", "task_run_tag", "task_run_state")
    }
    assert left == {
        "flow_run": 1, "task_run": 0, "flow_run_tag": 0, "task_run_tag": 0, "task_run_state": 0
    }  # fmt: skip
    assert store.run(lambda tx: trees.delete(tx, run_id)) == 0


def test_a_run_that_crashes_as_it_is_cancelled_ends_cancelled(store, sender):
    """Whoever ends the process of a cancelled run makes it crash."""
    run_id = sender.start()
    sender.send(move(run_id, StateType.CANCELLING))
    batch = sender.batch(move(run_id, CRASHED))
    for _ in range(2):  # and whoever asks again is told the same
        answer = sender.deliver(batch)
        assert answer.answers[0].state.type is StateType.CANCELLED
    assert read_flow_run(store, run_id).state_type is StateType.CANCELLED

"""A task run is marked as succeeded, on both stores."""

from __future__ import annotations

import msgspec
import pytest

from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.operations import states
from legato._model.operations import task_runs as t
from legato._model.operations.attempts import ListSteps
from legato._model.operations.results import ReadResult
from legato._model.records import TaskRunCreated
from legato._model.results import NONE_RETURNED
from legato._model.states import StateType
from legato._model.task_runs import TaskRun
from tests.store.records import COMPLETED, RUNNING, flow_run, move, moved, new_id, task, whole_task

FAILED, CRASHED = StateType.FAILED, StateType.CRASHED


@pytest.fixture
def failed(sender):
    """Return a failed task run of a failed flow run."""

    def make(kind=FAILED):
        run_id = sender.start()
        run = task(run_id)
        sender.send(TaskRunCreated(1, run), moved(run, 2, RUNNING), moved(run, 3, kind))
        sender.send(move(run_id, FAILED))
        return run

    return make


@pytest.mark.parametrize("kind", [FAILED, CRASHED])
@pytest.mark.parametrize("value", [{"rows": [1, "two", None]}, "x" * 5000, None, False])
def test_it_has_completed_with_the_value(send, failed, kind, value):
    run = failed(kind)
    mark = t.MarkTaskRunSucceeded(task_run_id=run.id, value=value, message="by hand")
    made: TaskRun = send(mark)
    assert (made.state_type, made.state_name) == (COMPLETED, "MarkedSucceeded")
    assert made.state is not None
    assert made.state.message == "by hand"
    names = [one.name for one in send(states.ReadTaskRunStates(task_run_id=run.id))]
    assert names == ["Pending", "Running", kind.value.capitalize(), "MarkedSucceeded"]
    (step,) = send(ListSteps(flow_run_id=run.flow_run_id))
    assert step.is_finished
    assert not step.is_open
    if value is None:
        assert step.result_id == NONE_RETURNED
        return
    kept = send(ReadResult(result_id=step.result_id))
    assert msgspec.json.decode(kept.body) == value
    assert (kept.flow_run_id, kept.size) == (run.flow_run_id, len(kept.body))


def test_one_that_never_started_can_be_marked(send, sender):
    run_id = sender.start()
    run = task(run_id)
    sender.send(TaskRunCreated(1, run), move(run_id, FAILED))
    made = send(t.MarkTaskRunSucceeded(task_run_id=run.id, value=1))
    assert made.state_name == "MarkedSucceeded"


def test_what_cannot_be_marked(send, sender, failed):
    with pytest.raises(ObjectNotFound, match="no task run"):
        send(t.MarkTaskRunSucceeded(task_run_id=new_id()))
    going = sender.start()
    one = task(going)
    sender.send(TaskRunCreated(1, one), moved(one, 2, RUNNING), moved(one, 3, FAILED))
    with pytest.raises(Conflict, match="is in state RUNNING: a task run can be marked once"):
        send(t.MarkTaskRunSucceeded(task_run_id=one.id))
    done, records = whole_task(going)
    sender.send(*records, move(going, FAILED))
    with pytest.raises(Conflict, match="has completed: there is nothing to mark"):
        send(t.MarkTaskRunSucceeded(task_run_id=done.id))
    alone = task(None)
    sender.send(TaskRunCreated(0, alone))
    with pytest.raises(Conflict, match="is of no flow run"):
        send(t.MarkTaskRunSucceeded(task_run_id=alone.id))
    run = failed()
    with pytest.raises(InvalidRequest, match="are more than"):
        send(t.MarkTaskRunSucceeded(task_run_id=run.id, value="x" * 70_000))
    send(t.MarkTaskRunSucceeded(task_run_id=run.id, value=1))
    with pytest.raises(Conflict, match="has completed"):
        send(t.MarkTaskRunSucceeded(task_run_id=run.id, value=2))


def test_not_while_the_run_around_a_subflow_goes_on(send, sender):
    root = sender.start()
    parent = task(root)
    child = flow_run(parent=parent, parent_epoch=1, root_flow_run_id=root)
    assert child.run.id is not None
    run = task(child.run.id)
    sender.send(child, move(child.run.id, RUNNING))
    sender.send(TaskRunCreated(1, run), moved(run, 2, RUNNING), moved(run, 3, FAILED))
    sender.send(move(child.run.id, FAILED))
    with pytest.raises(Conflict, match="can be marked once"):
        send(t.MarkTaskRunSucceeded(task_run_id=run.id))
    sender.send(move(root, FAILED))
    assert send(t.MarkTaskRunSucceeded(task_run_id=run.id)).state_name == "MarkedSucceeded"

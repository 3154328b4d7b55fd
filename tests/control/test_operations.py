"""What the operations on flows, runs, states and logs do, on both stores."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from legato._control import flow_runs as flow_run_control
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.flow_runs import FlowRunPolicy, FlowRunUpdate
from legato._model.flows import FlowCreate
from legato._model.logs import LogCreate
from legato._model.operations import flow_runs as r
from legato._model.operations import flows, logs, states
from legato._model.operations import task_runs as t
from legato._model.operations.work_pools import CreateWorkPool
from legato._model.records import Aborted, Accepted, TaskRunCreated
from legato._model.states import StateDetails, StateType
from legato._model.work_pools import WorkPoolCreate
from tests.store.records import (
    COMPLETED,
    PENDING,
    RUNNING,
    line,
    move,
    new_id,
    now,
    state,
    task,
    whole_task,
)

CANCELLED, CANCELLING, CRASHED = StateType.CANCELLED, StateType.CANCELLING, StateType.CRASHED
FAILED, PAUSED, SCHEDULED = StateType.FAILED, StateType.PAUSED, StateType.SCHEDULED
NOBODY = UUID(int=7)


def timeless(run):
    """The run without what depends on when it was asked for."""
    return replace(run, estimated_start_time_delta=timedelta(0))


def proposed(kind, **more):
    return r.StateCreate(type=kind, **more)


@pytest.fixture
def flow(send):
    return send(flows.CreateFlow(flow=FlowCreate(name="etl", tags=["x"], labels={"a": 1})))


@pytest.fixture
def create(send, flow):
    """Create a run through the API; nobody holds it."""

    def make(**more):
        more.setdefault("flow_id", flow.id)
        return send(r.CreateFlowRun(flow_run=r.FlowRunRequest(**more)))

    return make


def flow_states(send, run_id):
    return [s.name for s in send(states.ReadFlowRunStates(flow_run_id=run_id))]


def task_states(send, run_id):
    return [s.name for s in send(states.ReadTaskRunStates(task_run_id=run_id))]


@pytest.mark.parametrize(
    "operation",
    [
        flows.ReadFlow(flow_id=NOBODY),
        flows.ReadFlowByName(name="nobody"),
        flows.DeleteFlow(flow_id=NOBODY),
        r.ReadFlowRun(flow_run_id=NOBODY),
        r.DeleteFlowRun(flow_run_id=NOBODY),
        r.UpdateFlowRun(flow_run_id=NOBODY, flow_run=FlowRunUpdate(name="x")),
        r.SetFlowRunState(flow_run_id=NOBODY, state=proposed(RUNNING)),
        r.SetFlowRunState(flow_run_id=NOBODY, state=proposed(RUNNING), force=True),
        r.CreateFlowRun(flow_run=r.FlowRunRequest(flow_id=NOBODY)),
        states.ReadFlowRunState(id=NOBODY),
        t.ReadTaskRun(task_run_id=NOBODY),
        t.DeleteTaskRun(task_run_id=NOBODY),
        t.SetTaskRunState(task_run_id=NOBODY, state=proposed(RUNNING)),
    ],
    ids=lambda operation: f"{operation.spec.id}",
)
def test_what_is_not_there_is_not_found(send, operation):
    with pytest.raises(ObjectNotFound):
        send(operation)


def test_histories_of_nobody_are_empty(send):
    assert flow_states(send, NOBODY) == task_states(send, NOBODY) == []


# -- flows


def test_a_flow_is_made_once_for_each_name(send, flow):
    again = send(flows.CreateFlow(flow=FlowCreate(name="etl", tags=["other"])))
    assert (again.id, again.tags, again.labels) == (flow.id, ["x"], {"a": 1})
    other = send(flows.CreateFlow(flow=FlowCreate(name="Etl", id=new_id())))
    assert other.id != flow.id
    assert send(flows.ReadFlow(flow_id=flow.id)) == flow
    assert send(flows.ReadFlowByName(name="etl")) == flow


@pytest.mark.parametrize("name", ["", "a/b", "a%", "a&b", "<a>"])
def test_a_flow_has_a_name_that_urls_can_hold(send, name):
    with pytest.raises(InvalidRequest, match="name"):
        send(flows.CreateFlow(flow=FlowCreate(name=name)))


def test_a_flow_is_deleted_with_its_runs(send, sender, flow, create):
    run_id = sender.start(flow="etl")
    _, records = whole_task(run_id)
    sender.send(*records, line("x", run_id))
    create()
    kept = sender.start(flow="other")
    send(flows.DeleteFlow(flow_id=flow.id))
    assert send(flows.CountFlows()) == 1
    assert [run.id for run in send(r.FilterFlowRuns())] == [kept]
    assert send(t.CountTaskRuns()) == 0
    assert send(logs.FilterLogs()) == []


# -- flow runs


def test_a_created_run_reads_back_as_it_was_given(send, flow, create):
    send(CreateWorkPool(work_pool=WorkPoolCreate(name="pool", type="process")))
    given = {
        "id": new_id(),
        "name": "given",
        "flow_version": "v",
        "parameters": {"n": 1, "deep": {"ä": [None, 1.5]}},
        "context": {"c": 1},
        "tags": ["b", "a"],
        "labels": {"l": True},
        "idempotency_key": "key",
        "deployment_id": new_id(),
        "empirical_policy": FlowRunPolicy(retries=2, pause_keys=["p"]),
        "job_variables": {"cpu": 2},
        "work_pool_name": "pool",
        "work_queue_name": "queue",
    }
    run = create(**given)
    given["labels"] = {"a": 1, "l": True}  # those of the flow, too
    assert {name: getattr(run, name) for name in given} == given
    assert (run.flow_id, run.state_type, run.run_count) == (flow.id, PENDING, 0)
    assert run.state is not None
    assert (run.state.id, run.state.name) == (run.state_id, "Pending")
    assert run.state.state_details.flow_run_id == run.id
    assert run.root_flow_run_id == run.id
    assert timeless(send(r.ReadFlowRun(flow_run_id=run.id))) == timeless(run)
    assert flow_states(send, run.id) == ["Pending"]


def test_a_run_is_made_once_for_each_flow_and_key(send, create):
    first = create(idempotency_key="k", name="first")
    assert timeless(create(idempotency_key="k", name="second")) == timeless(first)
    other = send(flows.CreateFlow(flow=FlowCreate(name="other")))
    assert create(idempotency_key="k", flow_id=other.id).id != first.id
    assert send(r.CountFlowRuns()) == 2


def test_a_run_is_made_once_for_each_id(create):
    run = create()
    with pytest.raises(Conflict):
        create(id=run.id)


def test_a_run_may_be_scheduled(send, create):
    due = now() + timedelta(hours=1)
    details = StateDetails(scheduled_time=due)
    run = create(state=state(SCHEDULED, state_details=details))
    assert run.next_scheduled_start_time == run.expected_start_time == due
    answer = send(r.SetFlowRunState(flow_run_id=run.id, state=proposed(RUNNING)))
    assert answer.status == "WAIT"
    assert 3500 < answer.details["delay_seconds"] <= 3600
    assert answer.details["type"] == "wait_details"
    assert flow_states(send, run.id) == ["Scheduled"]


@pytest.mark.parametrize("kind", [CANCELLING])
def test_a_run_does_not_begin_in_its_middle(create, kind):
    with pytest.raises(InvalidRequest):
        create(state=state(kind))


def test_changes_touch_only_what_is_given(send, create):
    run = create(name="old", tags=["a"], parameters={"n": 1}, flow_version="1")
    change = FlowRunUpdate(name="new", tags=["b", "c"], flow_version=None)
    send(r.UpdateFlowRun(flow_run_id=run.id, flow_run=change))
    found = send(r.ReadFlowRun(flow_run_id=run.id))
    assert (found.name, found.tags, found.parameters) == ("new", ["b", "c"], {"n": 1})
    assert found.flow_version is None
    assert found.updated >= run.updated

    def tagged(tag):
        condition = flow_run_control_filter(tag)
        return send(r.CountFlowRuns(flow_runs=condition))

    assert [tagged("a"), tagged("b"), tagged("c")] == [0, 1, 1]
    send(r.UpdateFlowRun(flow_run_id=run.id, flow_run=FlowRunUpdate(tags=[])))
    assert tagged("b") == 0


def flow_run_control_filter(tag):
    from legato._model.filters import FlowRunFilter, TagsFilter

    return FlowRunFilter(tags=TagsFilter(all_=[tag]))


# -- states of flow runs


def test_a_run_is_taken_through_its_states(send, create):
    run = create()
    for kind in (RUNNING, COMPLETED):
        answer = send(
            r.SetFlowRunState(flow_run_id=run.id, state=proposed(kind, message=f"now {kind}"))
        )
        assert (answer.status, answer.details) == ("ACCEPT", {"type": "accept_details"})
        assert (answer.state.type, answer.state.message) == (kind, f"now {kind}")
    found = send(r.ReadFlowRun(flow_run_id=run.id))
    assert (found.state_type, found.run_count) == (COMPLETED, 1)
    assert found.state.id == answer.state.id
    assert found.start_time is not None
    assert found.end_time >= found.start_time
    assert flow_states(send, run.id) == ["Pending", "Running", "Completed"]
    one = send(states.ReadFlowRunState(id=answer.state.id))
    assert (one.id, one.name) == (answer.state.id, "Completed")


def test_a_state_may_have_a_name_of_its_own(send, create):
    run = create()
    given = proposed(FAILED, name="OutOfFlour", message="no bread")
    send(r.SetFlowRunState(flow_run_id=run.id, state=given))
    found = send(r.ReadFlowRun(flow_run_id=run.id))
    assert (found.state_name, found.state.message) == ("OutOfFlour", "no bread")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", [RUNNING, SCHEDULED, FAILED])
def test_a_finished_run_is_moved_on_but_scheduled_by_force_only(send, create, kind, force):
    run = create(state=state(COMPLETED))
    answer = send(r.SetFlowRunState(flow_run_id=run.id, state=proposed(kind), force=force))
    if kind is SCHEDULED and not force:
        assert (answer.status, answer.details["type"]) == ("ABORT", "abort_details")
        assert answer.state.type is COMPLETED
        assert flow_states(send, run.id) == ["Completed"]
    else:
        assert (answer.status, answer.state.type) == ("ACCEPT", kind)
        assert flow_states(send, run.id) == ["Completed", kind.value.capitalize()]


def test_force_passes_the_rules(send, create):
    due = StateDetails(scheduled_time=now() + timedelta(hours=1))
    run = create(state=state(SCHEDULED, state_details=due))
    answer = send(r.SetFlowRunState(flow_run_id=run.id, state=proposed(RUNNING), force=True))
    assert answer.status == "ACCEPT"
    assert flow_states(send, run.id) == ["Scheduled", "Running"]


@pytest.mark.parametrize("force", [False, True])
def test_a_run_at_work_is_pending_again_by_force_only(send, create, force):
    run = create(state=state(RUNNING))
    answer = send(r.SetFlowRunState(flow_run_id=run.id, state=proposed(PENDING), force=force))
    assert answer.status == ("ACCEPT" if force else "ABORT")
    assert flow_states(send, run.id) == ["Running"] + ["Pending"] * force


def test_what_is_being_cancelled_is_not_completed(send, create):
    run = create(state=state(RUNNING))
    send(r.SetFlowRunState(flow_run_id=run.id, state=proposed(CANCELLING)))
    answer = send(r.SetFlowRunState(flow_run_id=run.id, state=proposed(COMPLETED)))
    assert (answer.status, answer.state.type) == ("REJECT", CANCELLING)
    assert flow_states(send, run.id) == ["Running", "Cancelling"]


def test_a_state_set_from_outside_ends_the_attempt_of_its_holder(send, sender):
    run_id = sender.start()
    answer = send(r.SetFlowRunState(flow_run_id=run_id, state=proposed(CANCELLED)))
    assert answer.status == "ACCEPT"
    answers = sender.send(move(run_id, COMPLETED)).answers
    assert isinstance(answers[0], Aborted)
    assert flow_states(send, run_id) == ["Pending", "Running", "Cancelled"]


def test_a_state_set_from_outside_leaves_a_going_attempt(send, sender):
    run_id = sender.start()
    send(r.SetFlowRunState(flow_run_id=run_id, state=proposed(CANCELLING)))
    answers = sender.send(move(run_id, CANCELLED)).answers
    assert isinstance(answers[0], Accepted)
    assert flow_states(send, run_id) == ["Pending", "Running", "Cancelling", "Cancelled"]


def test_the_task_run_of_a_subflow_follows(send, sender):
    run_id = sender.start()
    parent = task(run_id)
    from tests.store.records import flow_run

    child = flow_run(parent=parent, parent_epoch=1)
    sender.send(child, move(child.run.id, RUNNING))
    send(r.SetFlowRunState(flow_run_id=child.run.id, state=proposed(FAILED, message="why")))
    found = send(t.ReadTaskRun(task_run_id=parent.id))
    assert (found.state_type, found.state.message) == (FAILED, "why")
    assert found.state.state_details.child_flow_run_id == child.run.id


def test_a_run_that_is_going_says_how_long(send, sender):
    run_id = sender.start()
    run = send(r.ReadFlowRun(flow_run_id=run_id))
    assert run.total_run_time == timedelta(0)
    assert timedelta(0) < run.estimated_run_time < timedelta(minutes=5)
    sender.send(move(run_id, COMPLETED))
    run = send(r.ReadFlowRun(flow_run_id=run_id))
    assert run.estimated_run_time == run.total_run_time > timedelta(0)


def test_runs_are_deleted_with_what_is_below(send, sender):
    run_id = sender.start(tags=["x"])
    _, records = whole_task(run_id)
    sender.send(*records, line("x", run_id))
    send(r.DeleteFlowRun(flow_run_id=run_id))
    assert send(r.CountFlowRuns()) == send(t.CountTaskRuns()) == 0
    assert send(logs.FilterLogs()) == []
    assert flow_states(send, run_id) == []
    with pytest.raises(ObjectNotFound):
        send(r.DeleteFlowRun(flow_run_id=run_id))


# -- task runs


def asked(run, **more):
    """A task run as clients ask for it."""
    same = ("id", "name", "task_key", "dynamic_key", "flow_run_id", "tags", "labels")
    return t.TaskRunRequest(**{**{name: getattr(run, name) for name in same}, **more})


def test_a_task_run_is_created_and_moved(send, sender):
    run_id = sender.start()
    given = task(run_id, tags=["t"], labels={"a": "b"})
    made = send(t.CreateTaskRun(task_run=asked(given)))
    assert (made.id, made.flow_run_id, made.tags) == (given.id, run_id, ["t"])
    assert timeless(send(t.ReadTaskRun(task_run_id=given.id))) == timeless(made)
    assert timeless(send(t.CreateTaskRun(task_run=asked(given)))) == timeless(made)
    with pytest.raises(Conflict):
        send(t.CreateTaskRun(task_run=asked(given, dynamic_key="other")))
    for kind in (RUNNING, COMPLETED):
        answer = send(t.SetTaskRunState(task_run_id=given.id, state=proposed(kind)))
        assert (answer.status, answer.state.type) == ("ACCEPT", kind)
    found = send(t.ReadTaskRun(task_run_id=given.id))
    assert (found.run_count, found.state_name) == (1, "Completed")
    assert task_states(send, given.id) == ["Pending", "Running", "Completed"]
    for kind in (FAILED, RUNNING):
        answer = send(t.SetTaskRunState(task_run_id=given.id, state=proposed(kind), force=True))
        assert answer.status == "ACCEPT"
    assert task_states(send, given.id) == ["Pending", "Running", "Completed", "Failed", "Running"]


def test_a_step_key_is_taken_once_in_a_flow_run(send, sender):
    run_id = sender.start()
    keys = ({}, {}, {"task_key": "other"}, {"flow_run_id": None}, {"flow_run_id": None})
    made = [
        send(t.CreateTaskRun(task_run=asked(task(run_id, dynamic_key="same"), **more))).id
        for more in keys
    ]
    assert made[0] == made[1]
    assert made[3] == made[4]
    assert len(set(made)) == 3


def test_a_task_run_does_not_begin_in_its_middle(send):
    with pytest.raises(InvalidRequest):
        send(t.CreateTaskRun(task_run=asked(task(None), state=proposed(CANCELLING))))


def test_a_task_run_is_deleted(send, sender):
    run_id = sender.start()
    one, records = whole_task(run_id, tags=["t"])
    two, more = whole_task(run_id)
    sender.send(*records, *more)
    send(t.DeleteTaskRun(task_run_id=one.id))
    assert [run.id for run in send(t.FilterTaskRuns())] == [two.id]
    assert task_states(send, one.id) == []
    assert len(task_states(send, two.id)) == 3


def test_an_orphan_is_read_too(send, sender):
    alone = task(None)
    sender.send(TaskRunCreated(0, alone))
    found = send(t.ReadTaskRun(task_run_id=alone.id))
    assert found.flow_run_id is None


# -- log lines


def test_lines_are_stored_in_order(send, sender):
    run_id, at = sender.start(), now()
    lines = [
        LogCreate(name="n", level=20, message=f"{n}\0\ud800", timestamp=at, flow_run_id=run_id)
        for n in range(3)
    ]
    send(logs.CreateLogs(logs=lines))
    send(logs.CreateLogs(logs=[]))
    found = send(logs.FilterLogs())
    assert [log.message for log in found] == [f"{n}\ufffd\\ud800" for n in range(3)]
    assert len({log.id for log in found}) == 3
    assert {(log.name, log.level, log.timestamp, log.flow_run_id) for log in found} == {
        ("n", 20, at, run_id)
    }


def test_a_proposed_state_gets_an_id_of_its_own():
    when = now()
    first = flow_run_control.stamped(proposed(RUNNING), when)
    assert first.name == "Running"
    assert first.id != flow_run_control.stamped(proposed(RUNNING), when).id
    assert (first.id.version, first.id.int >> 80) == (7, int(when.timestamp() * 1000))
    with pytest.raises(InvalidRequest):
        flow_run_control.stamped(proposed(RUNNING, name=""), when)

"""What becomes of a batch, on both stores."""

from __future__ import annotations

import gc

import pytest

from legato._control.intake import Intake
from legato._model.errors import Conflict
from legato._model.progress import START
from legato._model.records import Aborted, Accepted, ResultKept, Skipped, TaskRunCreated
from legato._model.results import Result, ResultReference
from legato._model.states import StateDetails, StateType
from legato._model.task_runs import ParameterInput, TaskRunInput
from legato._store import decode
from legato._store.sql import Sql
from tests.store.records import (
    COMPLETED,
    PENDING,
    RUNNING,
    Sender,
    flow_run,
    line,
    move,
    moved,
    named,
    new_id,
    now,
    state,
    task,
    whole_task,
)


def read_task(store, run_id):
    rows = store.read(lambda tx: tx.rows("task_run.read", {"ws": 0, "id": run_id}))
    return decode.task_run(rows[0]) if rows else None


def read_flow_run(store, run_id):
    rows = store.read(lambda tx: tx.rows("flow_run.read", {"ws": 0, "id": run_id}))
    return decode.flow_run(rows[0]) if rows else None


def task_states(store, run_id):
    rows = store.read(lambda tx: tx.rows("task_run_state.list", {"run_id": run_id}))
    return [decode.task_run_state(row) for row in rows]


def flow_states(store, run_id):
    rows = store.read(lambda tx: tx.rows("flow_run_state.list", {"run_id": run_id}))
    return [decode.flow_run_state(row) for row in rows]


def types(states):
    return [s.type for s in states]


def count(store, table):
    query = Sql(f"SELECT count(*) FROM {table}")
    return store.read(lambda tx: tx.select(query))[0][0]


def test_a_batch_leaves_nothing_to_the_garbage_collector(store, sender):
    """In a cycle its records would stay in memory until the next collection."""
    gc.collect()
    gc.disable()
    try:
        sender.send(*whole_task(sender.start())[1], line("x"))
        assert [found for found in gc.get_objects() if type(found) is Intake] == []
    finally:
        gc.enable()


def test_a_run_that_another_writer_has_created_is_refused_and_the_rest_of_the_batch_stands(store):
    run_id = Sender(store, pid=1).start(name="first")
    sender = Sender(store, pid=2)
    answer = sender.send(line("before"), flow_run(run_id), move(run_id, RUNNING), line("after"))
    assert answer.answers[1] == Aborted(f"The flow run {run_id} exists.")
    assert answer.answers[2] == Aborted("Attempt 1 is closed.")
    assert read_flow_run(store, run_id).name == "first"
    assert count(store, "log") == 2


def test_a_task_run_of_one_batch_reads_back_whole(store, sender):
    run_id = sender.start()
    other = new_id()
    run, records = whole_task(
        run_id,
        tags=["a", "b", "a"],
        labels={"n": 1.5},
        task_inputs={"x": [TaskRunInput(id=other), ParameterInput(name="p")], "y": []},
    )
    assert sender.send(*records).answers == {}
    found = read_task(store, run.id)
    assert found.state_type is COMPLETED
    assert found.state.id == records[2].state.id
    assert found.state.timestamp == records[2].state.timestamp
    assert found.run_count == 1
    assert found.start_time == records[2].progress.start_time
    assert found.end_time == records[2].state.timestamp
    assert found.total_run_time.total_seconds() == 0.25
    assert (found.tags, found.labels) == (["a", "b", "a"], {"n": 1.5})
    assert found.task_inputs == run.task_inputs
    assert found.flow_run_id == run_id
    assert types(task_states(store, run.id)) == [PENDING, RUNNING, COMPLETED]
    assert count(store, "task_run_tag") == 2


def test_a_task_run_spread_over_batches(store, sender):
    run_id = sender.start()
    many = [whole_task(run_id) for _ in range(150)]
    for step in range(3):
        sender.send(*(records[step] for _, records in many))
    for run, _ in many[::40]:
        found = read_task(store, run.id)
        assert found.state_type is COMPLETED
        assert found.start_time == run.state.timestamp
    assert count(store, "task_run_state") == 450


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (1, 2), (4,)])
def test_a_name_that_comes_after_the_run_holds(store, sender, cuts):
    """In the batch that creates the run, in a later one with or without a transition."""
    run_id = sender.start()
    run, records = whole_task(run_id)
    other, more = whole_task(run_id)
    records = [records[0], named(run, "use-1"), *records[1:], named(run, "use-\ud800")]
    for first, last in zip((0, *cuts), (*cuts, None), strict=True):
        batch = sender.batch(*records[first:last], *more[first:last])
        for answer in (sender.deliver(batch), sender.deliver(batch)):
            assert (answer.quarantined, answer.fenced) == (0, [])
    found = read_task(store, run.id)
    assert (found.name, found.state_type) == ("use-\\ud800", COMPLETED)
    assert types(task_states(store, run.id)) == [PENDING, RUNNING, COMPLETED]
    assert read_task(store, other.id).name == other.name


def test_a_name_of_a_stray_run_or_of_no_text_is_kept_apart(store, sender):
    run_id = sender.start()
    run, records = whole_task(run_id)
    answer = sender.send(*records, named(task(run_id), "stray"), named(run, 5))
    assert answer.quarantined == 2
    assert read_task(store, run.id).name == run.name


def test_a_repeated_batch_has_no_effect_and_the_same_answers(store, sender):
    proposal = flow_run()
    run_id = proposal.run.id
    _, records = whole_task(run_id)
    batch = sender.batch(proposal, move(run_id, RUNNING), *records, move(run_id, COMPLETED))
    first = sender.deliver(batch)
    again = sender.deliver(batch)
    assert [a.state.id for a in again.answers.values()] == [
        a.state.id for a in first.answers.values()
    ]
    assert [a.version for a in again.answers.values()] == [1, 2, 3]
    assert again.last_seq == first.last_seq
    assert (count(store, "task_run_state"), count(store, "flow_run_state")) == (3, 3)


def test_an_overlapping_batch_counts_where_it_is_new(store, sender):
    run_id = sender.start()
    run, records = whole_task(run_id)
    sender.send(*records[:2])
    batch = sender.batch(*records, first=sender.seq - 2)
    assert sender.deliver(batch).last_seq == 5
    assert types(task_states(store, run.id)) == [PENDING, RUNNING, COMPLETED]


def test_a_hole_is_a_conflict_that_names_the_expected_number(store, sender):
    run_id = sender.start()
    _, records = whole_task(run_id)
    with pytest.raises(Conflict, match="Record 3 is expected"):
        sender.deliver(sender.batch(*records, first=5))
    with pytest.raises(Conflict, match="Record 1 is expected"):
        Sender(store).deliver(sender.batch(*records, first=2))
    assert count(store, "task_run") == 0


def broken(run_id, what):
    run = task(run_id)
    if what == "name":
        run.name = 5
    elif what == "time":
        run.state.timestamp = run.state.timestamp.replace(tzinfo=None)
    elif what == "label":
        run.labels = {"x": float("nan")}
    elif what == "huge":
        run.name = "x" * (17 * 1024 * 1024)
    elif what == "none":
        return TaskRunCreated(1, None)
    elif what == "number":
        run.flow_run_run_count = "many"
    elif what == "stray":
        run.flow_run_id = new_id()
    elif what == "first":
        run.state = state(StateType.CANCELLING)
    return TaskRunCreated(1, run)


@pytest.mark.parametrize(
    "what", ["name", "time", "label", "huge", "none", "number", "stray", "first"]
)
def test_a_bad_record_goes_to_the_quarantine_and_stops_nothing(store, sender, what):
    run_id = sender.start()
    good, records = whole_task(run_id)
    answer = sender.send(records[0], broken(run_id, what), *records[1:])
    assert answer.quarantined == 1
    assert answer.last_seq == sender.seq - 1
    assert types(task_states(store, good.id)) == [PENDING, RUNNING, COMPLETED]
    assert count(store, "quarantine") == 1
    assert sender.send(move(run_id, COMPLETED)).answers[0].version == 3


def test_facts_that_the_table_of_transitions_forbids_change_nothing(store, sender):
    run_id = sender.start()
    run, records = whole_task(run_id)
    answer = sender.send(*records, moved(run, 4, RUNNING))
    assert answer.quarantined == 1
    assert read_task(store, run.id).state_type is COMPLETED


def test_the_end_of_a_transaction_leaves_counts_times_and_the_result_until_it_is_rolled_back(
    store, sender
):
    run, records = whole_task(sender.start())
    records[-1].result_id = result_id = new_id()
    sender.send(*records)
    before = read_task(store, run.id)
    for version, name in enumerate(("Committing", "Committed", "RollingBack"), 4):
        end = moved(run, version, COMPLETED)
        end.state.name = name
        end.progress = START
        assert sender.send(end).quarantined == 0
        found = read_task(store, run.id)
        assert (found.state.name, found.state.data) == (name, ResultReference(result_id))
        assert (found.run_count, found.start_time, found.end_time) == (
            before.run_count, before.start_time, before.end_time,
        )  # fmt: skip
    end = moved(run, 7, COMPLETED)
    end.state.name = "RolledBack"
    sender.send(end)
    assert read_task(store, run.id).state.data is None


def test_text_gets_one_verdict(store, sender):
    run_id = sender.start(parameters={"t": "a\0b\udc80", "n": None})
    nasty = "nul \0, surrogate \udcff, é, " + "x" * 1_000_000
    run, records = whole_task(run_id, name=nasty[:40], tags=["t\0"])
    records[2].state.message = nasty
    answer = sender.send(*records, line(nasty, run_id, run.id, name="l\0"))
    assert answer.quarantined == 0
    found = read_task(store, run.id)
    assert found.state.message == "nul \ufffd, surrogate \\udcff, é, " + "x" * 1_000_000
    assert found.tags == ["t\ufffd"]
    assert read_flow_run(store, run_id).parameters == {"t": "a\ufffdb\\udc80", "n": None}
    (found_line,) = store.read(lambda tx: tx.rows("log.list", {"flow_run_id": run_id}))
    assert decode.log(found_line).message == found.state.message
    assert decode.log(found_line).task_run_id == run.id


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_are_refused_by_name(store, sender, value):
    proposal = flow_run(parameters={"a": {"b": [1, value]}})
    answer = sender.send(proposal).answers[0]
    assert isinstance(answer, Aborted)
    assert "parameters.a.b.1" in answer.reason
    assert read_flow_run(store, proposal.run.id) is None


def test_logs_and_results_outside_and_inside_of_runs(store, sender):
    run_id = sender.start()
    result = Result(
        id=new_id(),
        flow_run_id=run_id,
        serializer="json",
        size=3,
        sha256=b"\1" * 32,
        body=b"\0\xff1",
        created_at=now(),
    )
    sender.send(
        line("outside"),
        line("inside", run_id),
        ResultKept(1, result),
        move(run_id, COMPLETED),
    )
    (row,) = store.read(lambda tx: tx.rows("result.read", {"id": result.id}))
    assert decode.result(row) == result
    (found_line,) = store.read(lambda tx: tx.rows("log.list", {"flow_run_id": decode.NO_FLOW_RUN}))
    assert decode.log(found_line).flow_run_id is None
    assert decode.log(found_line).message == "outside"


def test_a_run_outside_of_flows(store, sender):
    run, records = whole_task(None)
    assert sender.send(*records).quarantined == 0
    assert read_task(store, run.id).flow_run_id is None


def test_retries_wait_with_a_scheduled_time(store, sender):
    run_id = sender.start()
    run = task(run_id)
    due = now()
    sender.send(
        TaskRunCreated(1, run),
        moved(run, 2, RUNNING),
        moved(
            run,
            3,
            StateType.SCHEDULED,
            name="AwaitingRetry",
            state_details=StateDetails(scheduled_time=due),
        ),
    )
    found = read_task(store, run.id)
    assert found.next_scheduled_start_time == due
    assert found.state.state_details.scheduled_time == due
    sender.send(moved(run, 4, RUNNING, name="Retrying"), moved(run, 5, COMPLETED))
    assert read_task(store, run.id).next_scheduled_start_time is None


def test_proposals_are_decided_by_the_rules(store, sender):
    run_id = sender.start()
    assert isinstance(sender.send(move(run_id, COMPLETED)).answers[0], Accepted)
    answer = sender.send(move(run_id, StateType.FAILED))
    assert isinstance(answer.answers[0], Aborted)
    assert answer.fenced == []
    found = read_flow_run(store, run_id)
    assert found.state_type is COMPLETED
    assert found.run_count == 1
    assert types(flow_states(store, run_id)) == [PENDING, RUNNING, COMPLETED]


def test_flows_are_made_once_by_name(store, sender):
    first = sender.send(flow_run()).answers[0].flow_id
    assert sender.send(flow_run()).answers[0].flow_id == first
    assert sender.send(flow_run(flow="other")).answers[0].flow_id != first
    assert count(store, "flow") == 2


def test_a_subflow_is_shown_on_its_parents_task_run(store, sender):
    above = sender.start()
    parent = task(above)
    child = flow_run(parent=parent, parent_epoch=1)
    answer = sender.send(child, move(child.run.id, RUNNING))
    assert all(isinstance(a, Accepted) for a in answer.answers.values())
    assert read_task(store, parent.id).state_type is RUNNING
    sender.send(move(child.run.id, StateType.FAILED, message="no"))
    found = read_task(store, parent.id)
    assert (found.state_type, found.state.message) == (StateType.FAILED, "no")
    assert found.state.state_details.child_flow_run_id == child.run.id
    run = read_flow_run(store, child.run.id)
    assert (run.parent_task_run_id, run.root_flow_run_id) == (parent.id, above)
    deeper = task(child.run.id)
    grandchild = flow_run(parent=deeper, parent_epoch=1)
    sender.send(grandchild)
    assert read_flow_run(store, grandchild.run.id).root_flow_run_id == above


def test_tasks_that_end_after_their_flow_still_count(store, sender):
    run_id = sender.start()
    run, records = whole_task(run_id)
    sender.send(*records[:2], move(run_id, COMPLETED))
    answer = sender.send(records[2])
    assert (answer.fenced, answer.quarantined) == ([], 0)
    assert read_task(store, run.id).state_type is COMPLETED


def test_a_flow_run_of_another_writer_is_fenced(store, sender):
    run_id = sender.start()
    other = Sender(store)
    answer = other.send(move(run_id, COMPLETED))
    assert isinstance(answer.answers[0], Aborted)
    assert [f.flow_run_id for f in answer.fenced] == [run_id]
    assert read_flow_run(store, run_id).state_type is RUNNING


def test_positions_follow_the_order_of_the_records(store, sender):
    proposal = flow_run()
    run_id = proposal.run.id
    _, records = whole_task(run_id)
    sender.send(proposal, move(run_id, RUNNING), *records, move(run_id, COMPLETED))
    both = Sql(
        "SELECT position, state_id FROM flow_run_state "
        "UNION ALL SELECT position, state_id FROM task_run_state ORDER BY position"
    )
    found = [decode.uid(row[1]) for row in store.read(lambda tx: tx.select(both))]
    assert found[0] == proposal.run.state.id
    assert found[2:5] == [
        records[0].run.state.id,
        records[1].state.id,
        records[2].state.id,
    ]


def test_a_skipped_record_keeps_its_number_and_changes_nothing(store):
    sender = Sender(store)
    run = sender.start()
    _, records = whole_task(run)
    answer = sender.send(Skipped(), *records, Skipped(), line("after", run))
    assert (answer.quarantined, answer.fenced) == (0, [])
    assert count(store, "quarantine") == 0
    assert count(store, "task_run_state") == 3
    [[seq]] = store.read(lambda tx: tx.select(Sql("SELECT seq FROM log")))
    assert seq == answer.last_seq

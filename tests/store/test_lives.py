"""Task runs that begin and end in one batch are written by short statements, to the same rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from legato._model.records import Progress, TaskRunCreated, TaskRunMoved
from legato._model.states import StateDetails, StateType
from legato._model.task_runs import TaskRunInput
from legato._store.sql import Sql
from tests import faults
from tests.store.records import COMPLETED, RUNNING, line, named, new_id, state, task
from tests.store.test_receive import count
from tests.store.test_together import statements

# the case itself is another one where a fault has a batch taken record by record
pytestmark = faults.meaningless("a batch with a fault in it is taken record by record")


def life(flow_run_id, epoch=1, **more):
    """A run as a task without waits leaves it; its three records."""
    more.setdefault("tags", ["red", "green"])
    more.setdefault("task_inputs", {"x": [TaskRunInput(id=new_id())], "y": []})
    run = task(flow_run_id, **more)
    began, ended = state(RUNNING), state(COMPLETED)
    began.timestamp = run.state.timestamp + timedelta(microseconds=3)
    ended.timestamp = began.timestamp + timedelta(seconds=1.25)
    before = Progress(1, began.timestamp)
    after = Progress(1, began.timestamp, ended.timestamp, 1.25)
    return [
        TaskRunCreated(epoch, run),
        TaskRunMoved(epoch, flow_run_id, run.id, 2, began, before),
        TaskRunMoved(epoch, flow_run_id, run.id, 3, ended, after, run.id, b"[1]"),
    ]


def rows(store, records):
    """All that is stored of the run, but for positions."""
    run_id = records[0].run.id
    queries = (
        Sql("SELECT * FROM task_run WHERE id = ?", (run_id,)),
        Sql(
            "SELECT ws, task_run_id, version, epoch, opens, state_id, from_type, type, name, "
            "message, details, at, result_id FROM task_run_state WHERE task_run_id = ? "
            "ORDER BY version",
            (run_id,),
        ),
        Sql("SELECT tag FROM task_run_tag WHERE run_id = ? ORDER BY tag", (run_id,)),
    )
    return store.run(lambda tx: [tx.select(query) for query in queries])


def forget(store, records):
    run_id = records[0].run.id
    for table, key in (
        ("task_run", "id"), ("task_run_state", "task_run_id"), ("task_run_tag", "run_id"),
    ):  # fmt: skip
        statement = Sql(f"DELETE FROM {table} WHERE {key} = ?", (run_id,))  # type: ignore[arg-type]
        store.run(lambda tx, statement=statement: tx.execute(statement))


@pytest.mark.parametrize(
    "more", [{}, {"tags": [], "task_inputs": {}}, {"name": "a\0b", "flow_run_run_count": 7}]
)
def test_rows_are_those_of_records_that_come_one_by_one(store, sender, monkeypatch, more):
    run_id = sender.start()
    records, names = life(run_id, **more), statements(monkeypatch, store)
    sender.send(*records)
    assert {"task_run.create_lived", "task_run_state.create_lived"} <= set(names)
    at_once = rows(store, records)
    forget(store, records)
    names.clear()
    for record in records:
        sender.send(record)
    assert "task_run.create_lived" not in names
    one_by_one = rows(store, records)
    assert at_once == one_by_one
    assert len(at_once[0]) == 1
    assert len(at_once[1]) == 3


def test_positions_follow_the_order_of_the_records(store, sender):
    run_id = sender.start()
    first, second, third = life(run_id), life(run_id), life(run_id)
    third[2].state.message = "not of the kind"
    mixed = [
        first[0], second[0], third[0], line("x", run_id), second[1], third[1], first[1],
        second[2], third[2], first[2],
    ]  # fmt: skip
    sender.send(*mixed)
    query = Sql("SELECT state_id FROM task_run_state ORDER BY position", ())
    found = [
        bytes(getattr(row[0], "bytes", row[0])) for row in store.run(lambda t: t.select(query))
    ]
    states = [
        r.run.state if isinstance(r, TaskRunCreated) else r.state for r in mixed if r != mixed[3]
    ]
    assert found == [entered.id.bytes for entered in states]


def changed(records, what):
    created, began, ended = records
    if what == "message":
        ended.state.message = "All states completed."
    elif what == "name":
        ended.state.name = "Cached"
    elif what == "details":
        created.run.state.state_details = StateDetails(task_run_id=new_id())
    elif what == "rare":
        created.run.task_version = "3"
    elif what == "second try":
        began.progress = replace(began.progress, run_count=2)
    elif what == "failed":
        ended.state.type, ended.state.name = StateType.FAILED, "Failed"
    elif what == "began before":
        ended.progress = replace(ended.progress, start_time=created.run.state.timestamp)
    else:
        return [*records, named(created.run, "other")]
    return records


@pytest.mark.parametrize(
    "what",
    ["message", "name", "details", "rare", "second try", "failed", "began before", "named"],
)
def test_what_differs_in_the_least_goes_the_general_way(store, sender, monkeypatch, what):
    run_id = sender.start()
    other, records = life(run_id), changed(life(run_id), what)
    names = statements(monkeypatch, store)
    sender.send(*records, *other)
    assert names.count("task_run.create_lived") == 1  # the other one
    assert {"task_run.create", "task_run.create_whole"} & set(names)
    at_once = rows(store, records)
    forget(store, records)
    for record in records:
        sender.send(record)
    assert at_once == rows(store, records)


def test_a_bad_one_goes_to_the_quarantine_and_the_others_stand(store, sender):
    run_id = sender.start()
    good, bad = life(run_id), life(run_id)
    bad[0].run.name = 7
    answer = sender.send(*good, *bad)
    assert answer.quarantined == 3
    assert count(store, "task_run") == 1
    assert rows(store, good)[0]


def test_a_run_that_is_there_already_is_not_written_twice(store, sender):
    run_id = sender.start()
    records = life(run_id)
    sender.send(*records)
    answer = sender.send(*records)  # under new numbers
    assert answer.quarantined
    assert count(store, "task_run") == 1

"""A deletion of much goes piece by piece; whoever was stopped in between goes on from there."""

from __future__ import annotations

import pytest

from legato._control import clearing
from legato._control.duties import retention
from legato._control.registry import clearing as steps_of
from legato._model.filters import FlowRunFilter, OptionalIdFilter
from legato._model.operations.flow_runs import BulkDeleteFlowRuns, DeleteFlowRun
from legato._model.operations.flows import BulkDeleteFlows
from legato._model.results import Result
from legato._store import finding, pieces, results
from tests.control.test_retention import KEEP, TABLES, count, ended, over, with_subflow
from tests.store.records import (
    COMPLETED,
    RUNNING,
    flow_run,
    line,
    move,
    new_id,
    now,
    task,
    whole_task,
)

_PARENTLESS = (
    "parent_task_run_id IS NOT NULL AND parent_task_run_id NOT IN (SELECT id FROM task_run)"
)
_HOMELESS = "flow_run_id NOT IN (SELECT id FROM flow_run)"
ROWS = ("log", "task_run", "flow_run")


@pytest.fixture(autouse=True)
def _little_room(monkeypatch):
    monkeypatch.setattr(clearing, "ROOM", 3)


def rows(store):
    return sum(count(store, table) for table in ROWS)


def stopped(store, operation, after):
    """Go some pieces far, as one who is killed then; return how many rows each took."""
    taken, before = [], rows(store)
    for _ in zip(range(after), steps_of(store, now(), operation), strict=False):
        taken.append(before - rows(store))
        before -= taken[-1]
        assert count(store, f"flow_run WHERE {_PARENTLESS}") == 0
        assert count(store, f"task_run WHERE {_HOMELESS}") == 0
        assert count(store, f"log WHERE {_HOMELESS}") == 0
    return taken


def nothing_is_left(store):
    return [count(store, table) for table in TABLES] == [0] * len(TABLES)


@pytest.mark.parametrize("pieces_done", [1, 2, 4, 5, 7])
def test_who_was_stopped_deletes_again_and_all_is_gone(store, sender, send, pieces_done):
    parent, _ = with_subflow(sender, tasks=4)
    request = DeleteFlowRun(flow_run_id=parent)
    taken = stopped(store, request, pieces_done)
    assert all(0 < some <= clearing.ROOM + 1 for some in taken)  # a run goes with its last rows
    assert store.read(lambda tx: finding.find_flow_run(tx, parent)) is not None
    stopped(store, request, 99)
    assert count(store, "flow_run") == 1
    assert rows(store) <= clearing.ROOM
    send(request)
    assert nothing_is_left(store)


def test_the_pruner_goes_on_with_what_a_deletion_left(store, sender):
    parent, _ = with_subflow(sender, tasks=4)
    stopped(store, DeleteFlowRun(flow_run_id=parent), 3)
    assert 0 < rows(store) < 17
    over(store, 2 * KEEP, kind=retention.FLOW_RUNS)
    assert nothing_is_left(store)


def test_little_is_left_to_the_operation_itself(store, sender, send):
    run_id = ended(sender)
    assert stopped(store, DeleteFlowRun(flow_run_id=run_id), 9) == []
    send(DeleteFlowRun(flow_run_id=run_id))
    assert nothing_is_left(store)


def test_a_run_that_goes_on_is_deleted_with_what_it_did_meanwhile(store, sender, send):
    run_id = sender.start()
    for _ in range(5):
        sender.send(*whole_task(run_id)[1])
    request = DeleteFlowRun(flow_run_id=run_id)
    stopped(store, request, 1)
    child = flow_run(parent=task(run_id), parent_epoch=1)
    sender.send(child, move(child.run.id, RUNNING), line("word", flow_run_id=child.run.id))
    stopped(store, request, 99)
    send(request)
    assert nothing_is_left(store)


def test_what_a_filter_finds_is_found_again_after_a_stop(store, sender, send):
    """Runs that are listed beside their callers, and found by them, stay until the last step."""
    parent, child = with_subflow(sender, tasks=4)
    both = BulkDeleteFlowRuns()
    only = FlowRunFilter(parent_flow_run_id=OptionalIdFilter(any_=[parent]))
    stopped(store, BulkDeleteFlowRuns(flow_runs=only), 99)
    stopped(store, both, 99)
    assert count(store, "flow_run") == 2
    assert count(store, "log") == 0
    assert send(BulkDeleteFlowRuns(flow_runs=only)).deleted == [child]
    assert send(both).deleted == [parent]
    assert nothing_is_left(store)


def test_a_flow_goes_with_many_runs(store, sender, send, monkeypatch):
    monkeypatch.setattr(clearing, "BATCH", 2)
    for _ in range(5):
        ended(sender)
    stopped(store, BulkDeleteFlows(), 2)
    assert 0 < count(store, "flow_run") < 5
    stopped(store, BulkDeleteFlows(), 99)
    assert count(store, "flow_run") <= 2
    assert len(send(BulkDeleteFlows()).deleted) == 1
    assert nothing_is_left(store)


def test_large_results_go_a_few_at_a_time(store, sender, monkeypatch):
    monkeypatch.setattr(clearing, "ROOM", 100)
    monkeypatch.setattr(pieces, "RESULT_BYTES", 1000)
    run_id = sender.start()
    for _ in range(5):
        one = Result(
            id=new_id(),
            flow_run_id=run_id,
            serializer="pickle",
            size=400,
            sha256=b"x" * 32,
            body=b"y" * 400,
            created_at=now(),
        )
        store.run(lambda tx, one=one: add(tx, one))
    sender.send(move(run_id, COMPLETED))
    left = []
    while count(store, "flow_run"):
        store.run(lambda tx: pieces.delete_runs(tx, [run_id], 100))
        left.append(count(store, "result"))
    assert left == [3, 1, 0]


def add(tx, one):
    kept = results.Results(tx)
    kept.add(one)
    kept.flush()

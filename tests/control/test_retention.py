"""What is old goes: flow runs with all below them, events; what goes on stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from legato._control.duties import retention
from legato._model.events import EventCreate
from legato._server.chores import FlowRunPruner, Rules, chores
from legato._store import events
from legato._store.dialect import micros
from legato._store.sql import Sql
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

KEEP = timedelta(days=90)
TABLES = ("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "attempt")


class Later:
    """A clock that is ahead."""

    def __init__(self, ahead):
        self.ahead = ahead

    def now(self):
        return now() + self.ahead


def count(store, table):
    return store.read(lambda tx: tx.select(Sql(f"SELECT count(*) FROM {table}")))[0][0]


def ended(sender):
    """Have a run with a task and a log line that ended now; return its id."""
    run_id = sender.start()
    sender.send(*whole_task(run_id)[1], line("word", flow_run_id=run_id))
    sender.send(move(run_id, COMPLETED))
    return run_id


def over(pruner):
    """Go once round."""
    while pruner():
        pass


def test_a_run_goes_with_all_that_is_its_own_when_its_time_is_over(store, sender):
    ended(sender)
    over(FlowRunPruner(store, Later(KEEP - timedelta(minutes=1)), KEEP))
    assert count(store, "flow_run") == 1
    over(FlowRunPruner(store, Later(KEEP + timedelta(minutes=1)), KEEP))
    assert [count(store, table) for table in TABLES] == [0] * len(TABLES)


def test_a_run_that_goes_on_stays(store, sender):
    running = sender.start()
    ended(sender)
    over(FlowRunPruner(store, Later(2 * KEEP), KEEP))
    rows = store.read(lambda tx: tx.select(Sql("SELECT state_type FROM flow_run")))
    assert rows == [("RUNNING",)]
    assert sender.send(move(running, COMPLETED)).answers


def test_more_than_one_page_goes_past_those_that_must_stay(store, sender, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    held = {ended(sender), ended(sender)}
    is_over = retention.trees.is_over
    monkeypatch.setattr(
        retention.trees,
        "is_over",
        lambda tx, run_id, before: run_id not in held and is_over(tx, run_id, before),
    )
    for _ in range(3):
        ended(sender)
    over(FlowRunPruner(store, Later(2 * KEEP), KEEP))
    assert count(store, "flow_run") == 2


@pytest.mark.parametrize("stays", [True, False])
def test_a_tree_goes_when_all_of_it_is_over(store, sender, stays):
    parent = sender.start()
    child = flow_run(parent=task(parent), parent_epoch=1)
    sender.send(child, move(child.run.id, RUNNING))
    sender.send(move(child.run.id, COMPLETED), move(parent, COMPLETED))
    if stays:
        end = micros(now() + 2 * KEEP)
        outlived = Sql("UPDATE flow_run SET end_at = ? WHERE id = ?", (end, child.run.id))
        store.run(lambda tx: tx.execute(outlived))
    over(FlowRunPruner(store, Later(2 * KEEP), KEEP))
    assert count(store, "flow_run") == (2 if stays else 0)


def test_old_events_go_and_what_is_kept_for_ever_has_no_duty(store):
    told = EventCreate(
        occurred=now(), event="a", resource={"prefect.resource.id": "x"}, id=new_id()
    )
    store.run(lambda tx: events.record(tx, now(), [told]))
    clock = Later(timedelta(days=31))
    rules = Rules(keep_events=timedelta(days=30))
    duties = {duty.status.name: duty for duty in chores(store, clock, rules)}
    assert "flow-run-pruner" not in duties
    assert duties["event-pruner"].tick() is False
    assert count(store, "event") == 0

"""Events of transitions: made when they are read, the same on both stores."""

from __future__ import annotations

from datetime import timedelta

import pytest

from legato._control import ordered_log as log
from legato._model.errors import Resync
from legato._model.events import EventCreate
from legato._model.ordered_log import BEGINNING
from legato._store import events, trees
from legato._store.sql import Sql
from tests import faults
from tests.store.records import (
    COMPLETED,
    PENDING,
    RUNNING,
    flow_run,
    move,
    new_id,
    now,
    whole_task,
)


def told(store):
    """All events of the log, in its order, but for those of flows that were made."""
    found = store.read(lambda tx: events.list_between(tx, 0, 2**62, 99))
    assert found.reached == 2**62
    return [placed.event for placed in found.placed if placed.event.event != "prefect.flow.created"]


def roles(event):
    return {found["prefect.resource.role"]: found for found in event.related}


def test_a_flow_run_tells_of_each_of_its_states(store, sender):
    run = flow_run(flow="etl", name="brave-owl", tags=["x", "y"])
    sender.send(run, move(run.run.id, RUNNING), move(run.run.id, COMPLETED, message="all well"))
    first, second, last = told(store)
    assert [e.event for e in (first, second, last)] == [
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.flow-run.Completed",
    ]
    assert first.follows is None
    assert (second.follows, last.follows) == (first.id, second.id)
    assert last.resource == {
        "prefect.resource.id": f"prefect.flow-run.{run.run.id}",
        "prefect.resource.name": "brave-owl",
        "prefect.run-count": "1",
        "prefect.state-message": "all well",
        "prefect.state-name": "Completed",
        "prefect.state-timestamp": last.occurred.isoformat(),
        "prefect.state-type": "COMPLETED",
    }
    assert last.payload == {
        "intended": {"from": "RUNNING", "to": "COMPLETED"},
        "initial_state": {"type": "RUNNING", "name": "Running"},
        "validated_state": {"type": "COMPLETED", "name": "Completed", "message": "all well"},
    }
    assert roles(last)["flow"]["prefect.resource.name"] == "etl"
    tags = [e["prefect.resource.id"] for e in last.related if e["prefect.resource.role"] == "tag"]
    assert tags == ["prefect.tag.x", "prefect.tag.y"]
    assert first.resource["prefect.run-count"] == "0"


def test_a_task_run_tells_whose_it_is(store, sender):
    run_id = sender.start()
    task, records = whole_task(run_id)
    sender.send(*records)
    pending, _, completed = told(store)[-3:]
    assert completed.event == "prefect.task-run.Completed"
    assert completed.resource["prefect.resource.id"] == f"prefect.task-run.{task.id}"
    assert completed.resource["prefect.orchestration"] == "client"
    assert roles(completed)["flow-run"]["prefect.resource.id"] == f"prefect.flow-run.{run_id}"
    assert roles(completed)["flow"]["prefect.resource.name"] == "etl"
    run = completed.payload["task_run"]
    assert (run["task_key"], run["dynamic_key"]) == (task.task_key, task.dynamic_key)
    assert run["run_count"] == 1
    assert run["end_time"] is not None
    assert pending.payload["task_run"]["run_count"] == 0
    assert "end_time" not in pending.payload["task_run"]
    assert completed.payload["validated_state"]["state_details"] == {}


def test_a_task_run_of_no_flow_run_tells_of_itself_only(store, sender):
    sender.send(*whole_task(None)[1])
    assert [(e.event, e.related) for e in told(store)][:1] == [("prefect.task-run.Pending", [])]


def test_a_subflow_tells_which_task_run_stands_for_it(store, sender):
    parent = sender.start()
    child = flow_run(parent=whole_task(parent)[0], parent_epoch=1)
    sender.send(child)
    found = roles(next(e for e in told(store) if str(child.run.id) in str(e.resource)))
    assert found["task-run"]["prefect.resource.name"] == child.parent.name


def test_an_event_that_is_long_ago_is_not_followed(store, sender):
    run = flow_run()
    run.run.state.timestamp -= timedelta(minutes=6)
    sender.send(run, move(run.run.id, RUNNING))
    assert [e.follows for e in told(store)] == [None, None]


def test_what_is_late_or_gone_is_no_event(store, sender):
    gone, kept = sender.start(), sender.start()
    store.run(lambda tx: trees.delete(tx, gone))
    assert {e.resource["prefect.resource.id"] for e in told(store)} == {f"prefect.flow-run.{kept}"}
    late = Sql("UPDATE flow_run_state SET version = NULL WHERE version = 2")
    store.run(lambda tx: tx.execute(late))
    assert [e.event for e in told(store)] == ["prefect.flow-run.Pending"]
    restored = Sql("UPDATE flow_run_state SET version = 2 WHERE version IS NULL")
    store.run(lambda tx: tx.execute(restored))


def test_many_at_once_are_told_in_order(store, sender):
    run_id = sender.start()
    for _ in range(120):
        sender.send(*whole_task(run_id)[1])
    placed, _ = store.read(lambda tx: events.list_between(tx, 0, 2**62, 1000))
    assert [p.position for p in placed] == sorted(p.position for p in placed)
    placed = [p for p in placed if p.event.event != "prefect.flow.created"]
    assert len(placed) == 362
    assert {p.event.resource["prefect.state-type"] for p in placed} == {
        PENDING.value,
        RUNNING.value,
        COMPLETED.value,
    }


def told_of(name):
    resource = {"prefect.resource.id": f"shop.{name}"}
    return EventCreate(id=new_id(), occurred=now(), event=name, resource=resource)


@faults.meaningless("of a batch taken record by record, a flow's event comes between states")
def test_told_events_and_transitions_are_one_log(store, sender):
    store.run(lambda tx: events.record(tx, now(), [told_of("first")]))
    run_id = sender.start()
    store.run(lambda tx: events.record(tx, now(), [told_of("second"), told_of("third")]))
    sender.send(move(run_id, COMPLETED))
    expected = ["first", "Pending", "Running", "created", "second", "third", "Completed"]
    without = [name for name in expected if name != "created"]
    assert [e.event.rpartition(".")[2] for e in told(store)] == without
    for limit in (1, 2, 3):
        names, after = [], 0
        while len(names) < len(expected):
            span = store.read(lambda tx, a=after, n=limit: events.list_between(tx, a, 2**62, n))
            names += [placed.event.event.rpartition(".")[2] for placed in span.placed]
            after = span.reached
        assert names == expected


def test_old_events_are_deleted_and_a_follower_is_told(store, sender):
    store.run(lambda tx: events.record(tx, now() - timedelta(days=8), [told_of("a"), told_of("b")]))
    sender.start()
    store.run(lambda tx: events.record(tx, now(), [told_of("c")]))
    week_ago = now() - timedelta(days=7)
    pruned = [store.run(lambda tx: events.prune(tx, week_ago, limit=1)) for _ in range(3)]
    assert pruned == [1, 1, 0]
    assert [e.event for e in told(store) if e.event in {"a", "b", "c"}] == ["c"]
    left = Sql("SELECT DISTINCT resource_id FROM event_resource WHERE resource_id LIKE 'shop.%'")
    assert store.read(lambda tx: tx.select(left)) == [("shop.c",)]
    with pytest.raises(Resync):
        log.read(store, BEGINNING)


def test_an_event_whose_id_is_known_is_not_kept_again(store):
    first, second = told_of("first"), told_of("second")
    assert store.run(lambda tx: events.record(tx, now(), [first, first])) == 1
    assert store.run(lambda tx: events.record(tx, now(), [second, first])) == 1
    assert [e.event for e in told(store)] == ["first", "second"]

"""Rows are locked in one order everywhere: limits, flow runs and task runs by id, then appends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from legato._control.attempt_leases import close_expired
from legato._control.attempts import close_dead
from legato._control.global_concurrency_limits import create
from legato._control.journal import Delivery
from legato._control.slots import take
from legato._model.concurrency_limits import GlobalConcurrencyLimitCreate
from legato._model.operations.concurrency_limits import CreateGlobalConcurrencyLimit
from legato._model.operations.slots import TakeSlots
from tests import faults
from tests.store.records import (
    COMPLETED,
    RUNNING,
    Sender,
    flow_run,
    line,
    move,
    moved,
    named,
    new_id,
    now,
    task,
    whole_task,
)

# what locks or changes rows; queries and appended rows of a run's own are in no order
RANK = {
    "concurrency_limit.standing": 0,
    "flow_run.standing": 1,
    "flow_run.owner": 1,
    "task_run.standing": 2,
    "flow_run.create": 3,
    "flow_run.advance": 3,
    "flow_run.change": 3,
    "task_run.create": 4,
    "task_run.create_whole": 4,
    "task_run.create_lived": 4,
    "task_run.advance": 4,
    "task_run.change": 4,
    "task_run.rename": 4,
    "positions": 5,
    "flow_run_state.create": 6,
    "task_run_state.create": 6,
    "task_run_state.create_lived": 6,
    "result.create": 7,
    "log.create": 7,
    "log_arrival.create": 7,
}


@pytest.fixture
def trace(monkeypatch, store):
    """The names of the statements of each transaction."""
    names = []
    module = type(store).__module__ + "_transaction"
    kind = next(
        value
        for name, value in vars(__import__(module, fromlist=["x"])).items()
        if name.endswith("Transaction")
    )
    for verb in ("rows_in", "run", "bulk"):
        real = getattr(kind, verb)

        def noted(self, name, *rest, real=real, **how):
            names.append(name)
            return real(self, name, *rest, **how)

        monkeypatch.setattr(kind, verb, noted)
    real_positions = kind.positions
    monkeypatch.setattr(
        kind,
        "positions",
        lambda self, count: (names.append("positions"), real_positions(self, count))[1],
    )
    return names


def in_order(names):
    ranks = [RANK[name] for name in names if name in RANK]
    return ranks == sorted(ranks)


@faults.meaningless("after a fault in it, a batch is taken record by record, in their order")
def test_a_batch_locks_in_order(sender, trace):
    first, second = flow_run(), flow_run()
    run, records = whole_task(first.run.id)
    sender.send(second, first, move(first.run.id, RUNNING), *records[:2])
    parent = task(first.run.id)
    trace.clear()
    sender.send(
        line("x", first.run.id),
        named(run, "other"),
        moved(run, 3, COMPLETED),
        *whole_task(second.run.id)[1],
        flow_run(parent=parent, parent_epoch=1),
        move(first.run.id, COMPLETED),
        move(second.run.id, RUNNING),
    )
    assert in_order(trace), trace
    assert "task_run.rename" in trace
    assert {RANK[n] for n in trace if n in RANK} >= {1, 2, 3, 4, 5, 6, 7}


def test_the_sweep_locks_in_order(store, sender, trace):
    run_id = sender.start()
    limit = GlobalConcurrencyLimitCreate(name="db", limit=1)
    store.run(lambda tx: create(tx, now(), CreateGlobalConcurrencyLimit(limit=limit)))
    ask = TakeSlots(grant_id=new_id(), names=["db"], writer=sender.writer)
    store.run(lambda tx: take(tx, now(), ask))
    sender.send(*whole_task(run_id)[1][:2])
    trace.clear()
    store.run(lambda tx: close_dead(tx, now(), [sender.writer]))
    assert in_order(trace), trace
    assert trace.index("concurrency_limit.standing") < trace.index("flow_run.standing")


def test_the_reaper_of_leases_locks_runs_before_leases(store, sender, trace):
    """A run that ends gives its lease back under its own lock: the other way they would embrace."""
    sender.writer = replace(sender.writer, lease_seconds=1.0)
    run_id = sender.start()
    sender.send(*whole_task(run_id)[1][:2])
    trace.clear()
    store.run(lambda tx: close_expired(tx, now() + timedelta(seconds=3)))
    assert in_order(trace), trace
    locks = ("flow_run.standing", "lease.standing", "task_run.standing")
    assert [name for name in trace if name in locks] == list(locks)


def test_batches_together_lock_in_order(store, trace):
    senders = [Sender(store, pid=n) for n in range(3)]
    runs = [sender.start() for sender in senders]
    parts = [whole_task(run_id) for run_id in runs]
    for sender, (_, records) in zip(senders, parts, strict=True):
        sender.send(*records[:2])
    trace.clear()
    deliveries = [
        Delivery(
            now(),
            sender.batch(moved(run, 3, COMPLETED), move(run_id, COMPLETED), flow_run()),
            sender.writer,
        )
        for sender, run_id, (run, _) in zip(senders, reversed(runs), reversed(parts), strict=False)
    ]
    store.run(lambda tx: Delivery.together(tx, deliveries))
    assert in_order(trace), trace
    assert trace[0] == "writer.standing"
    assert {RANK[n] for n in trace if n in RANK} >= {1, 2, 3, 5, 6}

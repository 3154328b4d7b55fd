"""Transactions, group commit and the table of transitions, on both stores."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from legato._model import transitions
from legato._model.errors import Conflict, InvalidRequest
from legato._model.states import StateType
from legato._store.combine import Combiner
from legato._store.port import Grade, Lane
from tests.store.records import (
    COMPLETED,
    RUNNING,
    Sender,
    flow_run,
    move,
    new_id,
    now,
    whole_task,
)
from tests.store.test_receive import count


def flow_row(tx, name):
    return [(tx.uid(new_id()), 1, 1, name, tx.null, tx.null, 0)]


def test_a_refusal_disturbs_nobody_and_writes_nothing(store):
    def refuse(tx):
        tx.run_many("flow.create", flow_row(tx, "never"))
        raise InvalidRequest("no")

    def insert(tx):
        return tx.run_many("flow.create", flow_row(tx, f"f{threading.get_ident()}"))

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(store.run, refuse if n % 2 else insert) for n in range(16)]
        for n, job in enumerate(jobs):
            if n % 2:
                with pytest.raises(InvalidRequest, match="no"):
                    job.result()
            else:
                job.result()
    assert not store.read(lambda tx: tx.rows("flow.find", {"ws": 0, "name": "never"}))


def test_an_unexpected_error_hits_only_the_one_who_made_it(store):
    seen = []

    def fail(tx):
        seen.append(tx.repeated)
        tx.run_many("flow.create", flow_row(tx, "never"))
        raise ZeroDivisionError

    with ThreadPoolExecutor(4) as pool:
        good = [
            pool.submit(
                store.run, lambda tx, n=n: tx.run_many("flow.create", flow_row(tx, f"g{n}"))
            )
            for n in range(8)
        ]
        bad = pool.submit(store.run, fail)
        with pytest.raises(ZeroDivisionError):
            bad.result()
        assert [g.result() for g in good] == [1] * 8
    assert seen[-1] is True
    assert count(store, "flow") == 8


def test_waiting_operations_share_a_commit_in_the_order_of_their_lanes():
    taken = []
    gate, entered = threading.Event(), threading.Event()

    def transact(items, repeated):
        taken.append([item.lane for item in items])
        if len(taken) == 1:
            entered.set()
            gate.wait(5)

    combiner = Combiner(transact)
    lanes = [Lane.FACTS, Lane.LOGS, Lane.PROPOSALS, Lane.LEASES]
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(combiner.run, None, Lane.FACTS, Grade.PLAIN)
        entered.wait(5)
        rest = [pool.submit(combiner.run, None, lane, Grade.PLAIN) for lane in lanes]
        while len(combiner._queue) < 4:
            pass
        gate.set()
        for job in (first, *rest):
            job.result(5)
    assert taken == [[Lane.FACTS], [Lane.LEASES, Lane.PROPOSALS, Lane.FACTS, Lane.LOGS]]


def test_writers_at_once(store):
    def work(n):
        sender = Sender(store, pid=n)
        run_id = sender.start()
        for _ in range(10):
            _, records = whole_task(run_id)
            sender.send(*records)
        sender.send(move(run_id, COMPLETED))
        return sender.seq

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [34] * 8
    assert count(store, "task_run_state") == 8 * 30


def test_operations_that_wait_together_are_answered_each(store):
    def named(name):
        return lambda tx: tx.run_many("flow.create", flow_row(tx, name)) and name

    def refuse(tx):
        raise InvalidRequest("no")

    def fail(tx):
        tx.run_many("flow.create", flow_row(tx, "never"))
        raise ZeroDivisionError

    outcomes = store.run_all([named("a"), refuse, fail, named("b")])
    assert [outcomes[0], outcomes[3]] == ["a", "b"]
    assert [type(outcome) for outcome in outcomes[1:3]] == [InvalidRequest, ZeroDivisionError]
    found = [store.read(lambda tx, n=n: tx.rows("flow.find", {"ws": 0, "name": n})) for n in "ab"]
    assert all(found)
    assert not store.read(lambda tx: tx.rows("flow.find", {"ws": 0, "name": "never"}))


def test_operations_of_many_threads_and_of_one_wait_for_each_other(store):
    def row(name):
        return lambda tx: tx.run_many("flow.create", flow_row(tx, name))

    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(store.run_all, [row(f"{thread}.{turn}.{n}") for n in range(20)])
            for thread in range(4)
            for turn in range(5)
        ]
        jobs += [pool.submit(store.run, row(f"single {n}")) for n in range(40)]
        for job in jobs:
            job.result(timeout=60)
    assert count(store, "flow") == 20 * 20 + 40


def test_positions_grow(store):
    drawn = [store.run(lambda tx: list(tx.positions(3))) for _ in range(4)]
    flat = [p for part in drawn for p in part]
    assert flat == sorted(set(flat))


def test_a_savepoint_takes_back_what_failed(store):
    def op(tx):
        with pytest.raises(ZeroDivisionError):  # noqa: PT012, SIM117 - the order matters
            with tx.savepoint():
                tx.run_many("flow.create", flow_row(tx, "never"))
                raise ZeroDivisionError
        tx.run_many("flow.create", flow_row(tx, "kept"))

    store.run(op)
    assert count(store, "flow") == 1


def test_readers_cannot_write(store):
    with pytest.raises(Exception, match=r"cannot be written|read-only"):
        store.read(lambda tx: tx.run_many("flow.create", flow_row(tx, "never")))


@pytest.mark.parametrize("table", ["flow_run_state", "task_run_state"])
def test_the_database_itself_refuses_illegal_steps(store, table):
    """Every pair of types, as the table of transitions has them."""
    legal = transitions.FLOW_RUN if table == "flow_run_state" else transitions.TASK_RUN
    befores = ["", *(t.value for t in StateType)]

    def attempt(tx, before, after):
        owner = tx.uid(new_id())
        opens = (0,) if table == "flow_run_state" else ()
        row = (
            *tx.positions(1), 0, owner, 1, 1, *opens, owner, before, after, "n",
            tx.null, tx.null, 1, tx.null,
        )  # fmt: skip
        try:
            with tx.savepoint():
                tx.run_many(f"{table}.create", [row])
        except tx.data_errors:
            return False
        else:
            return True

    class Undo(Exception):
        pass

    found = {}

    def op(tx):
        for before in befores:
            for after in StateType:
                found[before, after] = attempt(tx, before, after.value)
        raise Undo

    with pytest.raises(Undo):
        store.run(op)
    expected = {
        (before, after): after in legal.get(StateType(before) if before else None, ())
        for before in befores
        for after in StateType
    }
    assert found == expected


def test_grades_are_both_committed(store, sender):
    proposal = flow_run()
    sender.deliver(sender.batch(proposal), Grade.ACKED)
    sender.deliver(sender.batch(move(proposal.run.id, RUNNING)), Grade.PLAIN)
    assert count(store, "flow_run_state") == 2


def test_a_conflict_leaves_no_mark(store):
    sender = Sender(store)
    with pytest.raises(Conflict):
        sender.deliver(sender.batch(flow_run(), first=9))
    assert count(store, "writer") == 0
    assert now() is not None


def test_an_interrupted_leader_hands_the_lead_over():
    def transact(items, repeated):
        if any(item.op == "stop" for item in items):
            raise KeyboardInterrupt

    combiner = Combiner(transact)
    with pytest.raises(KeyboardInterrupt):
        combiner.run("stop", Lane.FACTS, Grade.PLAIN)
    assert combiner.run("go", Lane.FACTS, Grade.PLAIN) is None


def test_many_threads_never_stall():
    def transact(items, repeated):
        for item in items:
            item.value = item.op

    combiner = Combiner(transact)

    def work(n):
        return [combiner.run((n, k), Lane.FACTS, Grade.PLAIN) for k in range(200)]

    with ThreadPoolExecutor(16) as pool:
        for n, found in enumerate(pool.map(work, range(16), timeout=30)):
            assert found == [(n, k) for k in range(200)]

"""Batches of several writers that wait at once become rows set-wise, as if one by one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from legato._control.journal import Delivery
from legato._model.errors import Conflict
from legato._model.records import Aborted, Accepted
from legato._model.states import StateType
from legato._store import finding
from legato._store.checker import Recorder, violations
from tests.store.records import (
    COMPLETED,
    Sender,
    flow_run,
    line,
    move,
    new_id,
    now,
    task,
    until,
    whole_task,
)
from tests.store.test_receive import count


def delivery(sender, *records, first=None):
    return Delivery(now(), sender.batch(*records, first=first), sender.writer)


def together(store, *deliveries):
    return store.run(lambda tx: Delivery.together(tx, deliveries))


def statements(monkeypatch, store):
    """The names of the statements that write, of all transactions from now on."""
    names = []
    kind = type(store.run(lambda tx: tx))
    real = kind.bulk

    def bulk(self, name, flat, **how):
        names.append(name)
        return real(self, name, flat, **how)

    monkeypatch.setattr(kind, "bulk", bulk)
    return names


def test_batches_of_many_writers_are_one_statement_a_table(store, monkeypatch):
    senders = [Sender(store, pid=n) for n in range(8)]
    runs = [sender.start() for sender in senders]
    names = statements(monkeypatch, store)
    tasks = [whole_task(run_id)[1] for run_id in runs]
    answers = together(
        store,
        *(
            delivery(sender, *records, line("x", run_id), move(run_id, COMPLETED))
            for sender, run_id, records in zip(senders, runs, tasks, strict=True)
        ),
    )
    assert all(isinstance(answer.answers[4], Accepted) for answer in answers)
    assert sorted(names) == sorted(set(names))
    assert count(store, "task_run_state") == count(store, "flow_run_state") == 24
    assert count(store, "log") == 8


def test_a_batch_with_a_hole_before_it_is_refused_and_the_others_stand(store):
    good, bad = Sender(store), Sender(store)
    outcomes = together(store, delivery(bad, flow_run(), first=5), delivery(good, flow_run()))
    assert isinstance(outcomes[0], Conflict)
    assert "Record 1 is expected" in str(outcomes[0])
    assert isinstance(outcomes[1].answers[0], Accepted)
    assert count(store, "flow_run") == count(store, "writer") == 1


def test_a_batch_that_comes_twice_at_once_is_taken_once_and_answered_twice(store):
    sender = Sender(store)
    twice = delivery(sender, flow_run(), line("x"))
    first, again = together(store, twice, Delivery(now(), twice.batch, twice.writer))
    assert isinstance(first.answers[0], Accepted)
    assert isinstance(again.answers[0], Accepted)
    assert first.last_seq == again.last_seq == 2
    assert count(store, "flow_run") == count(store, "log") == 1


def test_two_writers_that_create_the_same_run_do_not_both_get_it(store):
    one, two, run_id = Sender(store, pid=1), Sender(store, pid=2), new_id()
    first, second = together(
        store, delivery(one, flow_run(run_id)), delivery(two, flow_run(run_id))
    )
    assert isinstance(first.answers[0], Accepted)
    assert isinstance(second.answers[0], Aborted)


def test_a_record_that_cannot_be_stored_goes_into_quarantine_and_the_others_stand(store):
    """The set fails as a whole, and is run again batch by batch and record by record."""
    good, bad = Sender(store, pid=1), Sender(store, pid=2)
    runs = [good.start(), bad.start()]
    gate, entered = threading.Event(), threading.Event()

    def hold(tx):
        entered.set()
        gate.wait(30)

    combiner = getattr(store, "_combiner", None) or store._writer.combiner
    broken = task(runs[1], flow_run_run_count="many")
    batches = [
        delivery(good, *whole_task(runs[0])[1]),
        delivery(bad, *whole_task(runs[1])[1], type(whole_task(runs[1])[1][0])(1, broken)),
    ]
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(store.run, hold)
        entered.wait(30)
        jobs = [pool.submit(store.run, batch) for batch in batches]
        until(lambda: len(combiner._queue) == 2)
        gate.set()
        first.result(30)
        assert [job.result(30).quarantined for job in jobs] == [0, 1]
    assert count(store, "task_run_state") == 6


def test_each_writer_hears_of_its_own_closed_attempts_only(store):
    one, two = Sender(store, pid=1), Sender(store, pid=2)
    mine, other = one.start(), two.start()
    first, second = together(
        store,
        delivery(one, move(mine, COMPLETED, epoch=7)),
        delivery(two, *whole_task(other)[1]),
    )
    assert [fenced.flow_run_id for fenced in first.fenced] == [mine]
    assert second.fenced == []


RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["create", "move", "task", "log"]),
        st.integers(0, 2),
        st.sampled_from(list(StateType)),
    ),
    max_size=4,
)


def records(steps, runs):
    for kind, which, state_type in steps:
        run_id = runs[which]
        if kind == "create":
            yield flow_run(run_id, flow=f"flow {which}")
        elif kind == "move":
            yield move(run_id, state_type)
        elif kind == "task":
            yield from whole_task(run_id)[1]
        else:
            yield line("x", run_id)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(RECORDS, min_size=2, max_size=4), again=st.integers(0, 3))
def test_together_is_as_one_by_one(store, batches, again):
    """The same batches over the same runs: the same answers, and the same histories."""

    def play(carry_out):
        runs, recorder = [new_id() for _ in range(3)], Recorder()
        senders = [Sender(store, recorder, pid=n) for n in range(len(batches))]
        sent = [
            delivery(sender, *records(steps, runs))
            for sender, steps in zip(senders, batches, strict=True)
            if steps
        ]
        sent += sent[:again]
        answers = carry_out(sent)
        for one, answer in zip(sent, answers, strict=True):
            recorder.acked(one.batch, answer)
        assert violations(store, recorder) == []
        told = [
            ({n: type(a).__name__ for n, a in answer.answers.items()}, len(answer.fenced),
             answer.quarantined, answer.last_seq)
            for answer in answers
        ]  # fmt: skip
        return told, [
            [(s.type, s.name) for s in store.read(
                lambda tx, run_id=run_id: finding.list_flow_run_states(tx, run_id))]
            for run_id in runs
        ]  # fmt: skip

    def at_once(sent):
        combiner = getattr(store, "_combiner", None) or store._writer.combiner
        with combiner.mutex, ThreadPoolExecutor(len(sent) + 1) as pool:
            jobs = []
            for one in sent:
                jobs.append(pool.submit(store.run, Delivery(one.now, one.batch, one.writer)))
                until(lambda: len(combiner._queue) == len(jobs))
            combiner.mutex.release()
            try:
                return [job.result(30) for job in jobs]
            finally:
                combiner.mutex.acquire()

    assert play(at_once) == play(lambda sent: [store.run(one) for one in sent])

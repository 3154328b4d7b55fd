"""Leases on both stores, and the lane that they have to themselves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from legato._control import leases
from legato._control.attempts import close_dead, open_writers
from legato._model.errors import InvalidRequest
from legato._model.leases import Lease
from legato._store.port import Lane
from tests.store.conftest import postgres_store
from tests.store.records import Sender, new_id, new_writer, now, until

TTL = timedelta(seconds=15)
START = now()
SUBJECT = new_id()


def after(seconds):
    return START + timedelta(seconds=seconds)


def lease(lease_id=None, *, ends=15, holder=None, epoch=1, subject=SUBJECT):
    return Lease(
        id=lease_id or new_id(),
        kind="slot",
        subject=subject,
        holder=holder or new_id(),
        epoch=epoch,
        expires_at=after(ends),
    )


@pytest.fixture
def lane(store):
    """Run an operation in the lane for leases."""

    def run(op, *arguments):
        return store.run(lambda tx: op(tx, *arguments), Lane.LEASES)

    return run


def held(lane, seconds, subject=SUBJECT):
    return lane(leases.occupancy, after(seconds), "slot", subject)


def test_those_who_hold_a_subject_are_counted_until_their_time_is_over(lane):
    lane(leases.take, [lease(ends=10), lease(ends=20), lease(subject=new_id())])
    assert [held(lane, s) for s in (0, 9, 10, 19, 20)] == [2, 2, 1, 1, 0]


def test_a_renewal_prolongs_from_now_and_names_what_is_lost(lane):
    kept, late, other = lease(ends=10), lease(ends=2), lease(ends=10, epoch=2)
    gone = new_id()
    lane(leases.take, [kept, late, other])
    asked = dict.fromkeys([gone, late.id, other.id, kept.id], 1)
    assert lane(leases.renew, after(5), asked, TTL) == [gone, late.id, other.id]
    assert held(lane, 19) == 1
    assert held(lane, 20) == 0


def test_what_has_run_out_cannot_be_renewed_although_nobody_reaped_it(lane):
    mine = lease(ends=10)
    lane(leases.take, [mine])
    assert lane(leases.renew, after(10), {mine.id: 1}, TTL) == [mine.id]


def test_a_time_to_live_that_is_none_is_refused(lane):
    with pytest.raises(InvalidRequest, match=r"ttl: 0:00:00 .* must be positive"):
        lane(leases.renew, after(0), {new_id(): 1}, timedelta(0))


def test_a_release_makes_room_at_once_and_may_be_repeated(lane):
    first, second = lease(), lease()
    lane(leases.take, [first, second])
    assert lane(leases.release, [first.id]) == 1
    assert lane(leases.release, [first.id]) == 0
    assert held(lane, 0) == 1


def test_the_reaper_takes_the_oldest_first_and_only_what_has_run_out(lane):
    old, older, fresh = lease(ends=5), lease(ends=3), lease(ends=9)
    lane(leases.take, [old, older, fresh])
    assert lane(leases.reap, after(6), 1) == [older]
    assert lane(leases.reap, after(6)) == [old]
    assert lane(leases.reap, after(6)) == []


def test_what_a_dead_process_held_is_free_when_its_runs_are_closed(store, lane):
    dead, living = Sender(store), new_writer()
    dead.send()
    lane(leases.take, [lease(holder=dead.writer.id), lease(holder=living.id)])
    assert dead.writer.id in {w.id for w in store.read(open_writers)}
    store.run(lambda tx: close_dead(tx, now(), [dead.writer]))
    assert held(lane, 0) == 1


LEASE, TIME = st.integers(0, 3), st.integers(0, 20)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), LEASE),
        st.tuples(st.just("renew"), LEASE),
        st.tuples(st.just("release"), LEASE),
        st.tuples(st.just("reap")),
        st.tuples(st.just("wait"), TIME),
    ),
    max_size=25,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_the_count_is_of_those_taken_and_neither_released_nor_run_out(lane, steps):
    subject, ids, clock = new_id(), [new_id() for _ in range(4)], 0
    rows, live = set(), {}
    for name, *rest in steps:
        which = ids[rest[0]] if rest and name != "wait" else None
        if name == "wait":
            clock += rest[0]
        elif name == "take" and which not in rows:
            lane(leases.take, [lease(which, ends=clock + 15, subject=subject)])
            rows.add(which)
            live[which] = clock + 15
        elif name == "renew":
            alive = live.get(which, 0) > clock
            lost = lane(leases.renew, after(clock), {which: 1}, TTL)
            assert lost == ([] if alive else [which])
            live.update({which: clock + 15} if alive else {})
        elif name == "release":
            lane(leases.release, [which])
            rows.discard(which)
            live.pop(which, None)
        elif name == "reap":
            reaped = {one.id for one in lane(leases.reap, after(clock))} & set(ids)
            assert reaped == {one for one in rows if live.get(one, 0) <= clock}
            rows -= reaped
        assert held(lane, clock, subject) == sum(end > clock for end in live.values())


def test_a_renewal_overtakes_facts_that_wait(store):
    """One queue on SQLite; on PostgreSQL the lane has a connection of its own."""
    order, gate, entered = [], threading.Event(), threading.Event()

    def hold(tx):
        entered.set()
        gate.wait(30)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(store.run, hold)
        entered.wait(30)
        facts = [pool.submit(store.run, lambda tx: order.append("fact")) for _ in range(5)]
        until(lambda: len(_queue(store)) == 5)
        renewal = pool.submit(store.run, lambda tx: order.append("lease"), Lane.LEASES)
        until(lambda: len(_queue(store)) == 6 or renewal.done())
        gate.set()
        for job in (first, *facts, renewal):
            job.result(30)
    assert order == ["lease", *["fact"] * 5]


def _queue(store):
    combiner = getattr(store, "_combiner", None) or store._writer.combiner
    return combiner._queue


@pytest.mark.postgres
def test_a_renewal_is_answered_while_facts_and_a_read_are_under_way(postgres_url):
    """With one connection for all it would wait for the facts, for as long as the test does."""
    store = postgres_store(postgres_url)
    mine, gate, entered = lease(), threading.Event(), threading.Barrier(3)
    store.run(lambda tx: leases.take(tx, [mine]), Lane.LEASES)

    def facts(tx):
        tx.run_many("flow.create", [(new_id(), 1, 1, "f", None, None, 0)])
        entered.wait(30)
        gate.wait(30)

    def read(tx):
        tx.rows("lease.count", {"ws": 0, "kind": "slot", "subject": SUBJECT, "now": START})
        entered.wait(30)
        gate.wait(30)

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(store.run, facts), pool.submit(store.read, read)]
        try:
            entered.wait(30)
            renewal = pool.submit(
                store.run, lambda tx: leases.renew(tx, after(1), {mine.id: 1}, TTL), Lane.LEASES
            )
            assert renewal.result(10) == []
            assert not any(job.done() for job in jobs)
        finally:
            gate.set()
    store.close()

"""Attempts that live by leases: renewed, expired, outlived by an outage, taken up again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace

from legato._control import attempt_leases, openings, prefect_flow_runs
from legato._control.attempts import close_dead, open_writers
from legato._control.global_concurrency_limits import create as create_limit
from legato._control.slots import find as find_slots
from legato._control.slots import take as take_slots
from legato._model.concurrency_limits import GlobalConcurrencyLimitCreate
from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.operations.attempts import (
    CloseAttempts,
    ListAttempts,
    OpenAttempt,
    RenewAttempts,
)
from legato._model.operations.concurrency_limits import CreateGlobalConcurrencyLimit
from legato._model.operations.flow_runs import SetFlowRunState, StateCreate
from legato._model.operations.slots import FindSlots, TakeSlots
from legato._model.records import Aborted, Accepted
from legato._model.states import StateType
from legato._store.port import Lane
from tests.store.records import (
    COMPLETED,
    RUNNING,
    Sender,
    flow_run,
    line,
    move,
    moved,
    new_id,
    new_writer,
    now,
    state,
    task,
    whole_task,
)
from tests.store.test_receive import (
    count,
    flow_states,
    read_flow_run,
    read_task,
    task_states,
    types,
)

TTL, EVERY = timedelta(seconds=15), timedelta(seconds=2)
CRASHED, CANCELLING, CANCELLED = StateType.CRASHED, StateType.CANCELLING, StateType.CANCELLED
SILENT = "lease expired: process 4711 on HOST was not heard of any more"


def later(seconds):
    return now() + timedelta(seconds=seconds)


@pytest.fixture
def sender(store):
    """A writer that lives by leases."""
    sender = Sender(store)
    sender.writer = replace(sender.writer, lease_seconds=7.5)
    return sender


@pytest.fixture
def tend(store):
    """Have a server's reaper look so many seconds from now."""

    def look(seconds):
        return attempt_leases.tend(store, later(seconds), EVERY, TTL)

    return look


@pytest.fixture
def renew(store, sender):
    """Renew the leases of the sender so many seconds from now."""

    def ask(seconds=0, writer_id=None, ttl=15.0):
        request = RenewAttempts(writer_id=writer_id or sender.writer.id, lease_duration=ttl)
        return store.run(lambda tx: attempt_leases.renew(tx, later(seconds), request), Lane.LEASES)

    return ask


@pytest.fixture
def close(store, sender):
    def ask(**more):
        request = CloseAttempts(writer_id=sender.writer.id, **more)
        return store.run(lambda tx: attempt_leases.close(tx, now(), request), Lane.LEASES)

    return ask


def attempts(store, run_id):
    request = ListAttempts(flow_run_id=run_id)
    return [(a.number, a.cause) for a in store.read(lambda tx: openings.list_(tx, now(), request))]


def test_a_lease_comes_and_goes_with_its_attempt(store, sender):
    run_id = sender.start()
    parent = task(run_id)
    child = flow_run(parent=parent, parent_epoch=1)
    sender.send(child, move(child.run.id, RUNNING))
    assert count(store, "lease") == 1
    sender.send(move(child.run.id, COMPLETED), move(run_id, COMPLETED))
    assert count(store, "lease") == 0
    whole = flow_run()
    sender.send(whole, move(whole.run.id, RUNNING), move(whole.run.id, COMPLETED))
    assert count(store, "lease") == 0


def test_who_lives_by_a_lock_has_none_and_only_he_is_seen_by_it(store, sender):
    sender.start()
    other = Sender(store, pid=1)
    other.start()
    assert count(store, "lease") == 1
    assert [writer.id for writer in store.read(open_writers)] == [other.writer.id]


def test_what_nobody_renews_is_closed_with_its_tasks_and_subflows(store, sender, tend):
    run_id = sender.start()
    done, records = whole_task(run_id)
    live, begun = whole_task(run_id)
    parent = task(run_id)
    child = flow_run(parent=parent, parent_epoch=1)
    sender.send(*records, *begun[:2], child, move(child.run.id, RUNNING))
    other = Sender(store, pid=1)
    other_id = other.start()
    assert tend(14) == 0
    assert tend(16) == 1
    for found in (
        *(read_flow_run(store, one) for one in (run_id, child.run.id)),
        *(read_task(store, one.id) for one in (live, parent)),
    ):
        assert (found.state_type, found.state.message) == (CRASHED, SILENT)
    assert read_task(store, done.id).state_type is COMPLETED
    assert read_flow_run(store, other_id).state_type is RUNNING
    assert attempts(store, run_id) == [(1, "expired")]
    assert count(store, "lease") == 0
    assert tend(17) == 0


def test_a_renewal_prolongs_all_that_a_process_holds(sender, store, renew, tend):
    first, second = sender.start(), sender.start()
    answer = renew(10)
    assert (set(answer.held), answer.cancelling, answer.lost) == ({first, second}, [], [])
    assert tend(24) == 0
    assert tend(26) == 1
    assert read_flow_run(store, second).state_type is CRASHED


def test_a_renewal_tells_what_is_to_be_cancelled_and_what_is_lost(store, sender, renew):
    kept, cancelled, ended = (sender.start() for _ in range(3))
    sender.send(move(cancelled, CANCELLING))
    request = CloseAttempts(writer_id=sender.writer.id, flow_run_ids=[ended])
    store.run(lambda tx: attempt_leases.close(tx, now(), request))
    answer = renew()
    assert (answer.held, answer.cancelling) == ([kept], [cancelled])
    assert renew(writer_id=new_id()).held == []


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), 3601])
def test_a_lease_is_held_for_a_second_to_an_hour(renew, ttl):
    with pytest.raises(InvalidRequest, match="lease_duration: It is more than 0 and at most 3600"):
        renew(ttl=ttl)


def test_a_writer_that_asks_for_no_number_of_seconds_gets_the_shortest_lease(store, sender, tend):
    sender.writer = replace(sender.writer, lease_seconds=float("nan"))
    run_id = sender.start()
    assert tend(3) == 1
    assert read_flow_run(store, run_id).state_type is CRASHED


def test_the_time_without_a_server_does_not_count(store, sender, tend):
    run_id = sender.start()
    assert tend(0) == 0
    assert tend(600) == 0  # nobody was there to be told, for ten minutes
    assert read_flow_run(store, run_id).state_type is RUNNING
    for second in range(602, 644, 2):
        assert tend(second) == 0
    assert tend(646) == 1
    assert read_flow_run(store, run_id).state_type is CRASHED


def test_an_outage_prolongs_nothing_that_had_run_out_before(store, sender, tend):
    run_id = sender.start()
    for second in range(0, 14, 2):
        tend(second)
    # a server that dies between its pulse and its look
    store.run(lambda tx: attempt_leases.pulse(tx, later(16), EVERY, TTL))
    assert tend(600) == 1
    assert read_flow_run(store, run_id).state_type is CRASHED


@pytest.fixture
def slots(store, sender):
    """Have the sender hold the one slot of a limit, and another wait for it; tell how they fare."""
    limit = GlobalConcurrencyLimitCreate(name="db", limit=1)
    store.run(lambda tx: create_limit(tx, now(), CreateGlobalConcurrencyLimit(limit=limit)))
    held, waits = new_id(), new_id()
    for grant, writer in ((held, sender.writer), (waits, new_writer(1))):
        ask = TakeSlots(grant_id=grant, names=["db"], writer=writer)
        store.run(lambda tx, ask=ask: take_slots(tx, now(), ask))

    def standing():
        found = (FindSlots(grant_id=grant) for grant in (held, waits))
        return [
            type(store.read(lambda tx, one=one: find_slots(tx, now(), one))).__name__
            for one in found
        ]

    return standing


FREED, STUCK = ["NoneType", "Granted"], ["Granted", "Waits"]


def test_slots_are_free_when_the_lease_of_their_holder_has_run_out(sender, slots, tend):
    sender.start()
    tend(16)
    assert slots() == FREED


def test_slots_are_free_soon_though_the_server_died_before_it_freed_them(
    store, sender, slots, tend
):
    """Killed between its two transactions: without a trace of that the slots stay for 300 s."""
    run_id = sender.start()
    store.run(lambda tx: attempt_leases.pulse(tx, later(16), EVERY, TTL))
    store.run(lambda tx: attempt_leases.close_expired(tx, later(16)), Lane.LEASES)
    assert read_flow_run(store, run_id).state_type is CRASHED
    assert slots() == STUCK
    assert (tend(46), slots()) == (1, FREED)
    assert tend(48) == 0
    assert count(store, "lease") == 1  # of who was served
    assert types(flow_states(store, run_id))[-1] is CRASHED


def test_who_comes_back_before_his_slots_were_freed_keeps_them(store, sender, slots, renew, tend):
    run_id = sender.start()
    over = store.run(lambda tx: attempt_leases.close_expired(tx, later(16)), Lane.LEASES)
    answer = renew(17)
    assert (answer.held, answer.lost) == ([run_id], [])
    store.run(lambda tx: attempt_leases.free_slots(tx, later(18), over), Lane.LEASES)
    assert slots() == STUCK
    assert tend(19) == 0
    assert read_flow_run(store, run_id).state_type is RUNNING


def test_slots_that_nobody_renews_are_ended_where_no_home_tells_who_lives(store, slots, tend):
    assert attempt_leases.end_slots(store, later(200)) == 0
    assert slots() == STUCK
    assert attempt_leases.end_slots(store, later(301)) == 2
    assert count(store, "lease") == 0


def test_an_outage_prolongs_slots_too(store, slots, tend):
    tend(0)
    tend(400)
    assert attempt_leases.end_slots(store, later(400)) == 0
    assert slots() == STUCK


def test_who_comes_back_finds_his_runs_where_he_left_them(store, sender, renew, tend):
    run_id = sender.start()
    live, begun = whole_task(run_id)
    waiting = task(run_id)
    parent = task(run_id)
    child = flow_run(parent=parent, parent_epoch=1)
    sender.send(*begun[:2], type(begun[0])(1, waiting), child, move(child.run.id, RUNNING))
    tend(16)
    tries = read_flow_run(store, run_id).run_count
    answer = renew(17)
    assert run_id in answer.held
    for found in (read_flow_run(store, run_id), read_flow_run(store, child.run.id)):
        assert (found.state_type, found.end_time) == (RUNNING, None)
        assert found.state.message == "the process was heard of again"
    assert read_flow_run(store, run_id).run_count == tries
    assert read_task(store, live.id).state_type is RUNNING
    assert read_task(store, waiting.id).state_type is StateType.PENDING
    assert attempts(store, run_id) == [(1, "expired"), (2, None)]
    # what he sends names the old attempt, and counts the versions as he knows them
    answer = sender.send(
        begun[2], moved(waiting, 2, RUNNING), moved(waiting, 3, COMPLETED),
        move(child.run.id, COMPLETED), line("done", run_id), move(run_id, COMPLETED),
    )  # fmt: skip
    assert answer.fenced == []
    assert {type(one) for one in answer.answers.values()} == {Accepted}
    for one in (live, waiting, parent):
        assert read_task(store, one.id).state_type is COMPLETED
    assert types(flow_states(store, run_id))[-3:] == [CRASHED, RUNNING, COMPLETED]
    assert attempts(store, run_id) == [(1, "expired"), (2, "ended")]
    assert count(store, "lease") == 0


def test_records_of_a_process_that_was_given_up_open_its_run_again(store, sender, tend):
    run_id = sender.start()
    live, begun = whole_task(run_id)
    sender.send(*begun[:2])
    tend(16)
    fresh, more = whole_task(run_id)
    answer = sender.send(begun[2], *more)
    assert (answer.fenced, answer.quarantined) == ([], 0)
    assert read_task(store, live.id).state_type is COMPLETED
    assert read_task(store, fresh.id).state_type is COMPLETED
    assert types(task_states(store, live.id))[-3:] == [CRASHED, RUNNING, COMPLETED]
    assert read_flow_run(store, run_id).state_type is RUNNING
    assert count(store, "lease") == 1
    tend(33)
    sender.send(move(run_id, COMPLETED))  # and a second time
    assert read_flow_run(store, run_id).state_type is COMPLETED
    assert attempts(store, run_id) == [(1, "expired"), (2, "expired"), (3, "ended")]


def test_who_comes_back_when_another_has_taken_the_run_up_is_fenced(store, sender, renew, tend):
    run_id = sender.start()
    live, begun = whole_task(run_id)
    sender.send(*begun[:2])
    tend(16)
    other = new_writer(1)
    request = OpenAttempt(
        flow_run_id=run_id, number=2, state=state(StateType.SCHEDULED), writer=other
    )
    store.run(lambda tx: openings.open(tx, now(), request))
    answer = sender.send(begun[2], move(run_id, COMPLETED))
    assert [fenced.flow_run_id for fenced in answer.fenced] == [run_id]
    assert isinstance(answer.answers[1], Aborted)
    assert renew(20).held == []
    assert read_flow_run(store, run_id).state_type is StateType.SCHEDULED
    assert read_task(store, live.id).state_type is CRASHED


def test_of_a_process_that_a_lock_shows_to_be_dead_nothing_comes_back(store):
    sender = Sender(store)
    run_id = sender.start()
    store.run(lambda tx: close_dead(tx, now(), [sender.writer]))
    answer = sender.send(move(run_id, COMPLETED))
    assert [fenced.flow_run_id for fenced in answer.fenced] == [run_id]


def test_a_keeper_tells_that_its_process_is_dead(store, sender, close):
    run_id = sender.start()
    cancelled = sender.start()
    live, begun = whole_task(cancelled)
    sender.send(*begun[:2], move(cancelled, CANCELLING))
    assert set(close()) == {run_id, cancelled}
    message = "process 4711 on HOST ended without reporting"
    for found, kind in (
        (read_flow_run(store, run_id), CRASHED),
        (read_flow_run(store, cancelled), CANCELLED),
        (read_task(store, live.id), CANCELLED),
    ):
        assert (found.state_type, found.state.message) == (kind, message)
    assert count(store, "lease") == 0
    assert close() == []


def test_a_run_is_given_up_while_its_process_lives(store, sender, close, renew):
    kept, cancelled, late = sender.start(), sender.start(), sender.start()
    sender.send(move(cancelled, CANCELLING))
    close(flow_run_ids=[cancelled])
    close(flow_run_ids=[late], timed_out=True, message="took longer than 3 s")
    told = read_flow_run(store, cancelled).state
    assert (told.type, told.message) == (
        CANCELLED, "code may still be running in process 4711 on HOST"
    )  # fmt: skip
    told = read_flow_run(store, late).state
    assert (told.type, told.name, told.message) == (
        StateType.FAILED, "TimedOut", "took longer than 3 s"
    )  # fmt: skip
    assert read_flow_run(store, kept).state_type is RUNNING
    assert renew().held == [kept]
    answer = sender.send(move(cancelled, COMPLETED))
    assert [fenced.flow_run_id for fenced in answer.fenced] == [cancelled]


def test_so_many_runs_are_given_up_at_once_and_no_more(sender, close):
    sender.start()
    with pytest.raises(InvalidRequest, match=r"flow_run_ids: At most 50 runs .* not 51"):
        close(flow_run_ids=[new_id() for _ in range(51)])


def test_nobody_closes_what_an_unknown_process_holds(store):
    request = CloseAttempts(writer_id=new_id())
    with pytest.raises(ObjectNotFound, match="There is no writer"):
        store.run(lambda tx: attempt_leases.close(tx, now(), request))


def test_renewals_ends_and_reapers_at_the_same_time_lose_nothing(store, sender):
    """Without one order of locks PostgreSQL would end one of two that wait for each other."""
    senders = [Sender(store, pid=n) for n in range(4)]
    for one in senders:
        one.writer = replace(one.writer, lease_seconds=7.5)
    over = threading.Event()

    def reap():
        looked = 0
        while not over.is_set():
            attempt_leases.tend(store, now() + timedelta(seconds=14), EVERY, TTL)
            looked += 1
        return looked

    def work(one):
        request = RenewAttempts(writer_id=one.writer.id, lease_duration=15.0)
        ids = []
        for _ in range(15):
            ids.append(one.start())
            store.run(lambda tx: attempt_leases.renew(tx, now(), request), Lane.LEASES)
            one.send(move(ids[-1], COMPLETED))
        return ids

    with ThreadPoolExecutor(6) as pool:
        reapers = [pool.submit(reap) for _ in range(2)]
        ids = [run_id for job in pool.map(work, senders) for run_id in job]
        over.set()
        assert all(job.result(30) for job in reapers)
    assert {read_flow_run(store, run_id).state_type for run_id in ids} == {COMPLETED}


def test_who_sets_a_run_to_cancelled_means_its_process(store, sender, renew):
    run_id = sender.start()
    given = StateCreate(type=CANCELLED)
    request = SetFlowRunState(flow_run_id=run_id, state=given, force=True)
    store.run(lambda tx: prefect_flow_runs.set_state(tx, now(), request))
    answer = renew()
    assert (answer.held, answer.cancelling, answer.lost) == ([], [run_id], [])
    assert renew().cancelling == []


def test_task_runs_of_no_flow_run_live_by_a_lease_of_their_process(store, sender, renew, tend):
    live, begun = whole_task(None, 0)
    done, records = whole_task(None, 0)
    sender.send(*begun[:2], *records)
    assert renew(8).held == [sender.writer.id]
    assert tend(20) == 0
    assert tend(24) == 1
    assert read_task(store, live.id).state.message == SILENT
    assert read_task(store, done.id).state_type is COMPLETED
    other, more = whole_task(None, 0)
    answer = sender.send(begun[2], *more)  # it was not dead
    assert (answer.fenced, answer.quarantined) == ([], 0)
    assert types(task_states(store, live.id))[-3:] == [CRASHED, RUNNING, COMPLETED]
    assert read_task(store, other.id).state_type is COMPLETED
    assert count(store, "lease") == 1

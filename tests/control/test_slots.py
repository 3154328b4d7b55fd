"""Slots of concurrency limits, on both stores."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from legato._control.attempts import close_dead
from legato._control.registry import handler_of
from legato._model.concurrency_limits import (
    ConcurrencyLimitCreate,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
)
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.operations import concurrency_limits as c
from legato._model.operations.slots import (
    FindSlots,
    ReapSlots,
    ReleaseSlots,
    RenewSlots,
    TakeSlots,
)
from legato._model.slots import Granted, Holder, Missing, Mode, Waits
from legato._store import writers
from legato._store.postgres import PostgresStore
from tests.store.records import new_id, new_writer, now


@pytest.fixture
def at(store):
    """Carry out an operation at a time."""
    began = now()

    def carry_out(operation, seconds=0.0):
        handle, when = handler_of(operation), began + timedelta(seconds=seconds)
        return store.run(lambda tx: handle(tx, when, operation))

    return carry_out


@pytest.fixture
def limit(at):
    def make(name="db", slots=1, decay=0.0, active=True):
        given = GlobalConcurrencyLimitCreate(
            name=name, limit=slots, slot_decay_per_second=decay, active=active
        )
        return at(c.CreateGlobalConcurrencyLimit(limit=given))

    return make


def take(*names, slots=1, **more):
    return TakeSlots(grant_id=new_id(), names=list(names), slots=slots, **more)


def change(which, **changes):
    return c.UpdateGlobalConcurrencyLimit(
        id_or_name=which, limit=GlobalConcurrencyLimitUpdate(**changes)
    )


def held(at, name="db", seconds=0.0):
    return at(c.ReadGlobalConcurrencyLimit(id_or_name=name), seconds).active_slots


def test_slots_are_held_until_they_are_released(at, limit):
    limit(slots=2)
    asks = [take("db") for _ in range(3)]
    assert [type(at(ask, n)) for n, ask in enumerate(asks)] == [Granted, Granted, Waits]
    assert held(at) == 2
    at(ReleaseSlots(grant_id=asks[0].grant_id), 4)
    assert at(FindSlots(grant_id=asks[2].grant_id), 5).limits == ["db"]
    assert at(FindSlots(grant_id=asks[0].grant_id), 5) is None
    assert held(at) == 2


def test_asking_again_changes_nothing(at, limit):
    limit(slots=1)
    first, second = take("db"), take("db")
    assert at(first) == at(first)
    assert at(second, 1) == at(second, 2) == Waits(second.grant_id)
    assert held(at) == 1


def test_those_who_wait_are_served_in_the_order_in_which_they_came(at, limit):
    limit(slots=3)
    holder = take("db", slots=3)
    large, small = take("db", slots=2), take("db", slots=2)
    at(holder)
    at(large, 1)
    at(small, 2)
    at(ReleaseSlots(grant_id=holder.grant_id), 3)
    assert isinstance(at(FindSlots(grant_id=large.grant_id)), Granted)
    assert isinstance(at(FindSlots(grant_id=small.grant_id)), Waits)
    late = take("db")
    assert isinstance(at(late, 4), Waits)  # one is free, but it is the next one's
    at(ReleaseSlots(grant_id=small.grant_id), 5)
    assert isinstance(at(FindSlots(grant_id=late.grant_id)), Granted)


def test_several_limits_are_taken_all_or_none(at, limit):
    limit("a", 1)
    limit("b", 1)
    first, both, third = take("a"), take("a", "b"), take("b")
    assert isinstance(at(first), Granted)
    assert isinstance(at(both, 1), Waits)
    assert held(at, "b") == 0
    assert isinstance(at(third, 2), Waits)
    at(ReleaseSlots(grant_id=first.grant_id), 3)
    assert isinstance(at(FindSlots(grant_id=both.grant_id)), Granted)
    at(ReleaseSlots(grant_id=both.grant_id), 4)
    assert isinstance(at(FindSlots(grant_id=third.grant_id)), Granted)


def test_without_waiting_nothing_is_left_behind(at, limit):
    limit(slots=1)
    first = take("db")
    at(first)
    assert isinstance(at(take("db", wait=False), 1), Waits)
    at(ReleaseSlots(grant_id=first.grant_id), 2)
    assert isinstance(at(take("db", wait=False), 3), Granted)


def test_a_missing_limit_is_passed_over_or_refused(at, limit):
    limit("there")
    none = take("none")
    assert at(none) == Granted(none.grant_id, [])
    assert at(take("none", "there", strict=True)) == Missing(["none"])
    assert held(at, "there") == 0
    assert at(take("none", "there")).limits == ["there"]


def test_a_limit_that_is_not_active_holds_nobody_up(at, limit):
    limit(slots=1, active=False)
    assert all(isinstance(at(take("db", slots=2), n), Granted) for n in range(3))
    at(change("db", active=True), 4)
    assert isinstance(at(take("db"), 5), Waits)


def test_a_limit_of_none_holds_everybody_up_until_it_is_raised(at, limit):
    limit(slots=0)
    asks = [take("db") for _ in range(3)]
    assert all(isinstance(at(ask, n), Waits) for n, ask in enumerate(asks))
    at(change("db", limit=2), 4)
    found = [type(at(FindSlots(grant_id=ask.grant_id))) for ask in asks]
    assert found == [Granted, Granted, Waits]


@pytest.mark.parametrize("waiting", [70, 130])
def test_a_raised_limit_serves_more_than_a_page(at, limit, waiting):
    limit(slots=0)
    asks = [take("db") for _ in range(waiting)]
    for n, ask in enumerate(asks):
        at(ask, n / 1000)
    at(change("db", limit=waiting), 4)
    assert held(at) == waiting


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (take("db", slots=3), "3 slots of 'db' are asked for, but it has only 2"),
        (take("db", slots=0), "At least one"),
        (take("db", mode=Mode.rate_limit), "'db' is no rate limit"),
        (take("db", lease_duration=0.0), "lease_duration"),
    ],
)
def test_what_can_never_be_is_refused(at, limit, ask, message):
    limit(slots=2)
    with pytest.raises(InvalidRequest, match=message):
        at(ask)
    assert held(at) == 0


# -- rate limits


def test_slots_of_a_rate_limit_come_back_by_themselves(at, limit):
    limit(slots=2, decay=1.0)
    ask = [take("db", mode=Mode.rate_limit) for _ in range(4)]
    assert isinstance(at(ask[0]), Granted)
    assert isinstance(at(ask[1]), Granted)
    assert held(at) == 2
    waits = at(ask[2], 0.25)
    assert waits.seconds == pytest.approx(0.75, abs=1e-5)
    assert at(ask[3], 0.25).seconds == pytest.approx(1.75, abs=1e-5)
    assert isinstance(at(ask[2], 1.0), Granted)
    assert isinstance(at(ask[3], 1.5), Waits)
    assert isinstance(at(ask[3], 2.0), Granted)
    assert held(at, seconds=2.0) == 2
    assert held(at, seconds=10.0) == 0


def test_what_was_held_of_a_rate_limit_is_given_back(at, limit):
    limit(slots=2, decay=0.5)
    ask = take("db", slots=2)
    at(ask)
    at(ReleaseSlots(grant_id=ask.grant_id), 1)
    assert isinstance(at(take("db", slots=2), 1), Granted)


def test_what_a_rate_limit_gave_to_one_who_waited_is_used_up(at, limit):
    limit(slots=1, decay=1.0)
    first, second, third = (take("db", mode=Mode.rate_limit) for _ in range(3))
    at(first)
    at(second, 0.1)
    at(third, 1.0)  # serves the second
    assert isinstance(at(FindSlots(grant_id=second.grant_id), 1.1), Granted)
    at(ReleaseSlots(grant_id=second.grant_id, used=True), 1.2)
    assert isinstance(at(third, 1.5), Waits)
    assert isinstance(at(third, 2.0), Granted)


# -- what ends without being released


def test_what_a_dead_writer_held_is_handed_over(store, at, limit):
    limit(slots=1)
    dead, alive = new_writer(), new_writer()
    first, second = take("db", writer=dead), take("db", writer=alive)
    at(first)
    at(second, 1)
    assert dead.id in {writer.id for writer in store.read(writers.list_open)}
    store.run(lambda tx: close_dead(tx, now(), [dead]))
    assert isinstance(at(FindSlots(grant_id=second.grant_id)), Granted)
    assert {writer.id for writer in store.read(writers.list_open)} == {alive.id}


def test_a_dead_writer_does_not_hold_up_the_line(store, at, limit):
    limit(slots=1)
    dead = new_writer()
    first, second, third = take("db"), take("db", writer=dead), take("db")
    for n, ask in enumerate((first, second, third)):
        at(ask, n)
    store.run(lambda tx: close_dead(tx, now(), [dead]))
    at(ReleaseSlots(grant_id=first.grant_id), 4)
    assert isinstance(at(FindSlots(grant_id=third.grant_id)), Granted)


def test_leases_that_are_not_renewed_end(at, limit):
    limit(slots=2)
    writer = new_writer()
    lost, kept = take("db", lease_duration=10.0), take("db", lease_duration=10.0, writer=writer)
    waiting = take("db", lease_duration=1000.0)
    at(lost)
    at(kept)
    at(waiting)
    assert at(ReapSlots(), 9) == 0
    assert at(ReapSlots(alive=[writer.id]), 11) == 1
    assert isinstance(at(FindSlots(grant_id=waiting.grant_id)), Granted)
    assert at(RenewSlots(grant_id=lost.grant_id), 12) is False
    assert at(RenewSlots(grant_id=kept.grant_id, lease_duration=10.0), 12) is True
    assert at(ReapSlots(), 15) == 0


def test_deleting_a_limit_lets_those_go_on_who_wait_for_it(at, limit):
    limit("a", 1)
    limit("b", 1)
    first, both = take("a"), take("a", "b")
    at(first)
    at(both, 1)
    at(c.DeleteGlobalConcurrencyLimit(id_or_name="a"), 2)
    assert at(FindSlots(grant_id=both.grant_id)).limits == ["b"]


# -- limits


def test_limits_are_created_read_changed_and_deleted(at, limit):
    made = limit("db", 3)
    assert (made.limit, made.active, made.active_slots, made.slot_decay_per_second) == (
        3,
        True,
        0,
        0,
    )
    with pytest.raises(Conflict, match="'db'"):
        limit("db")
    limit("other")
    at(change("db", name="base", limit=5, slot_decay_per_second=0.5))
    found = at(c.ReadGlobalConcurrencyLimit(id_or_name=str(made.id)))
    assert (found.name, found.limit, found.slot_decay_per_second) == ("base", 5, 0.5)
    with pytest.raises(Conflict, match="'other'"):
        at(change("base", name="other"))
    names = [found.name for found in at(c.FilterGlobalConcurrencyLimits())]
    assert names == ["base", "other"]
    at(c.DeleteGlobalConcurrencyLimit(id_or_name="base"))
    for operation in (
        c.ReadGlobalConcurrencyLimit(id_or_name="base"),
        c.DeleteGlobalConcurrencyLimit(id_or_name="base"),
        change("base", limit=1),
    ):
        with pytest.raises(ObjectNotFound, match="'base'"):
            at(operation)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "a/b", "limit": 1}, "name"),
        ({"name": "", "limit": 1}, "name"),
        ({"name": "a", "limit": -1}, "limit"),
        ({"name": "a", "limit": 1, "slot_decay_per_second": -1.0}, "slot_decay_per_second"),
        ({"name": "a", "limit": 1, "active_slots": -1}, "active_slots"),
        ({"name": "a", "limit": 1, "active_slots": 1}, "active_slots"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(at, given, field):
    request = c.CreateGlobalConcurrencyLimit(limit=GlobalConcurrencyLimitCreate(**given))
    with pytest.raises(InvalidRequest, match=field):
        at(request)


def test_no_active_slots_takes_them_from_all(at, limit):
    limit(slots=1)
    first, second = take("db"), take("db")
    at(first)
    at(second, 1)
    at(change("db", active_slots=0), 2)
    assert isinstance(at(FindSlots(grant_id=second.grant_id)), Granted)
    assert at(RenewSlots(grant_id=first.grant_id)) is False


def test_the_limit_of_a_tag_tells_who_runs(at):
    made = at(c.CreateConcurrencyLimit(limit=ConcurrencyLimitCreate(tag="db", concurrency_limit=1)))
    again = at(
        c.CreateConcurrencyLimit(limit=ConcurrencyLimitCreate(tag="db", concurrency_limit=2))
    )
    assert (again.id, again.concurrency_limit) == (made.id, 2)
    runs = [new_id(), new_id()]
    for run in runs:
        at(take("tag:db", holder=Holder(type="task_run", id=run)))
    assert at(c.ReadConcurrencyLimitByTag(tag="db")).active_slots == runs
    assert at(c.ListLimitedTags()) == ["db"]
    assert [found.tag for found in at(c.FilterConcurrencyLimits())] == ["db"]
    other = new_id()
    assert at(c.ResetConcurrencyLimit(tag="db", slot_override=[other])).active_slots == [other]
    assert at(c.ResetConcurrencyLimit(tag="db")).active_slots == []
    at(c.DeleteConcurrencyLimit(tag="db"))
    with pytest.raises(ObjectNotFound, match="'db'"):
        at(c.ReadConcurrencyLimitByTag(tag="db"))


def test_at_random_never_more_than_the_limit_is_held_and_nobody_is_forgotten(store, at, limit):
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    sizes = {"a": 2, "b": 3, "c": 1}
    for name, size in sizes.items():
        limit(name, size)
    asks, clock = [], 0.0
    for _ in range(60):
        clock += 0.001
        if asks and draw.random() < 0.5:
            at(ReleaseSlots(grant_id=asks.pop(draw.randrange(len(asks))).grant_id), clock)
        else:
            names = draw.sample("abc", draw.randint(1, 3))
            ask = take(*names, slots=draw.randint(1, min(sizes[n] for n in names)))
            at(ask, clock)
            asks.append(ask)
        assert all(held(at, name) <= size for name, size in sizes.items()), seed
    while asks:
        clock += 0.001
        standing = [at(FindSlots(grant_id=ask.grant_id)) for ask in asks]
        granted = [
            ask for ask, found in zip(asks, standing, strict=True) if isinstance(found, Granted)
        ]
        assert granted, seed  # whoever is first in line holds something
        asks.remove(granted[0])
        at(ReleaseSlots(grant_id=granted[0].grant_id), clock)
    assert all(held(at, name) == 0 for name in sizes), seed


@pytest.mark.postgres
def test_servers_on_one_database_share_the_slots(postgres_url, limit, store, at):
    """Three stores commit at once. Without `slots.enter` there are deadlocks, a second each."""
    if not isinstance(store, PostgresStore):
        pytest.skip("a process has one store in a file")
    sizes = {"a": 2, "b": 1, "c": 3}
    for name, size in sizes.items():
        limit(name, size)
    stores = [PostgresStore(postgres_url) for _ in range(3)]
    inside, lock, failures = dict.fromkeys(sizes, 0), threading.Lock(), []

    def send(own, operation):
        handle = handler_of(operation)
        return own.run(lambda tx: handle(tx, now(), operation))

    def count(names, change):
        with lock:
            for name in names:
                inside[name] += change
                if inside[name] > sizes[name]:
                    failures.append(dict(inside))

    def work(own, seed):
        draw = random.Random(seed)
        for _ in range(15):
            ask = take(*draw.sample("abc", draw.randint(1, 3)))
            answer = send(own, ask)
            while isinstance(answer, Waits):
                answer = send(own, FindSlots(grant_id=ask.grant_id))
            count(ask.names, +1)
            count(ask.names, -1)
            send(own, ReleaseSlots(grant_id=ask.grant_id))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, stores[n % 3], n) for n in range(6)]:
            done.result()
    for own in stores:
        own.close()
    assert failures == []
    assert all(held(at, name) == 0 for name in sizes)

"""Concurrency and rate limits as flows and tasks meet them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from legato import flow, get_client, tags, task
from legato._backend import current as backends
from legato._model.errors import StoreBusy
from legato._sdk.keeper import keeper
from legato.client.schemas.actions import GlobalConcurrencyLimitCreate
from legato.concurrency import asyncio as loops
from legato.concurrency.sync import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    concurrency,
    rate_limit,
)


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def limit(client):
    def make(name="db", slots=1, decay=0.0):
        client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=name, limit=slots, slot_decay_per_second=decay)
        )

    return make


def held(client, name="db"):
    return client.read_global_concurrency_limit_by_name(name).active_slots


def test_slots_are_held_while_the_block_runs(client, limit):
    limit(slots=3)
    with concurrency("db", occupy=2):
        assert held(client) == 2
        with concurrency("db"):
            assert held(client) == 3
    assert held(client) == 0


@pytest.mark.parametrize("exc", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_slots_are_released_whatever_ends_the_block(client, limit, exc):
    limit()
    with pytest.raises(type(exc)), concurrency("db"):
        raise exc
    assert held(client) == 0


def test_threads_take_turns(limit):
    limit(slots=2)
    inside, most, lock = 0, 0, threading.Lock()

    def work(_):
        nonlocal inside, most
        with concurrency("db"):
            with lock:
                inside += 1
                most = max(most, inside)
            os.sched_yield()
            with lock:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert 1 <= most <= 2


def test_a_wait_ends_when_its_time_is_over(client, limit):
    limit()
    with concurrency("db"):
        with pytest.raises(AcquireConcurrencySlotTimeoutError, match=r"\['db'\] timed out"):
            concurrency("db", timeout_seconds=0.02).__enter__()
        with pytest.raises(TimeoutError, match="after 0 retries"):
            concurrency("db", max_retries=0).__enter__()
    assert held(client) == 0
    with concurrency("db", timeout_seconds=0):
        assert held(client) == 1


def test_coroutines_take_turns(limit):
    limit(slots=2)
    inside, most = 0, 0

    async def work():
        nonlocal inside, most
        async with loops.concurrency("db"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def all_of_them():
        await asyncio.gather(*(work() for _ in range(20)))

    asyncio.run(all_of_them())
    assert 1 <= most <= 2


def test_a_cancelled_wait_leaves_the_line(client, limit):
    limit()

    async def wait_in_vain():
        async with loops.concurrency("db"):
            raise AssertionError("the slot was held")

    async def cancel():
        waiting = asyncio.ensure_future(wait_in_vain())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with concurrency("db"):
        asyncio.run(cancel())
        assert held(client) == 1
    with concurrency("db", timeout_seconds=0):
        pass


def test_a_missing_limit_is_warned_of(caplog):
    with concurrency(["none", "nowhere"]):
        pass
    assert "['none', 'nowhere'] do not exist" in caplog.text
    with pytest.raises(ConcurrencySlotAcquisitionError, match=r"'none'.*must be created"):
        concurrency("none", strict=True).__enter__()


def test_nothing_is_waited_for_without_names(caplog):
    with concurrency([]):
        rate_limit([])
    assert caplog.text == ""


def test_a_rate_limit_lets_through_what_comes_back(limit):
    limit("api", slots=2, decay=20.0)
    began = time.monotonic()
    for _ in range(6):
        rate_limit("api")
    assert time.monotonic() - began >= 4 / 20 - 0.01

    async def more():
        for _ in range(2):
            await loops.rate_limit("api")

    asyncio.run(more())
    assert time.monotonic() - began >= 6 / 20 - 0.01


def test_what_is_no_rate_limit_is_refused(limit):
    limit()
    with pytest.raises(ConcurrencySlotAcquisitionError, match="no rate limit"):
        rate_limit("db")
    with pytest.raises(ConcurrencySlotAcquisitionError, match="only 1"):
        concurrency("db", occupy=2).__enter__()


def test_slots_that_were_taken_away_are_missed(client, limit, caplog):
    limit()

    def lose():
        client.update_global_concurrency_limit("db", {"active_slots": 0})
        for hold in list(keeper._holds.values()):
            keeper._see_to(hold)

    with concurrency("db"):
        lose()
    assert "taken away" in caplog.text
    with (
        pytest.raises(ConcurrencySlotAcquisitionError, match="taken away"),
        concurrency("db", strict=True),
    ):
        lose()


def test_a_lease_is_renewed_while_it_is_held(client, limit, rows):
    limit()
    with concurrency("db", lease_duration=0.2):
        [(first,)] = rows("SELECT expires_at FROM lease")
        while rows("SELECT expires_at FROM lease") == [(first,)]:
            os.sched_yield()
        backends.current().sweep()
        assert held(client) == 1


def test_what_could_not_be_released_is_released_later(client, limit, monkeypatch, rows, caplog):
    limit()
    backend = backends.current()
    real = backend.send
    failures = [StoreBusy("in use")]

    def send(operation):
        if operation.spec.id == "slots.release" and failures:
            raise failures.pop()
        return real(operation)

    with concurrency("db"):
        monkeypatch.setattr(backend, "send", send)
    assert "could not be released yet: in use" in caplog.text
    while rows("SELECT 1 FROM lease"):
        os.sched_yield()


def test_a_forked_child_does_not_release_what_its_parent_holds(client, limit):
    limit()
    with concurrency("db"):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            assert held(client) == 1
    if not child:
        os._exit(0)
    assert held(client) == 0


# -- limits on tags


@task(tags=["db"])
def query():
    with get_client(sync_client=True) as client:
        return client.read_concurrency_limit_by_tag("db").active_slots


@task(tags=["db"])
async def aquery():
    return query.fn()


def test_a_task_holds_a_slot_of_each_of_its_tags_while_it_runs(client, rows):
    client.create_concurrency_limit("db", 1)
    client.create_concurrency_limit("night", 1)

    @flow
    def work():
        with tags("night"):
            return query()

    ((run_id,),) = [work()]
    found = rows("SELECT id FROM task_run")
    assert [(run_id.bytes,)] == found
    assert client.read_concurrency_limit_by_tag("db").active_slots == []
    assert client.read_concurrency_limit_by_tag("night").active_slots == []


def test_a_task_waits_in_pending_for_its_slot(client, rows):
    client.create_concurrency_limit("db", 0)
    done = threading.Event()

    @flow
    def work():
        query()
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not rows("SELECT 1 FROM lease WHERE kind = 'wait'"):
        os.sched_yield()
    assert rows("SELECT state_name FROM task_run") == [("Pending",)]
    assert not done.is_set()
    client.create_concurrency_limit("db", 1)
    thread.join()
    assert rows("SELECT state_name FROM task_run") == [("Completed",)]


def test_async_tasks_wait_without_holding_up_their_loop(client):
    client.create_concurrency_limit("db", 1)

    @flow
    async def work():
        return await asyncio.gather(*(aquery() for _ in range(5)))

    found = asyncio.run(work())
    assert [len(holders) for holders in found] == [1] * 5
    assert len({holders[0] for holders in found}) == 5


def test_a_task_that_waits_for_its_next_try_holds_no_slot(client):
    client.create_concurrency_limit("db", 1)
    seen = []

    @task(tags=["db"], retries=1, retry_delay_seconds=0.01, on_failure=[])
    def fails_once():
        seen.append(query.fn())
        if len(seen) == 1:
            raise ValueError

    @flow
    def work():
        fails_once()

    work()
    assert [len(holders) for holders in seen] == [1, 1]
    assert client.read_concurrency_limit_by_tag("db").active_slots == []


# -- processes that die

HOLDER = """
import select, sys
from legato.concurrency.sync import concurrency
with concurrency("db"):
    print("holds", flush=True)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        pass  # a signal that comes as a wait begins is seen after it
"""


def start(code, *args):
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


REFUSED = """
from legato._backend import current
from legato._model.errors import StoreBusy
from legato.concurrency.sync import concurrency
backend = current.current()
real, refused = backend.send, []
def send(operation):
    if operation.spec.id == "slots.release" and len(refused) < 3:
        refused.append(operation)
        raise StoreBusy("in use")
    return real(operation)
with concurrency("db"):
    backend.send = send
"""


def test_what_could_not_be_released_is_released_as_the_process_ends(limit, rows):
    limit()
    with start(REFUSED) as holder:
        assert holder.wait() == 0
    assert rows("SELECT 1 FROM lease") == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_slot_is_free_when_its_holder_dies(client, limit, how):
    limit()
    with start(HOLDER) as holder:
        assert holder.stdout.readline() == "holds\n"
        with pytest.raises(AcquireConcurrencySlotTimeoutError):
            concurrency("db", timeout_seconds=0).__enter__()
        holder.send_signal(how)
        holder.wait()
    with concurrency("db", timeout_seconds=20):
        assert held(client) == 1


def test_a_silent_holder_is_not_robbed(client, limit):
    limit()
    with start(HOLDER) as holder:
        assert holder.stdout.readline() == "holds\n"
        holder.send_signal(signal.SIGSTOP)
        backend = backends.current()
        backend.sweep()
        assert held(client) == 1
        holder.send_signal(signal.SIGCONT)
        holder.communicate("")
    assert held(client) == 0

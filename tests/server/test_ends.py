"""What waits when a server ends: writes are answered, events are written or told of."""

from __future__ import annotations

import asyncio
import functools
import threading

import pytest

from legato._journal.clock import SystemClock
from legato._model.errors import StoreBusy
from legato._model.events import EventCreate
from legato._server import events_in
from legato._server.control import Control
from legato._server.events_in import EventInbox
from legato._server.writes import Writes
from legato._store.sqlite import SqliteStore
from tests.store.records import new_id, now


def in_a_loop(test):
    """Have a test run in an event loop of its own."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(tmp_path / "legato.db")
    yield store
    store.close()


@in_a_loop
async def test_writes_that_wait_are_told_to_come_again_and_the_one_at_work_ends(store):
    begun, go = asyncio.Event(), threading.Event()
    loop, writes = asyncio.get_running_loop(), Writes(store)

    def slow(tx):
        loop.call_soon_threadsafe(begun.set)
        return go.wait(30)

    at_work = asyncio.create_task(writes.run(slow))
    await begun.wait()
    waiting = asyncio.create_task(writes.run(lambda tx: "never"))
    await asyncio.sleep(0)
    go.set()
    writes.close()
    assert await at_work is True
    with pytest.raises(StoreBusy, match="ending"):
        await waiting
    with pytest.raises(StoreBusy, match="ending"):
        await writes.run(lambda tx: "too late")


@in_a_loop
async def test_a_write_that_has_not_begun_when_the_server_ends_is_answered(store):
    writes = Writes(store)
    waiting = asyncio.create_task(writes.run(lambda tx: "never"))
    await asyncio.sleep(0)
    writes.close()
    with pytest.raises(StoreBusy):
        await waiting


@pytest.fixture
def inbox(store, monkeypatch):
    """An inbox over a database that takes nothing."""
    control = Control(store, SystemClock())

    async def busy(_):
        raise StoreBusy("The database is in use.")

    monkeypatch.setattr(control, "write", busy)
    monkeypatch.setattr(events_in, "_END_SECONDS", 0.05)
    yield EventInbox(control)
    control.close()


def event():
    given = {"prefect.resource.id": "x"}
    told = EventCreate(occurred=now(), event="a", resource=given, id=new_id())
    return events_in.msgspec.json.encode(told).decode()


@in_a_loop
async def test_an_end_does_not_wait_for_ever_for_a_database_that_takes_nothing(inbox, caplog):
    async with inbox.open():
        await inbox.put(event())
    assert "not written, about 1" in caplog.text


@in_a_loop
async def test_an_inbox_that_is_cancelled_ends(inbox):
    opened = asyncio.Event()

    async def hold():
        async with inbox.open():
            await inbox.put(event())
            opened.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await opened.wait()
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(holding, 30)

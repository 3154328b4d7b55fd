"""Who reads gives way to who writes in the same process, and goes on in the end."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic

import pytest

from legato._server.writes import Writes
from legato._store import courtesy
from legato._store.courtesy import begin_write, end_write, give_way, let_pass, politely
from legato._store.sql import Sql

LONG = 3600.0


@pytest.fixture
def waiting(monkeypatch):
    """Reads wait as long as it takes; is set when one does."""
    waits, wait = threading.Event(), courtesy._ended.wait
    monkeypatch.setattr(courtesy._ended, "wait", lambda _: waits.set() or wait(LONG))
    monkeypatch.setattr(courtesy, "_hurry_until", 0.0)
    return waits


@pytest.fixture
def writer():
    writer = object()
    begin_write(writer)
    yield writer
    end_write(writer)


def begun(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("wait", [let_pass, give_way])
def test_reads_wait_for_the_last_writer(waiting, writer, wait):
    other = object()
    begin_write(other)
    reader = begun(wait)
    assert waiting.wait(10)
    end_write(writer)
    end_write(writer)  # once too often
    assert reader.is_alive()
    end_write(other)
    reader.join(10)
    assert not reader.is_alive()


def test_reads_go_on_where_writes_never_end(writer, monkeypatch):
    waits = []
    monkeypatch.setattr(courtesy, "_hurry_until", 0.0)
    monkeypatch.setattr(courtesy, "HURRY_SECONDS", LONG)
    monkeypatch.setattr(courtesy._ended, "wait", lambda seconds: waits.append(seconds) or False)
    assert list(politely(range(10), 3)) == list(range(10))
    assert waits == [courtesy.PATIENCE_SECONDS]


def test_a_piece_is_done_after_each_write(monkeypatch):
    pauses, ended = threading.Semaphore(0), courtesy._ended
    wait = ended.wait
    monkeypatch.setattr(ended, "wait", lambda _: pauses.release() or wait(LONG))
    monkeypatch.setattr(courtesy, "LATELY_SECONDS", LONG)
    monkeypatch.setattr(courtesy, "_lately_until", 0.0)
    monkeypatch.setattr(courtesy, "_hurry_until", 0.0)
    done, writer = [], object()
    end_write(writer)
    reader = begun(lambda: done.extend(politely(range(3), 1)))
    for count in range(3):
        assert pauses.acquire(timeout=10)
        assert done == list(range(count))
        begin_write(writer)
        end_write(writer)
    reader.join(10)
    assert done == [0, 1, 2]


def test_who_is_in_a_hurry_does_not_pause(monkeypatch):
    monkeypatch.setattr(courtesy._ended, "wait", lambda _: pytest.fail("this waits"))
    monkeypatch.setattr(courtesy, "_hurry_until", monotonic() + LONG)
    end_write(object())
    assert list(politely(range(3), 1)) == [0, 1, 2]


def test_way_is_given_before_each_piece(monkeypatch):
    given = []
    monkeypatch.setattr(courtesy, "give_way", lambda: given.append(len(done)))
    done = []
    for item in politely("abcdefg", 3):
        done += [item]
    assert given == [0, 3, 6]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 1000])
def test_a_page_gives_way_in_the_middle_and_is_whole(store, monkeypatch, count):
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
    query, given = Sql(f"{rows} SELECT i FROM n WHERE i <= {count}"), []
    for module in ("sqlite_transaction", "postgres_transaction"):
        monkeypatch.setattr(f"legato._store.{module}.give_way", lambda: given.append(True))
        monkeypatch.setattr(f"legato._store.{module}.PIECE_SECONDS", 0.0)
    found = store.read(lambda tx: [tx.select(query), tx.select(query)])
    assert found == [[(number,) for number in range(1, count + 1)]] * 2
    assert given


def test_a_read_begins_when_the_write_is_over(store, waiting, writer):
    found = []
    reader = begun(lambda: found.append(store.read(lambda tx: len(tx.rows("meta.read", {})))))
    assert waiting.wait(10)
    assert not found
    end_write(writer)
    reader.join(10)
    assert found == [1]


def test_writes_of_a_server_end_with_it(store):
    async def write():
        writes = Writes(store)
        assert await writes.run(lambda tx: len(tx.rows("meta.read", {}))) == 1
        begun_too_late = asyncio.create_task(writes.run(lambda tx: None))
        await asyncio.sleep(0)
        writes.close()
        await asyncio.gather(begun_too_late, return_exceptions=True)

    asyncio.run(write())
    assert not courtesy._writing

"""A read keeps its snapshot for a second at most, on both stores."""

from __future__ import annotations

import signal
import sqlite3
import time

import pytest

from legato._model.errors import StoreTimeout
from legato._store.port import SNAPSHOT_SECONDS
from legato._store.sql import Sql
from legato._store.sqlite import SqliteStore

ENDLESS = Sql(
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000000000) "
    "SELECT count(*) FROM n"
)

LEAST = 19
"""The oldest schema whose processes may write."""


def endless(tx):
    return tx.select(ENDLESS)


def look(tx):
    return tx.rows("meta.read", {})[0][1]


def test_a_query_without_end_is_ended(store):
    begun = time.monotonic()
    with pytest.raises(StoreTimeout, match=r"longer than 1 s .* Narrow the filter"):
        store.read(endless)
    assert SNAPSHOT_SECONDS <= time.monotonic() - begun < 5
    assert store.read(look) == LEAST


def test_many_short_queries_are_ended_too(store):
    def busy(tx):
        while True:
            look(tx)

    with pytest.raises(StoreTimeout):
        store.read(busy)
    assert store.read(look) == LEAST


def test_the_second_begins_with_the_first_query(store):
    """What an operation does before, such as imports on a busy machine, holds no snapshot."""

    def late(tx):
        end = time.monotonic() + SNAPSHOT_SECONDS
        while time.monotonic() < end:
            pass
        return look(tx), look(tx)

    assert store.read(late) == (LEAST, LEAST)


def test_writing_goes_on_after_a_read_was_ended(store):
    with pytest.raises(StoreTimeout):
        store.read(endless)
    assert len(store.run(lambda tx: list(tx.positions(2)))) == 2


def test_a_read_that_was_ended_keeps_nothing_from_the_checkpoint(tmp_path):
    store = SqliteStore(tmp_path / "legato.db")
    store.run(lambda tx: tx.positions(1))
    with pytest.raises(StoreTimeout):
        store.read(endless)
    store.run(lambda tx: tx.positions(1))
    other = sqlite3.connect(tmp_path / "legato.db")
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    other.close()
    store.close()


def test_what_a_signal_handler_raises_is_not_lost_in_a_read(tmp_path):
    class Stop(BaseException):
        pass

    def stop(*_):
        raise Stop

    store = SqliteStore(tmp_path / "legato.db")
    store.read(look)
    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Stop):
            store.read(endless)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert store.read(look) == LEAST
    store.close()


@pytest.mark.postgres
def test_postgres_ends_the_snapshot_of_a_process_that_is_stuck(postgres_url):
    import psycopg

    from tests.store.conftest import postgres_store

    store = postgres_store(postgres_url)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"

    def stuck(tx):
        ((pid,),) = tx.select(Sql("SELECT pg_backend_pid()"))
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            while admin.execute(ours, [pid]).fetchone() != (0,):
                admin.execute("SELECT pg_sleep(0.05)")
        return pid

    with pytest.raises(StoreTimeout):
        store.read(stuck)
    assert store.read(look) == LEAST
    store.close()

"""Whoever watches a database hears of what others commit to its log."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager

import pytest

from legato._store import postgres_notices
from legato._store.postgres import PostgresStore
from legato._store.sql import Sql
from legato._store.sqlite import SqliteStore
from tests.store.conftest import postgres_store
from tests.store.records import Sender, until

END_LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'legato-watch'
"""


@contextmanager
def watched(store):
    """The event that a watch of the store sets; what happened before is over."""
    woken = threading.Event()
    with closing(store.watch(woken.set)):
        yield woken


@pytest.fixture
def other(store):
    """The same database, as another process has it."""
    other = SqliteStore(store.path) if isinstance(store, SqliteStore) else PostgresStore(store.url)
    other.announce()
    yield other
    other.close()


def test_a_commit_of_another_process_is_heard_of(store, other):
    with watched(store) as woken:
        for _ in range(2):
            Sender(other).start()
            assert woken.wait(30)
            woken.clear()


def test_who_has_stopped_watching_hears_nothing(tmp_path):
    store = SqliteStore(tmp_path / "legato.db")
    with watched(store) as woken:
        pass
    with watched(store) as still:
        Sender(store).start()
        assert still.wait(30)
    assert not woken.is_set()
    store.close()


@pytest.mark.postgres
def test_what_no_notice_tells_is_found_all_the_same(postgres_url):
    import psycopg

    store = postgres_store(postgres_url)
    with watched(store) as woken, psycopg.connect(postgres_url) as hole:
        hole.execute("SELECT nextval('log_position') WHERE pg_current_xact_id() IS NOT NULL")
        Sender(store).start()  # it announces nothing, nor does who gives up the position before
        ((last,),) = store.read(
            lambda tx: tx.select(Sql("SELECT max(position) FROM flow_run_state"))
        )
        assert store.stable_position() < last
        hole.rollback()
        while store.stable_position() < last:
            assert woken.wait(30)
            woken.clear()
    store.close()


@pytest.mark.postgres
def test_a_connection_that_breaks_is_opened_again(postgres_url, monkeypatch):
    import psycopg

    monkeypatch.setattr(postgres_notices, "_RETRY_SECONDS", 0.01)
    store = postgres_store(postgres_url)
    with watched(store) as woken, psycopg.connect(postgres_url, autocommit=True) as admin:
        assert woken.wait(30)
        woken.clear()
        until(lambda: admin.execute(END_LISTENERS).fetchall())
        assert woken.wait(30)
    store.close()

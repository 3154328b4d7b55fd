"""What deleted rows leave free is given back to the file system, a piece at a time."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from legato._journal.clock import SystemClock
from legato._server.chores import Rules, chores
from legato._store.sql import Sql
from legato._store.sqlite import SqliteStore
from tests.store.records import line

LINES = 1500


@pytest.fixture
def emptied(store, sender):
    """A store with the log lines of one run, half of which are deleted."""
    run_id = sender.start()
    for _ in range(LINES // 100):
        sender.send(*(line("word " * 200, flow_run_id=run_id) for _ in range(100)))
    store.run(lambda tx: tx.execute(Sql("DELETE FROM log WHERE seq % 2 = 0")))
    return store


def share(store):
    """Return which part of the pages is free, and how many bytes there are."""
    with closing(sqlite3.connect(store.path)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return free / pages, pages * size


def lines(store):
    return store.read(lambda tx: tx.select(Sql("SELECT count(*), sum(length(message)) FROM log")))


def test_all_that_is_free_is_given_back_and_nothing_else(emptied):
    kept = lines(emptied)
    if not isinstance(emptied, SqliteStore):
        assert emptied.shrink(0) == 0
        return
    free, before = share(emptied)
    assert free > 0.25
    pieces = []
    while piece := emptied.shrink(0):
        pieces.append(piece)
    assert share(emptied) == (0, before - sum(pieces))
    assert lines(emptied) == kept
    emptied.close()
    assert emptied.path.stat().st_size == before - sum(pieces)
    with closing(sqlite3.connect(emptied.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_server_leaves_a_fifth_free_for_what_comes(emptied):
    if not isinstance(emptied, SqliteStore):
        pytest.skip("PostgreSQL's own vacuum sees to that")
    duties = chores(emptied, SystemClock(), Rules())
    duty = next(one for one in duties if one.status.name == "space")
    before, _ = share(emptied)
    while duty.tick():
        pass
    after, _ = share(emptied)
    assert before > 0.2 >= after > 0.15
    assert duty.status.failures == 0


def test_a_piece_is_one_transaction_and_short(emptied, monkeypatch):
    if not isinstance(emptied, SqliteStore):
        pytest.skip("PostgreSQL's own vacuum sees to that")
    monkeypatch.setattr("legato._store.sqlite_space.HOLD_SECONDS", 0)
    _, before = share(emptied)
    piece = emptied.shrink(0)
    assert share(emptied)[1] == before - piece
    assert 0 < piece <= 3 * 2048


def test_a_file_that_cannot_be_cut_stays_as_it_is(tmp_path):
    """One that came from a dump has no map of its pages."""
    path = tmp_path / "legato.db"
    made = SqliteStore(path)
    made.run(lambda tx: tx.rows("meta.read", {}))
    made.retire()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE gone AS SELECT zeroblob(100000)")
        connection.execute("DROP TABLE gone")
    store = SqliteStore(path)
    assert share(store)[0] > 0.2
    assert store.shrink(0) == 0
    store.retire()

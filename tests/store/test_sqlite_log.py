"""The write-ahead log: when it is moved, and how much room its file has."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._store import sqlite_log
from legato._store.port import Grade
from legato._store.sqlite import SqliteStore
from tests.store.records import Sender, line, whole_task


@pytest.fixture
def path(tmp_path):
    return tmp_path / "legato.db"


@pytest.fixture
def store(path):
    store = SqliteStore(path)
    yield store
    store.close()


def integrity(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()


@pytest.mark.parametrize("leisure", [True, False])
def test_the_log_is_moved_into_the_database_now_and_then(store, path, monkeypatch, leisure):
    monkeypatch.setattr(sqlite_log, "ROOM_BYTES", 0)
    monkeypatch.setattr(sqlite_log, "TRUNCATE_BYTES", 1_000_000)
    monkeypatch.setattr(sqlite_log, "DUE_FRAMES", 50)
    monkeypatch.setattr(sqlite_log, "LONGEST_FRAMES", 10_000 if leisure else 200)
    sender = Sender(store)
    run_id = sender.start()
    sizes, chores = [], 0
    for _ in range(200):
        _, records = whole_task(run_id, name="x" * 5000)
        sender.send(*records)
        if leisure and (chore := store.upkeep()) is not None:
            chore()
            chores += 1
            assert store.upkeep() is None
        sizes.append(path.with_name("legato.db-wal").stat().st_size)
    assert max(sizes) < 3_000_000
    assert bool(chores) is leisure
    assert integrity(path) == "ok"


def test_the_file_of_the_log_is_made_longer_once_and_then_keeps_its_size(store, path, tmp_path):
    sender = Sender(store)
    run_id = sender.start()
    sizes, chores = [], []
    for number in range(100):
        sender.deliver(sender.batch(line(str(number), run_id)), Grade.ACKED)
        if (chore := store.upkeep()) is not None:
            chore()
            chores.append(number)
        sizes.append(path.with_name("legato.db-wal").stat().st_size)
    assert len(chores) == 1
    assert sizes[-1] == sizes[chores[0]] >= sqlite_log.ROOM_BYTES > sizes[chores[0] - 1]
    # what a crash leaves: SQLite reads the whole log again
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{path}{suffix}", tmp_path / f"copy.db{suffix}")
    connection = sqlite3.connect(tmp_path / "copy.db")
    assert connection.execute("SELECT count(*) FROM log").fetchone() == (100,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_log_that_another_program_writes_to_is_made_longer_at_another_look(store, path):
    sender, log = Sender(store), path.with_name("legato.db-wal")
    run_id = sender.start()

    def next_chore():
        while (chore := store.upkeep()) is None:
            sender.deliver(sender.batch(line("x", run_id)), Grade.ACKED)
        return chore

    chore = next_chore()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE meta SET alive_at = 7")
    before = log.stat().st_size
    chore()
    assert log.stat().st_size == before
    other.execute("COMMIT")
    next_chore()()
    assert log.stat().st_size >= sqlite_log.ROOM_BYTES
    assert other.execute("SELECT alive_at FROM meta").fetchone() == (7,)
    other.close()
    assert integrity(path) == "ok"


def test_plain_commits_wait_for_no_room(store):
    sender = Sender(store)
    run_id = sender.start()
    for number in range(4 * sqlite_log.LOOK_EVERY):
        sender.send(line(str(number), run_id))
        assert store.upkeep() is None


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_the_length_of_the_log_is_what_sqlite_says(commits):
    """0 stands for a checkpoint, after which the log begins anew in a file that keeps its size."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "x.db"
        connection = sqlite3.connect(database, isolation_level=None)
        for pragma in ("journal_mode = WAL", "wal_autocheckpoint = 0", "synchronous = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE t (body BLOB)")
        for pages in commits:
            if pages:
                connection.execute("INSERT INTO t VALUES (zeroblob(?))", (pages * 4096,))
            log = Path(f"{database}-wal")
            held = [n for n in range(1, 500) if sqlite_log.holds(log, n)] if not pages else []
            if not pages:
                (_, frames, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                assert held == list(range(1, frames + 1))
                connection.execute("INSERT INTO t VALUES (1)")
        connection.close()

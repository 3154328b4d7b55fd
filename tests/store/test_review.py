"""What a review found: interruptions at any point, leftovers of a deleted file, links, limits."""

from __future__ import annotations

import dis
import fcntl
import os
import random
import sqlite3
import sys
import threading

import pytest

from legato._model.errors import StoreError, StoreFull
from legato._store import combine, platform_posix, sqlite_log
from legato._store.combine import Combiner
from legato._store.platform_posix import KernelLock
from legato._store.port import Grade, Lane
from legato._store.sqlite import SqliteStore
from tests.store.records import Sender, flow_run, new_id


class Interruption(BaseException):
    """Like a Ctrl-C."""


class Interrupter:
    """Raises where the interpreter looks for signals: at the n-th such place in some files."""

    def __init__(self, n, *files):
        self.left, self.files, self.place = n, files, None
        self._before = {}

    def __enter__(self):
        sys.settrace(self._call)

    def __exit__(self, *_):
        sys.settrace(None)

    def _call(self, frame, event, arg):
        if frame.f_code.co_filename not in self.files:
            return None
        frame.f_trace_opcodes = True
        return self._step

    def _step(self, frame, event, arg):
        if event == "opcode":
            op = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            before, self._before[frame] = self._before.get(frame), op
            if op == "RESUME" or before in ("CALL", "JUMP_BACKWARD"):
                self.left -= 1
                if self.left == 0:
                    self.place = f"{frame.f_code.co_name}:{frame.f_lineno}"
                    raise Interruption
        return self._step


def interrupted_leader(n):
    """Interrupt a leader at place `n` with two others waiting; return the place."""
    interrupter = Interrupter(n, combine.__file__)
    ended = threading.Semaphore(0)

    def transact(items, repeated):
        others = 2 - (len(items) - 1)  # who came early was taken along
        while interrupter.place is None and len(combiner._queue) < others and items[0].op == "lead":
            pass

    def lead():
        try:
            with interrupter:
                combiner.run("lead", Lane.FACTS, Grade.PLAIN)
        except Interruption:
            pass
        finally:
            started.set()

    def follow():
        try:
            combiner.run("follow", Lane.FACTS, Grade.PLAIN)
        except StoreError:
            pass
        finally:
            ended.release()

    combiner, started = Combiner(transact), threading.Event()
    leader = threading.Thread(target=lead, daemon=True)
    leader.start()
    while not combiner._led and not started.is_set():
        pass
    for _ in range(2):
        threading.Thread(target=follow, daemon=True).start()
    for _ in range(2):
        assert ended.acquire(timeout=60), f"stuck after {interrupter.place}"
    leader.join(5)
    assert combiner.run("later", Lane.FACTS, Grade.PLAIN) is None
    return interrupter.place


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the places are those of 3.11")
def test_a_leader_interrupted_anywhere_leaves_nobody_waiting():
    places = []
    while place := interrupted_leader(len(places) + 1):
        places.append(place)
    assert len(places) > 10


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the places are those of 3.11")
def test_a_lock_interrupted_anywhere_is_free_afterwards(tmp_path, monkeypatch):
    lock, done, places = KernelLock(tmp_path / "lock"), [], []
    monkeypatch.setattr(platform_posix.fcntl, "lockf", lambda fd, kind: done.append(kind))
    while True:
        interrupter = Interrupter(len(places) + 1, platform_posix.__file__)
        try:
            with interrupter, lock.held():
                pass
        except Interruption:
            pass
        assert not lock._mutex.locked(), interrupter.place
        assert not done or done[-1] == fcntl.LOCK_UN, interrupter.place
        if interrupter.place is None:
            break
        places.append(interrupter.place)
    assert len(places) >= 3


def test_coming_in_again_is_refused_rather_than_deadlocked(tmp_path):
    store = SqliteStore(tmp_path / "legato.db")

    def again(tx):
        with pytest.raises(StoreError):
            store.run(lambda tx: None)
        return "fine"

    assert store.run(again) == "fine"
    assert store.run(lambda tx: "later") == "later"
    store.close()


def test_the_log_of_a_deleted_file_is_not_replayed(tmp_path):
    path = tmp_path / "legato.db"
    old = SqliteStore(path)
    for _ in range(20):
        Sender(old).send(flow_run())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    connection.close()
    Sender(old).send(flow_run())
    path.unlink()  # the log stays, as after a kill
    assert path.with_name("legato.db-wal").stat().st_size > 0
    fresh = SqliteStore(path)
    Sender(fresh).send(flow_run())
    found = fresh.read(
        lambda tx: (
            tx._execute("PRAGMA integrity_check").fetchall(),
            tx._execute("SELECT count(*) FROM flow_run").fetchone()[0],
        )
    )
    assert found == ([("ok",)], 1)
    fresh.close()


def test_a_disk_that_is_full_within_a_savepoint_is_told_apart(tmp_path):
    store = SqliteStore(tmp_path / "legato.db")

    def fill(tx):
        (pages,) = tx._execute("PRAGMA page_count").fetchone()
        tx._execute(f"PRAGMA max_page_count = {pages + 3}")
        with tx.savepoint():
            tx._execute("CREATE TABLE big (x)")
            tx._execute("INSERT INTO big VALUES (randomblob(3000000))")

    with pytest.raises(StoreFull):
        store.run(fill)
    store.close()


def test_a_database_behind_a_link_has_its_log_and_lock_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_log, "DUE_FRAMES", 10)
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.mkdir()
    SqliteStore(real / "legato.db").run(lambda tx: None)
    os.symlink(real / "legato.db", link / "legato.db")
    store = SqliteStore(link / "legato.db")
    assert store._lock is SqliteStore(real / "legato.db")._lock
    assert store._log.path == real / "legato.db-wal"
    assert os.listdir(link) == ["legato.db"]
    store.close()


@pytest.mark.postgres
def test_a_value_too_long_for_an_index_stops_no_batch(postgres_url):
    from tests.store.conftest import postgres_store

    store = postgres_store(postgres_url)
    long = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))
    bad, good = flow_run(tags=[long]), flow_run(new_id())
    sender = Sender(store)
    answer = sender.deliver(sender.batch(bad, good))
    assert [type(a).__name__ for a in answer.answers.values()] == ["Aborted", "Accepted"]
    store.close()

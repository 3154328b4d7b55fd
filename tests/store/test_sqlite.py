"""The SQLite file among several threads, processes and forks, and when it cannot be used."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from legato._model.errors import StoreError, StoreFull, StoreReadOnly, StoreTooNew
from legato._store import faults, platform_posix, sqlite_home
from legato._store.checker import violations
from legato._store.port import Grade
from legato._store.sqlite import SqliteStore
from legato._store.versions import SCHEMA
from tests.store.records import COMPLETED, Sender, flow_run, move, new_id, now, whole_task


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


def test_a_fresh_home_is_a_copy_of_the_template(store, path):
    assert store.read(lambda tx: tx.rows("meta.read", {})) == [(SCHEMA, 19, 1, 1)]
    assert path.exists()
    assert list(path.parent.glob("*.new")) == []


def test_an_empty_file_is_a_fresh_home(store, path):
    path.touch()
    assert store.run(lambda tx: list(tx.positions(2))) == [1, 2]


def test_a_newer_database_is_refused_and_untouched(path):
    SqliteStore(path).run(lambda tx: tx.positions(1))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    gc.collect()
    before = path.read_bytes()
    store = SqliteStore(path)
    for use in (store.run, store.read):
        with pytest.raises(StoreTooNew, match=f"schema 99, this one knows {SCHEMA}"):
            use(lambda tx: tx.positions(1))
    store.close()
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_refused(path):
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="not a sound database"):
        SqliteStore(path).run(lambda tx: tx.positions(1))


def test_a_missing_folder_is_a_store_error(tmp_path):
    with pytest.raises(StoreError):
        SqliteStore(tmp_path / "gone" / "legato.db").run(lambda tx: tx.positions(1))


def test_a_full_disk_refuses_and_goes_on_afterwards(store, path):
    sender = Sender(store)
    run_id = sender.start()
    store.close()
    limit = path.stat().st_size + 200_000
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        with pytest.raises(StoreError):  # noqa: PT012 - some of them fit
            for _ in range(200):
                _, records = whole_task(run_id, name="x" * 5000)
                sender.send(*records)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    _, records = whole_task(run_id)
    sender.send(*records)
    assert violations(store, sender.recorder) == []


def test_full_is_told_apart(store):
    def fill(tx):
        tx._execute("PRAGMA max_page_count = 1")
        for _ in range(300):
            tx.run_many("flow.create", [(tx.uid(new_id()), 1, 1, "n" * 4000, tx.null, tx.null, 0)])

    with pytest.raises(StoreFull):
        store.run(fill)
    store.close()
    assert store.run(lambda tx: list(tx.positions(1))) == [1]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
def test_a_read_only_home_is_told_apart(path):
    SqliteStore(path).run(lambda tx: tx.positions(1))
    code = f"""
import os, sys
from pathlib import Path
from legato._store import sqlite_transaction
from legato._store.sqlite import SqliteStore
from legato._store.versions import SCHEMA
from legato._model.errors import StoreReadOnly
os.setgid(65534); os.setuid(65534)
try:
    SqliteStore(Path({str(path)!r})).run(lambda tx: tx.positions(1))
except StoreReadOnly:
    sys.exit(7)
"""
    folder = path.parent
    while str(folder) != "/tmp" and folder != folder.parent:
        folder.chmod(0o755)
        folder = folder.parent
    done = subprocess.run([sys.executable, "-c", code], check=False, env=python_path())
    assert done.returncode == 7
    assert issubclass(StoreReadOnly, StoreError)


def python_path():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path])}


def test_a_network_file_system_gets_no_wal_and_one_warning(path, monkeypatch):
    monkeypatch.setattr(sqlite_home, "is_network_path", lambda folder: True)
    store = SqliteStore(path)
    with pytest.warns(UserWarning, match="network file system") as caught:  # noqa: PT031 - one
        store.run(lambda tx: tx.positions(1))
        store.read(lambda tx: tx.rows("meta.read", {}))
    assert len(caught) == 1
    assert not path.with_name("legato.db-wal").exists()
    store.close()


def test_network_file_systems_are_known_by_their_mount(tmp_path):
    assert not platform_posix.is_network_path(tmp_path)


def test_reading_while_writing_sees_whole_commits(store):
    sender = Sender(store)
    run_id = sender.start()
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            found = store.read(lambda tx: tx.rows("flow_run.count_states", {"flow_run_id": run_id}))
            seen.append(sum(n for _, n in found))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        records = [r for _ in range(3) for r in whole_task(run_id)[1]]
        sender.send(*records)
    stop.set()
    reader.join()
    assert all(n % 3 == 0 for n in seen)
    assert seen == sorted(seen)


WORKER = """
import sys, time
from pathlib import Path
from legato._store.port import Grade
from legato._store.sqlite import SqliteStore
from legato._store.versions import SCHEMA
from tests.store.records import COMPLETED, Sender, flow_run, move, whole_task
store = SqliteStore(Path(sys.argv[1]))
sender = Sender(store, pid=int(sys.argv[2]))
run_id = sender.start()
slowest = 0
for _ in range(int(sys.argv[3])):
    _, records = whole_task(run_id)
    begun = time.perf_counter()
    sender.send(*records)
    slowest = max(slowest, time.perf_counter() - begun)
sender.deliver(sender.batch(move(run_id, COMPLETED)), Grade.ACKED)
print(slowest)
"""


def worker(path, number, rounds, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), str(number), str(rounds)],
        env={**python_path(), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_several_processes_write_at_once(path):
    workers = [worker(path, n, 60) for n in range(6)]
    assert [w.communicate()[0] != "" and w.returncode for w in workers] == [0] * 6
    store = SqliteStore(path)
    assert violations(store) == []
    drawn = store.read(lambda tx: tx.rows("meta.read", {}))[0][3] - 1
    flow_created = 1
    assert drawn == 6 * (60 * 3 + 3) + flow_created
    store.close()
    assert integrity(path) == "ok"


POINTS = [
    "store.before_lock",
    "store.after_lock",
    "template.before_copy",
    "template.before_rename",
    "template.after_rename",
    "store.opened",
    "store.before_begin",
    "store.after_begin",
    "write.writer.advance",
    "write.writer.create",
    "write.flow.create",
    "write.flow_run.create",
    "write.flow_run.advance",
    "write.attempt.create",
    "write.attempt.close",
    "write.task_run.create",
    "write.flow_run_state.create",
    "write.task_run_state.create",
    "store.before_commit",
    "store.after_commit",
    "store.after_unlock",
]


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point_with_another_process_writing(path, point):
    victim = worker(path, 1, 5, LEGATO_FAILPOINTS=f"{point}=kill:1")
    if point.startswith(("template.", "write.flow.")):
        victim.wait()  # only the first of them comes by
    other = worker(path, 2, 10)
    victim.communicate()
    other.communicate()
    assert (victim.returncode, other.returncode) == (-signal.SIGKILL, 0)
    store = SqliteStore(path)
    assert violations(store) == []
    store.close()
    assert integrity(path) == "ok"


@pytest.mark.chaos
def test_killed_around_a_checkpoint(path):
    for point in ("checkpoint.before", "checkpoint.after"):
        victim = worker(path, 1, 2000, LEGATO_FAILPOINTS=f"{point}=kill:1")
        victim.communicate()
        assert victim.returncode == -signal.SIGKILL
    store = SqliteStore(path)
    assert violations(store) == []
    store.close()
    assert integrity(path) == "ok"


def test_a_fork_leaves_both_with_connections_of_their_own(store, path):
    sender = Sender(store)
    run_id = sender.start()
    store.read(lambda tx: tx.rows("meta.read", {}))
    for round_ in range(5):
        store.prepare_fork()
        child = os.fork()
        if child == 0:
            try:
                store.forget()
                mine = Sender(store, pid=round_)
                mine.send(flow_run(), *whole_task(None)[1])
                store.read(lambda tx: tx.rows("meta.read", {}))
                os._exit(0)
            except BaseException:  # noqa: BLE001
                os._exit(1)
        store.resume_fork()
        _, records = whole_task(run_id)
        sender.send(*records)
        assert os.waitpid(child, 0)[1] == 0
    assert violations(store, sender.recorder) == []
    store.close()
    assert integrity(path) == "ok"


def test_a_fork_waits_for_readers_and_holds_new_ones(store):
    store.run(lambda tx: tx.positions(1))
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx):
        begun.set()
        go_on.wait(5)

    reader = threading.Thread(target=store.read, args=(slow,))
    reader.start()
    begun.wait(5)
    holder = threading.Thread(target=lambda: (store.prepare_fork(), store.resume_fork()))
    holder.start()
    time.sleep(0.05)
    assert holder.is_alive()
    go_on.set()
    holder.join(5)
    reader.join(5)
    assert store.run(lambda tx: list(tx.positions(1))) == [2]


def test_the_lock_survives_what_the_process_starts(store, path):
    """Closing any descriptor of the lock's file would drop the lock of the whole process."""
    store.run(lambda tx: tx.positions(1))
    probe = f"""
import fcntl, os, sys
fd = os.open({str(path) + ".lock"!r}, os.O_RDWR)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(3)
"""

    def held(tx):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return subprocess.run([sys.executable, "-c", probe], check=False).returncode

    assert store.run(held) == 3
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


def test_two_stores_of_one_file_in_a_process(store, path):
    other = SqliteStore(path)
    drawn = []

    def draw(which):
        for _ in range(50):
            drawn.extend(which.run(lambda tx: list(tx.positions(1)), grade=Grade.PLAIN))

    threads = [threading.Thread(target=draw, args=(s,)) for s in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == list(range(1, 101))
    other.close()


def test_failpoints_do_nothing_unless_armed():
    faults.failpoint("nowhere")
    faults.arm("nowhere=raise:2")
    try:
        faults.failpoint("nowhere")
        with pytest.raises(faults.InjectedFault):
            faults.failpoint("nowhere")
    finally:
        faults.arm("")
    assert move(new_id(), COMPLETED).state.timestamp <= now()

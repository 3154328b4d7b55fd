"""A database of an older version, opened by this one."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._model.errors import StoreError, StoreTooNew, StoreTooOld
from legato._store import migrate, sqlite_home, upgrade, versions
from legato._store.faults import UPGRADE_POINTS
from legato._store.generate import schema_of
from legato._store.sqlite import SqliteStore
from legato._store.versions import IN_RUN_SECONDS, MARGIN, SCHEMA, SMALL
from tests.store import older

GiB = 1024**3


@pytest.fixture(scope="module")
def first_version(tmp_path_factory):
    """A database of the first revision with rows in every table; copied, never opened."""
    path = tmp_path_factory.mktemp("older") / "first.db"
    older.make_sqlite(path)
    return path


@pytest.fixture
def path(first_version, tmp_path):
    path = tmp_path / "legato.db"
    shutil.copyfile(first_version, path)
    return path


@pytest.fixture
def before(path):
    return older.rows(migrate.sqlite_url(path))


def asked(path, sql):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchone()[0]
    finally:
        connection.close()


def change(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def version(path):
    return asked(path, "PRAGMA user_version")


def copies(path):
    return sorted(p.name for p in path.parent.glob("legato.db.before-*"))


def draw(tx):
    return list(tx.positions(1))


def look(tx):
    return tx.rows("meta.read", {})[0][0]


@pytest.mark.parametrize("first_use", ["read", "run"])
def test_whoever_opens_an_older_database_upgrades_it_and_keeps_every_row(
    path, before, first_use, capsys
):
    store = SqliteStore(path)
    if first_use == "read":
        assert store.read(look) == SCHEMA
    assert store.run(draw) == [1]
    store.close()
    assert older.rows(migrate.sqlite_url(path), before) == before
    assert all(len(found) == older.ROWS for found in before.values())
    assert asked(path, "PRAGMA integrity_check") == "ok"
    assert version(path) == SCHEMA
    said = capsys.readouterr().err
    assert f"from schema 1 to {SCHEMA}" in said
    assert "legato.db.before-1" in said


def test_an_upgraded_database_is_what_a_fresh_one_is(path, tmp_path):
    SqliteStore(path).read(look)
    fresh = SqliteStore(tmp_path / "fresh.db")
    fresh.read(look)
    assert schema_of(path) == schema_of(tmp_path / "fresh.db")
    statistics = "SELECT group_concat(tbl || ' ' || idx || ' ' || stat, ', ') FROM sqlite_stat1"
    assert asked(path, statistics) == asked(tmp_path / "fresh.db", statistics)


def test_the_backup_is_the_database_as_it_was(path, before):
    SqliteStore(path).run(draw)
    assert copies(path) == ["legato.db.before-1"]
    copy = path.with_name("legato.db.before-1")
    assert (version(copy), asked(copy, "PRAGMA integrity_check")) == (1, "ok")
    assert asked(copy, "PRAGMA journal_mode") == "wal"
    assert older.rows(migrate.sqlite_url(copy), before) == before


def test_a_backup_replaces_no_earlier_one(path):
    path.with_name("legato.db.before-1").write_text("precious")
    SqliteStore(path).run(draw)
    assert path.with_name("legato.db.before-1").read_text() == "precious"
    assert version(path.with_name("legato.db.before-1.2")) == 1


def test_records_that_are_in_the_log_only_are_kept_too(path):
    keep = sqlite3.connect(path, isolation_level=None)
    keep.execute("PRAGMA wal_autocheckpoint = 0")
    keep.execute("UPDATE flow SET name = 'in the log' WHERE name = 'text 1'")
    SqliteStore(path).run(draw)
    for file in (path, path.with_name("legato.db.before-1")):
        assert asked(file, "SELECT count(*) FROM flow WHERE name = 'in the log'") == 1
    keep.close()


@pytest.mark.chaos
@pytest.mark.parametrize("point", sorted(UPGRADE_POINTS))
def test_killed_in_an_upgrade_the_database_is_the_old_one_or_the_new_one(path, before, point):
    victim = older.open_in_process(path, LEGATO_FAILPOINTS=f"{point}=kill")
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL
    assert version(path) == (SCHEMA if point == "upgrade.after_commit" else 1)
    assert asked(path, "PRAGMA integrity_check") == "ok"
    assert older.rows(migrate.sqlite_url(path), before) == before
    after = older.open_in_process(path)
    assert (after.communicate()[0], after.returncode) == ("[1]\n", 0)
    assert version(path) == SCHEMA
    assert older.rows(migrate.sqlite_url(path), before) == before
    assert [name for name in copies(path) if name.endswith(".new")] == []


@pytest.mark.chaos
def test_of_two_processes_one_upgrades_and_the_other_waits(path, tmp_path):
    one = older.open_in_process(path, LEGATO_FAILPOINTS="upgrade.after_begin=pause")
    assert os.WIFSTOPPED(os.waitpid(one.pid, os.WUNTRACED)[1])
    notes = tmp_path / "notes"
    os.mkfifo(notes)
    other = older.open_in_process(
        path, LEGATO_FAILPOINTS="store.before_lock=note", LEGATO_FAILPOINTS_NOTES=str(notes)
    )
    assert notes.read_text() == "store.before_lock\n"
    assert other.poll() is None
    os.kill(one.pid, signal.SIGCONT)
    assert sorted(p.communicate()[0] for p in (one, other)) == ["[1]\n", "[2]\n"]
    assert (one.returncode, other.returncode) == (0, 0)
    assert copies(path) == ["legato.db.before-1"]


def test_an_upgrade_that_takes_long_is_not_done_on_the_way(path, before, monkeypatch):
    monkeypatch.setattr(versions, "BYTES_A_SECOND", 1000)
    store = SqliteStore(path)
    for use, op in ((store.run, draw), (store.read, look)):
        with pytest.raises(StoreTooOld, match=r"inside of a run\. Run: legato server database up"):
            use(op)
    assert (version(path), copies(path)) == (1, [])
    said = []
    upgrade.by_command(path, said.append)
    assert "legato.db.before-1" in said[0]
    assert store.run(draw) == [1]
    assert older.rows(migrate.sqlite_url(path), before) == before


def test_without_room_for_a_backup_only_the_command_goes_on(path, monkeypatch):
    monkeypatch.setattr(versions, "SMALL", 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(StoreTooOld, match=r"without room for a backup\. Run: legato server"):
        SqliteStore(path).run(draw)
    assert version(path) == 1
    said = []
    upgrade.by_command(path, said.append)
    assert "no room for a backup" in said[0]
    assert (version(path), copies(path)) == (SCHEMA, [])


def test_a_backup_that_fails_is_taken_away_and_nothing_is_upgraded(path):
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size // 2, old[1]))
    try:
        with pytest.raises(StoreError):
            upgrade.by_command(path, print)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert (version(path), copies(path)) == (1, [])


def test_a_migration_that_fails_leaves_the_database_as_it_was(path, before):
    change(path, "CREATE INDEX ix_flow_run_scheduled ON flow (name)")
    with pytest.raises(StoreError, match="could not be upgraded and is as it was"):
        SqliteStore(path).run(draw)
    assert (version(path), asked(path, "SELECT schema FROM meta")) == (1, 1)
    assert copies(path) == []
    assert older.rows(migrate.sqlite_url(path), before) == before


def test_a_process_that_has_the_database_open_goes_on_if_the_newer_schema_lets_it(tmp_path):
    path = tmp_path / "legato.db"
    store = SqliteStore(path)
    assert (store.run(draw), store.read(look)) == ([1], SCHEMA)
    newer = SCHEMA + 1
    change(path, f"UPDATE meta SET schema = {newer}", f"PRAGMA user_version = {newer}")
    assert (store.run(draw), store.read(look)) == ([2], newer)
    other = SqliteStore(path)  # as after a fork
    assert (other.run(draw), other.read(look)) == ([3], newer)

    change(path, f"UPDATE meta SET min_writer = {newer}")
    change(path, f"PRAGMA user_version = {newer + 1}", f"UPDATE meta SET schema = {newer + 1}")
    with pytest.raises(StoreTooNew, match=f"schema {newer + 1}, this one knows {SCHEMA}"):
        store.run(draw)
    assert store.read(look) == newer + 1

    change(path, f"UPDATE meta SET min_reader = {newer}, schema = {newer + 2}")
    change(path, f"PRAGMA user_version = {newer + 2}")
    with pytest.raises(StoreTooNew):
        store.read(look)
    assert asked(path, "SELECT next_position FROM meta") == 4


def test_opening_a_database_of_this_version_loads_nothing_for_upgrades(tmp_path):
    code = """
import sys
from pathlib import Path
from legato._store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
store.read(lambda tx: tx.rows("meta.read", {}))
store.run(lambda tx: tx.positions(1))
print([m for m in ("alembic", "sqlalchemy", "legato._store.upgrade") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "legato.db"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", *sys.path])},
    )
    assert done.stdout == "[]\n"


sizes = st.integers(0, 100 * GiB)


@given(sizes, sizes, st.integers(1, 20))
def test_a_run_upgrades_only_what_is_short_and_backed_up(size, free, steps):
    found = versions.plan(size, free, steps)
    assert found.backup == (size < SMALL or free - size >= MARGIN)
    assert found.in_run == (found.backup and found.seconds <= IN_RUN_SECONDS)
    if found.in_run:
        assert versions.plan(size // 2, free, steps).in_run
        assert versions.plan(size, free, max(1, steps - 1)).in_run


def test_a_home_of_ordinary_size_is_upgraded_on_the_way_and_a_huge_one_is_not():
    assert versions.plan(50 * 1024**2, 0, 1).in_run
    assert not versions.plan(GiB, 100 * GiB, 1).in_run


@pytest.fixture
def older_postgres(postgres_url):
    """A PostgreSQL database of the first revision."""
    import psycopg
    from sqlalchemy import create_engine

    base, _, name = postgres_url.rpartition("/")
    name = f"{name}_older"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    url = f"{base}/{name}"
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        migrate.upgrade(connection, "0001")
    engine.dispose()
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgres
def test_postgres_is_upgraded_by_command_only_and_keeps_every_row(older_postgres):
    from legato._store.postgres import PostgresStore

    address = older_postgres.replace("postgresql://", "postgresql+psycopg://")
    older.fill(address)
    before = older.rows(address)
    store = PostgresStore(older_postgres)
    for use, op in ((store.run, draw), (store.read, look)):
        with pytest.raises(StoreTooOld, match="legato server database upgrade --url URL"):
            use(op)
    assert migrate.postgres_schema(older_postgres) == 1
    barrier = threading.Barrier(2)

    def command(_):
        barrier.wait()
        migrate.migrate_postgres(older_postgres)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(command, range(2)))
    assert migrate.postgres_schema(older_postgres) == SCHEMA
    assert store.read(look) == SCHEMA
    store.close()
    assert older.rows(address, before) == before


def test_both_stores_and_the_migrations_mean_the_same_schema():
    revisions = sorted(p.name[:4] for p in migrate.MIGRATIONS.glob("versions/*.py"))
    assert revisions == [f"{n:04}" for n in range(1, SCHEMA + 1)]
    assert sqlite_home.SCHEMA == SCHEMA

from __future__ import annotations

import os

import pytest

from legato._store.checker import violations
from legato._store.schema import metadata
from legato._store.sqlite import SqliteStore
from tests.store.records import Sender

POSTGRES = "LEGATO_TEST_POSTGRES_URL"


@pytest.fixture(scope="session")
def postgres_url():
    """A database of this process's own, migrated."""
    base = os.environ.get(POSTGRES)
    if not base:
        if os.environ.get("CI"):
            pytest.fail(f"{POSTGRES} is not set, and CI must test PostgreSQL")
        pytest.skip(f"{POSTGRES} is not set (scripts/test sets it)")
    import psycopg

    from legato._store.migrate import migrate_postgres

    name = f"legato_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with psycopg.connect(base, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
    url = f"{base.rpartition('/')[0]}/{name}"
    migrate_postgres(url)
    yield url
    with psycopg.connect(base, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def empty(url):
    import psycopg

    names = ", ".join(t.name for t in metadata.sorted_tables if t.name != "meta")
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {names}")
        connection.execute("UPDATE meta SET retained_after = 0, alive_at = NULL")


def postgres_store(url):
    from legato._store.postgres import PostgresStore

    empty(url)
    return PostgresStore(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    """A store, checked at the end of the test for what must hold in any."""
    if request.param == "sqlite":
        store = SqliteStore(tmp_path / "legato.db")
        end = store.retire  # else the process keeps a lock file open for each test
    else:
        store = postgres_store(request.getfixturevalue("postgres_url"))
        end = store.close
    yield store
    assert violations(store) == []
    end()


@pytest.fixture
def sender(store):
    return Sender(store)

"""One schema, told three times: metadata, migrations, template database."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from legato._store import migrate, sqlite_home
from legato._store.generate import schema_of
from legato._store.schema import metadata
from legato._store.sql import Sql
from legato._store.versions import SCHEMA
from tests.store.conftest import empty

ROOT = Path(__file__).parents[2]
VIEWS = {"v_flow_runs", "v_task_runs", "v_states", "v_logs"}


def described(engine):
    """What the database says about its tables, without names that mean nothing."""
    inspector = inspect(engine)
    found = {}
    for table in inspector.get_table_names():
        if table == "alembic_version":
            continue
        found[table] = {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], c["default"])
                for c in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(
                (c["name"], c["column_names"]) for c in inspector.get_unique_constraints(table)
            ),
            "checks": sorted(
                (c["name"], " ".join(c["sqltext"].split()))
                for c in inspector.get_check_constraints(table)
            ),
            "indexes": sorted(
                (
                    i["name"],
                    i["column_names"],
                    i["unique"],
                    [str(where) for where in (i.get("dialect_options") or {}).values()],
                )
                for i in inspector.get_indexes(table)
            ),
        }
    return found


def test_sqlite_by_migrations_is_what_the_metadata_says(tmp_path):
    migrate.create_sqlite(tmp_path / "migrated.db")
    migrated = create_engine(migrate.sqlite_url(tmp_path / "migrated.db"))
    direct = create_engine(migrate.sqlite_url(tmp_path / "direct.db"))
    metadata.create_all(direct)
    assert described(migrated) == described(direct)
    assert set(inspect(migrated).get_view_names()) == VIEWS
    migrated.dispose()
    direct.dispose()


def test_the_template_is_what_the_migrations_make(tmp_path):
    migrate.create_sqlite(tmp_path / "migrated.db")
    assert schema_of(tmp_path / "migrated.db") == schema_of(sqlite_home.TEMPLATE)
    assert sqlite_home.SCHEMA == SCHEMA


@pytest.mark.postgres
def test_postgres_by_migrations_is_what_the_metadata_says(postgres_url):
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    migrated = described(engine)
    assert set(inspect(engine).get_view_names()) == VIEWS
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS direct"))
    direct = create_engine(url, connect_args={"options": "-csearch_path=direct"})
    metadata.create_all(direct)
    assert migrated == described(direct)
    with engine.begin() as connection:
        (cache,) = connection.execute(
            text("SELECT cache_size FROM pg_sequences WHERE sequencename = 'log_position'")
        ).first()
        connection.execute(text("DROP SCHEMA direct CASCADE"))
    assert cache == 1
    engine.dispose()
    direct.dispose()


@pytest.mark.postgres
def test_migrating_again_changes_nothing(postgres_url):
    empty(postgres_url)
    migrate.migrate_postgres(postgres_url)


def test_generated_files_are_fresh():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/generate", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_views_can_be_read(sender, store):
    from tests.store.records import whole_task

    run_id = sender.start(parameters={"a": 1})
    _, records = whole_task(run_id)
    sender.send(*records)
    view = {}
    for name in sorted(VIEWS):
        query = Sql(f"SELECT * FROM {name}")
        view[name] = store.read(lambda tx, query=query: tx.select(query))
    assert len(view["v_states"]) == 5
    assert str(view["v_flow_runs"][0][0]) == str(run_id)
    assert str(view["v_task_runs"][0][1]) == str(run_id)


def test_the_template_needs_no_wal_to_be_read():
    connection = sqlite3.connect(f"file:{sqlite_home.TEMPLATE}?immutable=1", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert connection.execute("PRAGMA page_size").fetchone() == (migrate.PAGE_BYTES,)
    connection.close()

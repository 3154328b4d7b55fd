"""Bring a database to this version's schema, by the one Alembic history of both databases."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from legato._store import statistics
from legato._store.versions import SCHEMA

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run all migrations that the database has not seen, in the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def create_sqlite(path: Path, revision: str = f"{SCHEMA:04}") -> None:
    """Make a SQLite database by the migrations: WAL, no space wasted, version stamped."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        upgrade(connection, revision)
        statistics.state(connection)
        connection.execute(text(f"PRAGMA user_version = {int(revision)}"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("PRAGMA auto_vacuum = INCREMENTAL"))
        connection.execute(text("VACUUM"))
        connection.execute(text("PRAGMA journal_mode = WAL"))
    engine.dispose()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.chmod(0o644)


def migrate_postgres(url: str) -> None:
    """Bring a PostgreSQL database to this version, one process at a time."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(7310579)"))
        upgrade(connection)
    engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return SQLAlchemy's address of a SQLite file."""
    return f"sqlite:///{os.fspath(path)}"

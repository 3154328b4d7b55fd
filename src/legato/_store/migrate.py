"""Bring a database to this version's schema, by the one Alembic history of both databases."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from legato._model.errors import StoreError
from legato._store import statistics
from legato._store.versions import SCHEMA

MIGRATIONS = Path(__file__).parent / "migrations"
PAGE_BYTES = 2048
"""Of a new SQLite database: a transition changes a few bytes on many pages (decision 0026)."""


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
        connection.execute(text(f"PRAGMA page_size = {PAGE_BYTES}"))
        connection.execute(text("PRAGMA auto_vacuum = INCREMENTAL"))
        connection.execute(text("VACUUM"))
        connection.execute(text("PRAGMA journal_mode = WAL"))
    engine.dispose()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.chmod(0o644)


def migrate_postgres(url: str) -> None:
    """Bring a PostgreSQL database to this version, one process at a time.

    Raises StoreError, and then the database is as it was.
    """
    with _postgres(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(7310579)"))
        upgrade(connection)


def postgres_schema(url: str) -> int:
    """Return the schema of a PostgreSQL database; 0: it has no tables of Legato."""
    with _postgres(url) as connection:
        if connection.execute(text("SELECT to_regclass('meta')")).scalar() is None:
            return 0
        found: int = connection.execute(text("SELECT schema FROM meta")).scalar_one()
        return found


@contextmanager
def _postgres(url: str) -> Generator[Connection]:
    """One transaction."""
    _, _, address = url.partition("://")
    engine = create_engine(f"postgresql+psycopg://{address}", poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreError(f"The database could not be used: {error.orig}") from error
    except (SQLAlchemyError, CommandError) as error:
        raise StoreError(f"The database could not be used: {error}") from error


def sqlite_url(path: Path) -> str:
    """Return SQLAlchemy's address of a SQLite file."""
    return f"sqlite:///{os.fspath(path)}"

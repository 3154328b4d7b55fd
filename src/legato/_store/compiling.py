"""Queries that are put together at run time; only these load SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from legato._store import dialect

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

SQLITE: Dialect = sqlite.dialect(paramstyle="named")
POSTGRES: Dialect = cast("Any", psycopg.PGDialect_psycopg)()


def sqlite_text(statement: Any) -> tuple[str, dict[str, Any]]:
    """Return text and parameters for `sqlite3`."""
    compiled = statement.compile(dialect=SQLITE, compile_kwargs={"render_postcompile": True})
    return str(compiled), dialect.sqlite_params(compiled.construct_params())


def postgres_text(statement: Any) -> tuple[str, dict[str, Any]]:
    """Return text and parameters for psycopg."""
    compiled = statement.compile(dialect=POSTGRES, compile_kwargs={"render_postcompile": True})
    return str(compiled), dialect.postgres_params(compiled.construct_params())

"""Databases as earlier versions made them, with rows in every table."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import UUID

from sqlalchemy import MetaData, create_engine, select, types
from sqlalchemy.pool import NullPool

from legato._store import migrate

ROWS = 40
KINDS = ("SCHEDULED", "RUNNING", "COMPLETED", "FAILED")
OPENER = """
import sys
from pathlib import Path
from legato._store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
print(store.run(lambda tx: list(tx.positions(1))))
store.close()
"""


def make_sqlite(path, revision="0001"):
    """Make the file of an earlier version."""
    migrate.create_sqlite(path, revision)
    fill(migrate.sqlite_url(path))


def fill(url):
    """Put rows into every table that the migrations made."""
    engine = create_engine(url, poolclass=NullPool)
    tables = _tables(engine)
    with engine.begin() as connection:
        for table in tables:
            rows = [_row(table, number) for number in range(1, ROWS + 1)]
            connection.execute(table.insert(), rows)


def _tables(engine):
    found = MetaData()
    found.reflect(engine)
    return [t for t in found.sorted_tables if t.name not in {"meta", "alembic_version"}]


def _row(table, number):
    row = {column.name: _value(column, number) for column in table.c}
    if table.name.endswith("_state"):
        row |= {"from_type": "", "type": "PENDING", "opens": 0}
    known = {"ws": 0, "tags": f'["tag {number}"]', "labels": "{}"}
    row |= {name: value for name, value in known.items() if name in row}
    if "state_type" in row:
        row["state_type"] = KINDS[number % len(KINDS)]
    return row


def _value(column, number):
    uid = UUID(int=number)
    if isinstance(column.type, types.Uuid):
        return uid
    if isinstance(column.type, types.LargeBinary):
        return uid.bytes * (2 if column.name in {"sha256", "request_hash"} else 1)
    return f"text {number}" if isinstance(column.type, types.Text) else number


def rows(url, known=None):
    """Return all rows of all tables but `meta`; of an upgraded database only what is in `known`."""
    engine = create_engine(url, poolclass=NullPool)
    found = {}
    with engine.connect() as connection:
        for table in _tables(engine):
            if known is not None and table.name not in known:
                continue
            names = known[table.name][0] if known is not None else table.c.keys()
            picked = select(*(table.c[name] for name in names))
            listed = [dict(row) for row in connection.execute(picked).mappings()]
            found[table.name] = sorted(listed, key=repr)
    return found


def open_in_process(path, **environment):
    """Start a process that opens the file and writes."""
    return subprocess.Popen(
        [sys.executable, "-c", OPENER, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path]), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

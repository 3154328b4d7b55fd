"""What workers ask for every few seconds is found by an index, on both stores."""

from __future__ import annotations

import sqlite3
from uuid import UUID

import pytest

from legato._store import sqlite_home
from legato._store.queries import due
from legato._store.queries.due import Span
from legato._store.sql import Sql
from legato._store.sqlite_transaction import SqliteTransaction
from tests.control.test_plans_postgres import Explaining as PostgresExplaining
from tests.control.test_plans_postgres import connection
from tests.store.conftest import postgres_url
from tests.store.records import now

__all__ = ["connection", "postgres_url"]
ID = UUID(int=5)
ASKED = [
    (lambda tx: due.queues(tx, ID, Span(before=now())), "ix_flow_run_due_work_queue_id"),
    (lambda tx: due.of_queue(tx, ID, Span(before=now()), 10), "ix_flow_run_due_work_queue_id"),
    (lambda tx: due.of_queue(tx, ID, Span(), 10), "ix_flow_run_due_work_queue_id"),
    (lambda tx: due.of_deployments(tx, [ID], Span(), 10), "ix_flow_run_due_deployment_id"),
]


class Explaining(SqliteTransaction):
    """A transaction that notes how SQLite would run the queries."""

    def __init__(self, connection):
        super().__init__(connection, repeated=False)
        self.plan = ""

    def select(self, query):
        found = super().select(Sql(f"EXPLAIN QUERY PLAN {query.text}", query.values))
        self.plan += " / ".join(row[3] for row in found)
        return []


class Few(PostgresExplaining):
    """A transaction that notes how PostgreSQL would run the queries, which find nothing."""

    def select(self, query):
        super().select(query)
        return []


@pytest.mark.parametrize(("ask", "index"), ASKED)
def test_sqlite_finds_what_is_due_in_its_order(ask, index):
    connection = sqlite3.connect(f"file:{sqlite_home.TEMPLATE}?immutable=1", uri=True)
    tx = Explaining(connection)
    ask(tx)
    connection.close()
    assert index in tx.plan
    assert "SCAN" not in tx.plan
    assert "TEMP B-TREE" not in tx.plan


@pytest.mark.postgres
@pytest.mark.parametrize(("ask", "index"), ASKED)
def test_postgres_finds_what_is_due_in_its_order(connection, ask, index):
    tx = Few(connection)
    ask(tx)
    (plan,) = tx.plans
    assert index in plan
    assert "Seq Scan" not in plan
    assert "Sort  (" not in plan

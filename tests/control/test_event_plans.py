"""SQLite finds a page of events by an index, in all three tables, however many rows there are."""

from __future__ import annotations

import sqlite3

import msgspec
import pytest

from legato._control.registry import handler_of
from legato._model.operations.events import CountEvents, FilterEvents
from legato._store import sqlite_home
from legato._store.queries import events as queries
from legato._store.sql import Sql
from legato._store.sqlite_transaction import SqliteTransaction
from tests.store.records import now

RUN = "prefect.flow-run.00000000-0000-0000-0000-000000000005"
FLOW = "prefect.flow.00000000-0000-0000-0000-000000000005"
ROLE = "prefect.resource.role"
ID = {"id": ["01900000-0000-7000-8000-000000000000"]}


class Explaining(SqliteTransaction):
    """A transaction that notes how SQLite would run the queries on one of the tables."""

    def __init__(self, connection):
        super().__init__(connection, repeated=False)
        self.plans = []

    def select(self, query):
        found = super().select(Sql(f"EXPLAIN QUERY PLAN {query.text}", query.values))
        self.plans.append((query.text, " / ".join(row[3] for row in found)))
        return [(0,)] if query.text.startswith("SELECT count(*)") else []


@pytest.fixture
def tx():
    connection = sqlite3.connect(f"file:{sqlite_home.TEMPLATE}?immutable=1", uri=True)
    yield Explaining(connection)
    connection.close()


def explain(tx, operation):
    handler_of(operation)(tx, now(), operation)
    return tx.plans


def asked(given):
    return msgspec.convert({"filter": given}, FilterEvents)


@pytest.mark.parametrize(
    ("given", "indexes"),
    [
        ({}, ["ix_event_list", "ix_flow_run_state_at", "ix_task_run_state_at"]),
        ({"order": "ASC"}, ["ix_event_list", "ix_flow_run_state_at", "ix_task_run_state_at"]),
        ({"event": {"name": ["shop.sold"]}}, ["ix_event_name"]),
        (
            {"event": {"name": ["prefect.flow-run.Failed"]}},
            ["ix_event_name", "ix_flow_run_state_uncommon"],
        ),
        (
            {"event": {"name": ["prefect.task-run.Crashed", "prefect.task-run.Late"]}},
            ["ix_event_name", "ix_task_run_state_uncommon"],
        ),
        ({"id": ID}, ["(ws=? AND event_id=?", "ix_flow_run_state_state_id", "(ws=? AND at>?"]),
        (
            {"resource": {"id": [RUN]}},
            ["ix_event_resource_of_resource", "state_1 (flow_run_id=?)"],
        ),
        (
            {"any_resource": {"id": [RUN]}},
            ["ix_event_resource_of_resource", "flow_run_id=?", "task_run_id=?"],
        ),
        (
            {"related": {"id": [FLOW]}},
            ["ix_event_resource_of_resource", "ix_flow_run_of_flow", "task_run_id=?"],
        ),
        ({"any_resource": {"id_prefix": ["shop.customer.7"]}}, ["ix_event_resource_of_resource"]),
        ({"resource": {"labels": {"team": "a"}}}, ["(ws=? AND label=? AND value=?)"]),
        ({"related": {"labels": {"team": ["a*"]}}}, ["label=? AND value>? AND value<?)"]),
        ({"any_resource": {"labels": {"team": "!a"}}}, ["event_label USING PRIMARY KEY"]),
        (
            {"resource": {"labels": {"prefect.state-type": ["FAILED", "CRASHED"]}}},
            ["ix_flow_run_state_of_type", "ix_task_run_state_of_type"],
        ),
        (
            {"resource": {"labels": {"prefect.state-name": "Late"}}},
            ["ix_flow_run_state_uncommon", "ix_task_run_state_uncommon"],
        ),
        (
            {"related": {"labels": {ROLE: "flow", "prefect.resource.name": "etl"}}},
            ["ix_flow_run_of_flow", "(ws=? AND name=?)"],
        ),
    ],
)
def test_events_are_found_by_an_index(tx, given, indexes):
    plans = explain(tx, asked(given))
    steps = [step for _, plan in plans for step in plan.split(" / ")]
    assert {step for step in steps if step.startswith("SCAN")} <= {"SCAN found"}
    pages = [plan for text, plan in plans if not text.startswith("SELECT count(*)")]
    for index in indexes:
        assert any(index in plan for plan in pages), pages


@pytest.mark.parametrize("given", [{"related": {"id": [FLOW]}}, {"related": {"role": ["flow"]}}])
def test_of_many_none_is_sorted(tx, given, monkeypatch):
    monkeypatch.setattr(queries, "FEW", -1)
    pages = [plan for text, plan in explain(tx, asked(given)) if "ORDER BY" in text]
    assert len(pages) == 6  # a page and a total for each table
    for plan in pages:
        assert "TEMP B-TREE FOR ORDER" not in plan.replace("LAST TERM OF ", "")


def test_counts_of_a_span_read_that_span(tx):
    given = {"occurred": {"since": now()}}
    plans = explain(tx, msgspec.convert({"countable": "day", "filter": given}, CountEvents))
    assert len(plans) == 3
    assert all("(ws=? AND " in plan for _, plan in plans)

"""PostgreSQL finds events by the labels of their resources by an index, as SQLite does."""

from __future__ import annotations

import pytest

from legato._control.registry import handler_of
from tests.control.test_event_plans import ROLE, asked
from tests.control.test_plans_postgres import Explaining, connection
from tests.store.conftest import postgres_url
from tests.store.records import now

__all__ = ["connection", "postgres_url"]


class Few(Explaining):
    """There are few of everything."""

    def select(self, query):
        super().select(query)
        return [(0,)] if query.text.startswith("SELECT count(*)") else []


@pytest.mark.parametrize(
    ("given", "indexes"),
    [
        ({"resource": {"labels": {"team": "a"}}}, ["pk_event_label"]),
        ({"related": {"labels": {"team": ["a*"]}}}, ["pk_event_label"]),
        (
            {"resource": {"labels": {"prefect.state-type": "FAILED"}}},
            ["ix_flow_run_state_of_type", "ix_task_run_state_of_type"],
        ),
        (
            {"related": {"labels": {ROLE: "flow", "prefect.resource.name": "etl"}}},
            ["ix_flow_run_of_flow", "uq_flow_ws"],
        ),
    ],
)
def test_events_are_found_by_labels(connection, given, indexes):
    tx = Few(connection)
    operation = asked(given)
    handler_of(operation)(tx, now(), operation)
    for index in indexes:
        assert any(index in plan for plan in tx.plans), tx.plans

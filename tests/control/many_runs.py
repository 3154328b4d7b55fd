"""Many rows in PostgreSQL: a flow run and a task run each minute, twenty of each flow."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from legato._store.dialect import micros
from tests.store.records import now

MANY = 20_000
BEGAN = now() - timedelta(minutes=MANY)
FLOW, RUN, TASK, POOL, QUEUE, DEPLOYMENT = range(1, 7)
_TABLES = (
    *("flow", "work_pool", "work_queue", "deployment", "flow_run", "task_run"),
    *("variable", "artifact", "artifact_collection"),
)
_FILLED = """
CREATE FUNCTION pg_temp.id(kind INT, number INT) RETURNS UUID IMMUTABLE LANGUAGE sql RETURN
    (lpad(kind::TEXT, 8, '0') || '-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::UUID;

INSERT INTO flow (id, ws, name, created_at, updated_at)
SELECT pg_temp.id(1, g), 0, 'flow-' || g, 0, 0 FROM generate_series(0, 999) g;

INSERT INTO work_pool
    (id, ws, name, created_at, updated_at, type, is_paused, default_queue_id, details)
SELECT pg_temp.id(4, g), 0, 'pool-' || g, 0, 0, 'process', 0, pg_temp.id(5, g), '{}'
FROM generate_series(0, 999) g;

INSERT INTO work_queue
    (id, ws, work_pool_id, name, created_at, updated_at, is_paused, priority)
SELECT pg_temp.id(5, g), 0, pg_temp.id(4, g % 1000), 'queue-' || g, 0, 0, 0, g + 1
FROM generate_series(0, 1999) g;

INSERT INTO deployment
    (id, ws, flow_id, name, created_at, updated_at, paused, details, work_queue_id,
    work_queue_name)
SELECT pg_temp.id(6, g), 0, pg_temp.id(1, g % 1000), 'deployment-' || g, 0, 0, 0, '{}',
    pg_temp.id(5, g), 'queue-' || g
FROM generate_series(0, 1999) g;

INSERT INTO variable (id, ws, name, created_at, updated_at, value)
SELECT pg_temp.id(7, g), 0, 'variable-' || g, 0, 0, '1' FROM generate_series(0, 999) g;

INSERT INTO artifact (id, ws, key, created_at, updated_at, type, flow_run_id, task_run_id)
SELECT pg_temp.id(8, g), 0, CASE WHEN g % 2 = 0 THEN 'key-' || g % 1000 END, g, g, 'table',
    pg_temp.id(2, g), pg_temp.id(3, g)
FROM generate_series(0, 4999) g;

INSERT INTO artifact_collection (id, ws, key, latest_id, latest_at, created_at)
SELECT pg_temp.id(9, g), 0, 'key-' || g, pg_temp.id(8, g), g, g FROM generate_series(0, 999) g;

INSERT INTO flow_run
    (id, ws, flow_id, name, created_at, updated_at, version, epoch, state_type, state_name,
    run_count, expected_at, next_scheduled_at, start_at, end_at, total_run_us, sort_at,
    deployment_id, work_queue_id, work_queue_name, work_pool_id, work_pool_name,
    parent_task_run_id, auto_scheduled, offline, durable)
SELECT pg_temp.id(2, g), 0, pg_temp.id(1, g % 1000), 'run-' || g, at, at, 1, 1, kind, initcap(kind),
    1, at, CASE WHEN kind = 'SCHEDULED' THEN at END, CASE WHEN kind <> 'SCHEDULED' THEN at END,
    CASE WHEN kind NOT IN ('SCHEDULED', 'RUNNING') THEN at END, 1, at,
    pg_temp.id(6, g % 2000), pg_temp.id(5, g % 2000), 'queue-' || g % 2000, pg_temp.id(4, g % 1000),
    'pool-' || g % 1000, CASE WHEN g % 10 = 0 THEN pg_temp.id(3, g + 1) END, 0, 0, 0
FROM (
    SELECT g, BEGAN + g::BIGINT * 60000000 AS at, CASE WHEN g % 200 = 0 THEN 'SCHEDULED'
        WHEN g % 199 = 0 THEN 'RUNNING' WHEN g % 20 = 3 THEN 'FAILED' ELSE 'COMPLETED' END AS kind
    FROM generate_series(1, MANY) g
) AS made;

INSERT INTO task_run
    (id, ws, flow_run_id, writer_id, name, task_key, dynamic_key, created_at, updated_at, version,
    epoch, state_type, state_name, run_count, expected_at, start_at, end_at, total_run_us, sort_at,
    flow_run_run_count)
SELECT pg_temp.id(3, g), 0, pg_temp.id(2, g / 4 * 4), pg_temp.id(10, 0), 'task-' || g, 'key',
    g::TEXT, at, at, 1, 1, kind, initcap(kind), 1, at, at,
    CASE WHEN kind <> 'RUNNING' THEN at END, 1, at, 1
FROM (
    SELECT g, BEGAN + g::BIGINT * 60000000 AS at,
        CASE WHEN g % 199 = 0 THEN 'RUNNING' ELSE 'COMPLETED' END AS kind
    FROM generate_series(1, MANY) g
) AS made;
"""


def fill(connection):
    """Insert them, and have the planner know of them."""
    text = _FILLED.replace("BEGAN", str(micros(BEGAN))).replace("MANY", str(MANY))
    for statement in text.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    for table in _TABLES:
        connection.execute(f"ANALYZE {table}")


def one(kind, number):
    """Return the id of one of them."""
    return UUID(f"{kind:08d}-0000-7000-8000-{number:012x}")

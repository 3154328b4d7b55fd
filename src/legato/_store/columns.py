"""Which columns a statement reads or writes, in which order: one list for SQL and for Python."""

from __future__ import annotations

from legato._store.port import DEFAULT_WORKSPACE

Fixed = dict[str, int | str | None]
"""Columns that have one value in all rows of a statement."""

# -- where a run stands: `standing.Standing` has these fields in this order
STANDING = (
    "version",
    "epoch",
    "state_id",
    "state_type",
    "state_name",
    "state_message",
    "state_details",
    "state_at",
    "result_id",
    "run_count",
    "expected_at",
    "next_scheduled_at",
    "start_at",
    "end_at",
    "total_run_us",
)

# -- what else the journal must know of a run that it changes
OWNED = (
    "flow_id",
    "name",
    "parent_task_run_id",
    "root_flow_run_id",
    "policy",
    "deployment_id",
    "infrastructure_pid",
)
TASK_OWNED = ("id", "flow_run_id", "writer_id")

RUN_ADVANCE = (*STANDING, "updated_at")
"""A run that keeps its place in lists; the indexes by `sort_at` stay as they are."""
RUN_CHANGE = (*RUN_ADVANCE, "sort_at")

NAME = ("name",)
PARENT = ("parent_task_run_id",)
RESULT_BODY = ("result_body",)
RESUMPTION = ("entrypoint", "durable", "rerun_of", "parameters_id")
WRITER_ADVANCE = ("last_seq", "seen_at")
WRITER = ("id", "host", "pid", "pid_start", "pid_namespace", "opened_at", "lease_us")
FLOW = ("id", "created_at", "updated_at", "name", "tags", "labels")
FLOW_CREATE = (*FLOW, "ws")

FLOW_RUN_CREATE = (
    "id",
    "ws",
    "flow_id",
    "name",
    "created_at",
    "updated_at",
    *STANDING,
    "sort_at",
    "flow_version",
    "parameters",
    "context",
    "policy",
    "tags",
    "labels",
    "idempotency_key",
    "parent_task_run_id",
    "root_flow_run_id",
    "deployment_id",
    "deployment_version",
    "work_queue_id",
    "work_queue_name",
    "work_pool_id",
    "work_pool_name",
    "job_variables",
    *RESUMPTION,
)
FLOW_RUN = (
    "id",
    "created_at",
    "updated_at",
    "name",
    "flow_id",
    *STANDING,
    "deployment_id",
    "deployment_version",
    "work_queue_id",
    "work_queue_name",
    "work_pool_id",
    "work_pool_name",
    "flow_version",
    "parameters",
    "idempotency_key",
    "context",
    "policy",
    "tags",
    "labels",
    "parent_task_run_id",
    "root_flow_run_id",
    "auto_scheduled",
    "infrastructure_document_id",
    "infrastructure_pid",
    "job_variables",
    "created_by",
    *RESUMPTION,
)

TASK_RUN_CREATE = (
    "id",
    "ws",
    "flow_run_id",
    "writer_id",
    "name",
    "task_key",
    "dynamic_key",
    "created_at",
    "updated_at",
    *STANDING,
    "sort_at",
    "task_inputs",
    "tags",
    "policy",
    "flow_run_run_count",
    "result_body",
)
"""Of a run that has nothing else, as most: to bind NULL costs as much as to bind a value."""
LIVED: Fixed = {
    "ws": DEFAULT_WORKSPACE,
    "version": 3,
    "epoch": 1,
    "state_type": "COMPLETED",
    "state_name": "Completed",
    "state_message": None,
    "state_details": None,
    "run_count": 1,
    "next_scheduled_at": None,
}
"""What all runs have that were Pending, Running and Completed, and nothing else."""
TASK_RUN_CREATE_WHOLE = (
    *TASK_RUN_CREATE,
    "task_version",
    "labels",
    "cache_key",
    "cache_expires_at",
    "code_hash",
    "argument_hash",
    "environment_hash",
    "child_flow_run_id",
    "arguments",
)
TASK_RUN = (
    "id",
    "created_at",
    "updated_at",
    "name",
    "flow_run_id",
    "task_key",
    "dynamic_key",
    *STANDING,
    "task_version",
    "task_inputs",
    "policy",
    "tags",
    "labels",
    "cache_key",
    "cache_expires_at",
    "flow_run_run_count",
    "child_flow_run_id",
)

STEP = (
    "id",
    "name",
    "dynamic_key",
    "version",
    "state_id",
    "state_type",
    "state_name",
    "state_message",
    "state_details",
    "state_at",
    "result_id",
    "flow_run_id",
    "result_body",
    "child_flow_run_id",
    "arguments",
    "created_at",
    "flow_run_run_count",
    "task_inputs",
    "labels",
)
"""What a run that goes on, or that does another one again, must know of a step."""

_STEP = (
    "version",
    "epoch",
    "opens",
    "state_id",
    "from_type",
    "type",
    "name",
    "message",
    "details",
    "at",
    "result_id",
)
FLOW_RUN_STATE = ("position", "flow_run_id", *_STEP)
FLOW_RUN_STATE_CREATE = ("position", "ws", "flow_run_id", *_STEP)
TASK_RUN_STATE = ("position", "task_run_id", *_STEP)
"""Queries put the `flow_run_id` of the task run behind them."""
TASK_RUN_STATE_CREATE = (
    "position",
    "ws",
    "task_run_id",
    *(name for name in _STEP if name != "opens"),
)
_OF_A_LIFE: Fixed = {"ws": DEFAULT_WORKSPACE, "epoch": 1, "message": None, "details": None}
_WITHOUT_RESULT: Fixed = {**_OF_A_LIFE, "result_id": None}
LIFE: tuple[Fixed, ...] = (
    {**_WITHOUT_RESULT, "version": 1, "from_type": "", "type": "PENDING", "name": "Pending"},
    {**_WITHOUT_RESULT, "version": 2, "from_type": "PENDING", "type": "RUNNING", "name": "Running"},
    {**_OF_A_LIFE, "version": 3, "from_type": "RUNNING", "type": "COMPLETED", "name": "Completed"},
)
"""The transitions of such a run."""

TAG = ("ws", "tag", "run_id")
ATTEMPT = (
    "flow_run_id",
    "number",
    "writer_id",
    "host",
    "pid",
    "code_version",
    "opened_at",
    "closed_at",
    "cause",
    "code_files",
)
ATTEMPT_CLOSE = ("closed_at", "cause")
ATTEMPT_CREATE = ("ws", *ATTEMPT, "first_number")
LEASE = ("id", "kind", "subject", "holder_writer", "epoch", "expires_at")
LEASE_CREATE = (*LEASE, "ws")
LEASE_CHANGE = ("expires_at",)
LOG = ("flow_run_id", "writer_id", "seq", "task_run_id", "level", "name", "message", "at")
LOG_CREATE = (*LOG, "day", "ws", "damaged")
LOG_ARRIVAL = (
    "position",
    "flow_run_id",
    "writer_id",
    "ws",
    "day",
    "first_seq",
    "last_seq",
    "size",
)
RESULT = (
    "id",
    "flow_run_id",
    "serializer",
    "size",
    "sha256",
    "body",
    "location",
    "created_at",
    "expires_at",
)
RESULT_PART = ("result_id", "upload_id", "number", "ws", "body", "created_at")
CACHE_ENTRY = ("id", "ws", "cache_key", "result_id", "created_at", "expires_at")
CACHE_LOOKUP = (
    "task_run_id",
    "step_name",
    "at",
    "outcome",
    "cache_key",
    "parts",
    "problem",
    "expiration_us",
    "result_id",
)
CACHE_LOOKUP_CREATE = (*CACHE_LOOKUP, "ws")
RESULT_CREATE = (*RESULT, "ws")
QUARANTINE = ("writer_id", "seq", "ws", "flow_run_id", "kind", "error", "body", "at")
TIMER_CREATE = ("id", "ws", "due_at", "kind", "subject", "epoch")
TALLY_COUNT = (
    "ws",
    "noun",
    "axis",
    "start_at",
    "state_type",
    "state_name",
    "runs",
    "run_us",
    "late_us",
)

"""The filter of each noun, and how the nouns hang together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, exists, select

from legato._model import filters as f
from legato._store import schema
from legato._store.queries import conditions as c
from legato._store.queries.conditions import Condition

flow, run, task, log = schema.flow, schema.flow_run, schema.task_run, schema.log


def flows(given: f.FlowFilter | None) -> Condition | None:
    """Conditions on rows of `flow`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed(flow.c.id, given.id),
            c.named(flow.c.name, given.name),
            c.flow_tagged(given.tags),
        ],
    )


def flow_runs(given: f.FlowRunFilter | None) -> Condition | None:
    """Conditions on rows of `flow_run`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed(run.c.id, given.id),
            c.named(run.c.name, given.name),
            c.tagged(run, schema.flow_run_tag, given.tags),
            c.listed(run.c.deployment_id, given.deployment_id),
            c.listed(run.c.work_queue_name, given.work_queue_name),
            c.in_state(run, given.state),
            c.listed(run.c.flow_version, given.flow_version),
            c.timed(run.c.start_at, given.start_time),
            c.timed(run.c.end_at, given.end_time),
            c.timed(run.c.expected_at, given.expected_start_time),
            c.timed(run.c.next_scheduled_at, given.next_scheduled_start_time),
            _parent(given.parent_flow_run_id),
            c.listed(run.c.parent_task_run_id, given.parent_task_run_id),
            c.listed(run.c.idempotency_key, given.idempotency_key),
        ],
    )


def _parent(leaf: f.OptionalIdFilter | None) -> Condition | None:
    if leaf is None or leaf.any_ is None:
        return None
    above = task.alias()  # the query around may be on task runs itself
    return run.c.parent_task_run_id.in_(
        select(above.c.id).where(above.c.flow_run_id.in_(leaf.any_))
    )


def task_runs(given: f.TaskRunFilter | None) -> Condition | None:
    """Conditions on rows of `task_run`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed(task.c.id, given.id),
            c.named(task.c.name, given.name),
            c.tagged(task, schema.task_run_tag, given.tags),
            c.in_state(task, given.state),
            c.timed(task.c.start_at, given.start_time),
            c.timed(task.c.end_at, given.end_time),
            c.timed(task.c.expected_at, given.expected_start_time),
            _subflow(given.subflow_runs),
            c.listed(task.c.flow_run_id, given.flow_run_id),
        ],
    )


def _subflow(leaf: f.ExistsFilter | None) -> Condition | None:
    if leaf is None or leaf.exists_ is None:
        return None
    child = task.c.child_flow_run_id
    return child.is_not(None) if leaf.exists_ else child.is_(None)


def logs(given: f.LogFilter | None) -> Condition | None:
    """Conditions on rows of `log`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.level(log.c.level, given.level),
            c.timed(log.c.at, given.timestamp),
            c.listed(log.c.flow_run_id, given.flow_run_id),
            c.listed(log.c.task_run_id, given.task_run_id),
        ],
    )


def related(noun: str, request: Any) -> list[Condition]:
    """Return the conditions of a request on `noun`: its own filter, and EXISTS for the others."""
    own = {"flows": flows, "flow_runs": flow_runs, "task_runs": task_runs}
    found: list[Condition] = []
    for other, make in own.items():
        condition = make(getattr(request, other))
        if condition is None:
            continue
        for table, link in reversed(_PATHS.get((noun, other), ())):
            condition = exists(select(table.c.id).where(link, condition))
        found.append(condition)
    return found


_RUNS_OF_FLOW = (run, run.c.flow_id == flow.c.id)
_FLOW_OF_RUN = (flow, flow.c.id == run.c.flow_id)
_TASKS_OF_RUN = (task, task.c.flow_run_id == run.c.id)
_RUN_OF_TASK = (run, run.c.id == task.c.flow_run_id)

# from a row of one noun to those of another: table after table, each with what links it
_PATHS: dict[tuple[str, str], tuple[tuple[Table, Condition], ...]] = {
    ("flows", "flow_runs"): (_RUNS_OF_FLOW,),
    ("flows", "task_runs"): (_RUNS_OF_FLOW, _TASKS_OF_RUN),
    ("flow_runs", "flows"): (_FLOW_OF_RUN,),
    ("flow_runs", "task_runs"): (_TASKS_OF_RUN,),
    ("task_runs", "flow_runs"): (_RUN_OF_TASK,),
    ("task_runs", "flows"): (_RUN_OF_TASK, _FLOW_OF_RUN),
}

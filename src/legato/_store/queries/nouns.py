"""The filter of each noun, and how the nouns hang together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, select, true

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
    """Return the conditions of a request on `noun`: its own filter, and those of other nouns."""
    own: dict[str, Callable[[Any], Condition | None]] = {
        "flows": flows,
        "flow_runs": flow_runs,
        "task_runs": task_runs,
    }
    found: list[Condition] = []
    for other, make in own.items():
        given = getattr(request, other)
        condition = make(given)
        if condition is None:
            continue
        for step in reversed(_PATHS.get((noun, other), ())):
            if step.there is flow.c.id and _names_one(given):
                condition = step.here == select(step.there).where(condition).scalar_subquery()
            elif other == "flows" or _names_ids(given):
                condition = _among(step, condition)
            else:
                condition = _having(step, condition)
        found.append(condition)
    return found


def of_runs(column: Any, noun: str, request: Any) -> Condition:
    """The rows whose `column` names a run of `noun` that the request's filters pick."""
    step = Step(column, {"flow_runs": run, "task_runs": task}[noun].c.id)
    condition, given = and_(true(), *related(noun, request)), getattr(request, noun)
    few = given is None or _names_ids(given)
    return _among(step, condition) if few else _having(step, condition)


def _names_one(given: f.FlowFilter) -> bool:
    """Tell whether a filter picks at most one flow."""
    few = [leaf.any_ for leaf in (given.id, given.name) if leaf is not None]
    return given.operator is f.Operator.and_ and any(ids and len(ids) == 1 for ids in few)


def _names_ids(given: Any) -> bool:
    """Tell whether a filter picks few rows, by ids."""
    leaves = [given.id, getattr(given, "flow_run_id", None)]
    return given.operator is f.Operator.and_ and any(leaf and leaf.any_ for leaf in leaves)


def _among(step: Step, condition: Condition) -> Condition:
    """The rows linked to few others: these are found first, the rows then by an index."""
    return step.here.in_(select(step.there).where(condition))


def _having(step: Step, condition: Condition) -> Condition:
    """The rows linked to one of many others: looked up for each row, until a page is full."""
    return exists(select(step.there).where(step.here == step.there, condition))


class Step(NamedTuple):
    """From rows of one table to rows of another that have the same value in a column."""

    here: ColumnElement[Any]
    there: ColumnElement[Any]


_FLOW_TO_RUNS = Step(flow.c.id, run.c.flow_id)
_RUN_TO_FLOW = Step(run.c.flow_id, flow.c.id)
_RUN_TO_TASKS = Step(run.c.id, task.c.flow_run_id)
_TASK_TO_RUN = Step(task.c.flow_run_id, run.c.id)

_PATHS: dict[tuple[str, str], tuple[Step, ...]] = {
    ("flows", "flow_runs"): (_FLOW_TO_RUNS,),
    ("flows", "task_runs"): (_FLOW_TO_RUNS, _RUN_TO_TASKS),
    ("flow_runs", "flows"): (_RUN_TO_FLOW,),
    ("flow_runs", "task_runs"): (_RUN_TO_TASKS,),
    ("task_runs", "flow_runs"): (_TASK_TO_RUN,),
    ("task_runs", "flows"): (_TASK_TO_RUN, _RUN_TO_FLOW),
}

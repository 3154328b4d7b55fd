"""The filter of each noun, and how the nouns hang together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, LiteralString, NamedTuple

from legato._model import filters as f
from legato._model.operations.lists import filters
from legato._model.workers import WorkerStatus
from legato._store import sql
from legato._store.port import DEFAULT_WORKSPACE
from legato._store.queries import conditions as c
from legato._store.queries.conditions import Condition
from legato._store.sql import Sql


def flows(given: f.FlowFilter | None) -> Condition | None:
    """Conditions on rows of `flow`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed("flow.id", given.id),
            c.named("flow.name", given.name),
            c.tagged_in("flow.tags", given.tags),
            _deployed(given.deployment),
        ],
    )


def _deployed(leaf: f.NullFilter | None) -> Condition | None:
    if leaf is None or leaf.is_null_ is None:
        return None
    found: LiteralString = "EXISTS (SELECT 1 FROM deployment WHERE deployment.flow_id = flow.id)"
    return Sql(f"NOT {found}") if leaf.is_null_ else Sql(found)


def deployments(given: f.DeploymentFilter | None) -> Condition | None:
    """Conditions on rows of `deployment`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed("deployment.id", given.id),
            c.named("deployment.name", given.name),
            c.tagged_in("deployment.tags", given.tags),
            c.listed("deployment.work_queue_name", given.work_queue_name),
            _paused(given.paused),
            _named_either(given.flow_or_deployment_name),
        ],
    )


def _paused(leaf: f.FlagFilter | None) -> Condition | None:
    if leaf is None or leaf.eq_ is None:
        return None
    return Sql("deployment.paused = ?", (int(leaf.eq_),))


def _named_either(leaf: f.LikeFilter | None) -> Condition | None:
    if leaf is None or leaf.like_ is None:
        return None
    found, values = sql.has_part("flow.name", leaf.like_)
    of_flow: LiteralString = f"deployment.flow_id IN (SELECT flow.id FROM flow WHERE {found})"
    return sql.any_of([sql.has_part("deployment.name", leaf.like_), Sql(of_flow, values)])


def work_pools(given: f.WorkPoolFilter | None) -> Condition | None:
    """Conditions on rows of `work_pool`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed("work_pool.id", given.id),
            c.named("work_pool.name", given.name),
            c.listed("work_pool.type", given.type),
        ],
    )


def work_queues(given: f.WorkQueueFilter | None) -> Condition | None:
    """Conditions on rows of `work_queue`."""
    if given is None:
        return None
    named = [c.listed("work_queue.name", given.name), _begins(given.name)]
    parts = [c.listed("work_queue.id", given.id), c.joined(f.Operator.and_, named)]
    return c.joined(given.operator, parts)


def _begins(leaf: f.QueueNameFilter | None) -> Condition | None:
    if leaf is None or leaf.startswith_ is None:
        return None
    # not by LIKE, for which SQLite takes "a" and "A" for the same
    begins: LiteralString = "substr(work_queue.name, 1, length(CAST(? AS TEXT))) = ?"
    return sql.any_of([Sql(begins, (start, start)) for start in leaf.startswith_])


def workers(given: f.WorkerFilter | None, now: datetime) -> Condition | None:
    """Conditions on rows of `worker`."""
    if given is None:
        return None
    heard = c.timed("worker.last_heartbeat_at", given.last_heartbeat_time)
    return c.joined(given.operator, [heard, _standing(given.status, now)])


def _standing(leaf: f.WorkerStatusFilter | None, now: datetime) -> Condition | None:
    if leaf is None or (leaf.any_ is None and not leaf.not_any_):
        return None
    wanted = set(WorkerStatus if leaf.any_ is None else leaf.any_) - set(leaf.not_any_ or ())
    signs: dict[WorkerStatus, LiteralString] = {
        WorkerStatus.ONLINE: "worker.offline_at > ?",
        WorkerStatus.OFFLINE: "worker.offline_at <= ?",
    }
    return sql.any_of([Sql(signs[status], (now,)) for status in sorted(wanted)])


def flow_runs(given: f.FlowRunFilter | None, *, by_state: bool = True) -> Condition | None:
    """Conditions on rows of `flow_run`; `by_state`: the index on ends is to be used."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed("flow_run.id", given.id),
            c.named("flow_run.name", given.name),
            c.tagged("flow_run", given.tags),
            c.listed("flow_run.deployment_id", given.deployment_id),
            c.listed("flow_run.work_queue_name", given.work_queue_name),
            c.in_state("flow_run", given.state, by_state=by_state),
            c.listed("flow_run.flow_version", given.flow_version),
            _begun(given.start_time),
            c.timed("flow_run.end_at", given.end_time),
            c.timed("flow_run.expected_at", given.expected_start_time),
            c.timed("flow_run.next_scheduled_at", given.next_scheduled_start_time),
            _parent(given.parent_flow_run_id),
            c.listed("flow_run.parent_task_run_id", given.parent_task_run_id),
            c.listed("flow_run.idempotency_key", given.idempotency_key),
            c.listed("flow_run.created_by", given.created_by),
        ],
    )


def _begun(leaf: f.TimeFilter | None) -> Condition | None:
    """When a run began or, if it has not, is expected to: as in the order of starts."""
    if leaf is None:
        return None
    missing = None if leaf.is_null_ is None else sql.is_null("flow_run.start_at", leaf.is_null_)
    within = f.TimeFilter(before_=leaf.before_, after_=leaf.after_)
    return c.joined(f.Operator.and_, [c.timed("flow_run.sort_at", within), missing])


def _parent(leaf: f.OptionalIdFilter | None) -> Condition | None:
    if leaf is None or leaf.any_ is None:
        return None
    # under a name of its own: the query around may be on task runs itself
    picked, values = sql.is_in("above.flow_run_id", leaf.any_)
    above: LiteralString = f"SELECT above.id FROM task_run AS above WHERE {picked}"
    return Sql(f"flow_run.parent_task_run_id IN ({above})", values)


def task_runs(given: f.TaskRunFilter | None) -> Condition | None:
    """Conditions on rows of `task_run`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.listed("task_run.id", given.id),
            c.named("task_run.name", given.name),
            c.tagged("task_run", given.tags),
            c.in_state("task_run", given.state),
            c.timed("task_run.start_at", given.start_time),
            c.timed("task_run.end_at", given.end_time),
            c.timed("task_run.expected_at", given.expected_start_time),
            _subflow(given.subflow_runs),
            c.listed("task_run.flow_run_id", given.flow_run_id),
        ],
    )


def _subflow(leaf: f.ExistsFilter | None) -> Condition | None:
    if leaf is None or leaf.exists_ is None:
        return None
    return sql.is_null("task_run.child_flow_run_id", not leaf.exists_)


def logs(given: f.LogFilter | None) -> Condition | None:
    """Conditions on rows of `log`."""
    if given is None:
        return None
    return c.joined(
        given.operator,
        [
            c.level("log.level", given.level),
            c.searched("log.message", given.text),
            c.timed("log.at", given.timestamp),
            c.listed("log.flow_run_id", given.flow_run_id),
            c.listed("log.task_run_id", given.task_run_id),
        ],
    )


def related(noun: str, request: Any, *, by_state: bool = True) -> list[Condition]:
    """Return the conditions of a request on `noun`: its own filter, and those of other nouns.

    A filter of another noun that asks for nothing is met by what has one at all.
    """
    own: dict[str, Callable[[Any], Condition | None]] = {
        "flows": flows,
        "flow_runs": partial(flow_runs, by_state=by_state),
        "task_runs": task_runs,
        "deployments": deployments,
        "work_pools": work_pools,
        "work_pool_queues": work_queues,
    }
    found: list[Condition] = []
    for other, given in filters(request).items():
        condition, path = own[other](given), _PATHS.get((noun, other), ())
        if condition is not None:
            found.append(_along(path, other, given, condition))
        else:
            found += _at_all(path)
    return found


def _at_all(path: tuple[Step, ...]) -> list[Condition]:
    """Return that there is a row along a path, if there need not be one."""
    while path and path[-1] in _SURE:
        path = path[:-1]
    if not path:
        return []
    condition = sql.ALWAYS
    for step in reversed(path):
        condition = _having(step, condition)
    return [condition]


def _along(path: tuple[Step, ...], other: str, given: Any, condition: Condition) -> Condition:
    """Return the condition on a noun that follows from one on another noun."""
    for step in reversed(path):
        if step.there == ONE_OF.get(other) and _names_one(given):
            condition = _linked(step, "=", condition)
        elif other in ONE_OF or _names_ids(given):
            condition = _linked(step, "IN", condition)
        else:
            condition = _having(step, condition)
    return condition


def of_runs(column: LiteralString, noun: str, request: Any) -> Condition:
    """The rows whose `column` names a run of `noun` that the request's filters pick."""
    step = Step(column, "flow_run.id" if noun == "flow_runs" else "task_run.id")
    condition, given = sql.all_of(related(noun, request)), getattr(request, noun)
    few = given is None or _names_ids(given)
    return _linked(step, "IN", condition) if few else _having(step, condition)


def _names_one(given: Any) -> bool:
    """Tell whether a filter picks at most one row, by an id or a name that is unique."""
    few = [leaf.any_ for leaf in (given.id, given.name) if leaf is not None]
    return given.operator is f.Operator.and_ and any(ids and len(ids) == 1 for ids in few)


def _names_ids(given: Any) -> bool:
    """Tell whether a filter picks few rows, by ids."""
    leaves = [given.id, getattr(given, "flow_run_id", None)]
    return given.operator is f.Operator.and_ and any(leaf and leaf.any_ for leaf in leaves)


class Step(NamedTuple):
    """From rows of one table to rows of another that have the same value in a column."""

    here: LiteralString
    there: LiteralString
    likewise: tuple[LiteralString, LiteralString] | None = None
    """Two more columns that are equal then, for the sake of the first one's index."""

    def found(self, condition: Condition, wanted: LiteralString | None = None) -> Sql:
        """A column of the rows of the other table: that of the step, or another one."""
        table, _, _ = self.there.partition(".")
        picked = condition if table == "task_run" else sql.all_of([_here(table), condition])
        head: LiteralString = f"SELECT {wanted or self.there} FROM {table} WHERE"
        return Sql(head).then(picked)


def _here(table: LiteralString) -> Sql:
    """The rows of the workspace, which is what most indexes begin with."""
    return Sql(f"{table}.ws = ?", (DEFAULT_WORKSPACE,))


def _linked(step: Step, how: LiteralString, condition: Condition) -> Condition:
    """The rows linked to few others: these are found first, the rows then by an index."""
    found, values = step.found(condition)
    linked = Sql(f"{step.here} {how} ({found})", values)
    if step.likewise is None:
        return linked
    here, there = step.likewise
    found, values = step.found(condition, there)
    return sql.all_of([Sql(f"{here} IN ({found})", values), linked])


def _having(step: Step, condition: Condition) -> Condition:
    """The rows linked to one of many others: looked up for each row, until a page is full."""
    link = Sql(f"{step.here} = {step.there}")
    found, values = step.found(sql.all_of([link, condition]))
    return Sql(f"EXISTS ({found})", values)


ONE_OF: dict[str, LiteralString | None] = {
    "flows": "flow.id",
    "work_pools": "work_pool.id",
    "deployments": None,
    "work_pool_queues": None,
}
"""Nouns of which there are few, and the id of those whose name says which one it is."""

_FLOW_TO_RUNS = Step("flow.id", "flow_run.flow_id")
_RUN_TO_FLOW = Step("flow_run.flow_id", "flow.id")
_RUN_TO_TASKS = Step("flow_run.id", "task_run.flow_run_id")
_TASK_TO_RUN = Step("task_run.flow_run_id", "flow_run.id")
_RUN_TO_DEPLOYMENT = Step("flow_run.deployment_id", "deployment.id")
_RUN_TO_POOL = Step("flow_run.work_pool_id", "work_pool.id")
_RUN_TO_QUEUE = Step(
    "flow_run.work_queue_id",
    "work_queue.id",
    likewise=("flow_run.work_pool_id", "work_queue.work_pool_id"),
)
_FLOW_TO_DEPLOYMENT = Step("flow.id", "deployment.flow_id")
_DEPLOYMENT_TO_FLOW = Step("deployment.flow_id", "flow.id")
_DEPLOYMENT_TO_RUNS = Step("deployment.id", "flow_run.deployment_id")
_DEPLOYMENT_TO_QUEUE = Step("deployment.work_queue_id", "work_queue.id")
_QUEUE_TO_POOL = Step("work_queue.work_pool_id", "work_pool.id")

_PATHS: dict[tuple[str, str], tuple[Step, ...]] = {
    ("flows", "flow_runs"): (_FLOW_TO_RUNS,),
    ("flows", "task_runs"): (_FLOW_TO_RUNS, _RUN_TO_TASKS),
    ("flow_runs", "flows"): (_RUN_TO_FLOW,),
    ("flow_runs", "task_runs"): (_RUN_TO_TASKS,),
    ("task_runs", "flow_runs"): (_TASK_TO_RUN,),
    ("task_runs", "flows"): (_TASK_TO_RUN, _RUN_TO_FLOW),
    ("flows", "deployments"): (_FLOW_TO_DEPLOYMENT,),
    ("flows", "work_pools"): (_FLOW_TO_DEPLOYMENT, _DEPLOYMENT_TO_QUEUE, _QUEUE_TO_POOL),
    ("flows", "work_pool_queues"): (_FLOW_TO_DEPLOYMENT, _DEPLOYMENT_TO_QUEUE),
    ("flow_runs", "deployments"): (_RUN_TO_DEPLOYMENT,),
    ("flow_runs", "work_pools"): (_RUN_TO_POOL,),
    ("flow_runs", "work_pool_queues"): (_RUN_TO_QUEUE,),
    ("task_runs", "deployments"): (_TASK_TO_RUN, _RUN_TO_DEPLOYMENT),
    ("task_runs", "work_pools"): (_TASK_TO_RUN, _RUN_TO_POOL),
    ("task_runs", "work_pool_queues"): (_TASK_TO_RUN, _RUN_TO_QUEUE),
    ("deployments", "flows"): (_DEPLOYMENT_TO_FLOW,),
    ("deployments", "flow_runs"): (_DEPLOYMENT_TO_RUNS,),
    ("deployments", "task_runs"): (_DEPLOYMENT_TO_RUNS, _RUN_TO_TASKS),
    ("deployments", "work_pools"): (_DEPLOYMENT_TO_QUEUE, _QUEUE_TO_POOL),
    ("deployments", "work_pool_queues"): (_DEPLOYMENT_TO_QUEUE,),
}
_SURE = (_RUN_TO_FLOW, _DEPLOYMENT_TO_FLOW)
"""From a row to one that it cannot be without."""

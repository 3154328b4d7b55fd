"""The filter of each noun, and how the nouns hang together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, LiteralString, NamedTuple

from legato._model import filters as f
from legato._store import sql
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
            c.timed("flow_run.start_at", given.start_time),
            c.timed("flow_run.end_at", given.end_time),
            c.timed("flow_run.expected_at", given.expected_start_time),
            c.timed("flow_run.next_scheduled_at", given.next_scheduled_start_time),
            _parent(given.parent_flow_run_id),
            c.listed("flow_run.parent_task_run_id", given.parent_task_run_id),
            c.listed("flow_run.idempotency_key", given.idempotency_key),
            c.listed("flow_run.created_by", given.created_by),
        ],
    )


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
    """Return the conditions of a request on `noun`: its own filter, and those of other nouns."""
    own: dict[str, Callable[[Any], Condition | None]] = {
        "flows": flows,
        "flow_runs": partial(flow_runs, by_state=by_state),
        "task_runs": task_runs,
    }
    found: list[Condition] = []
    for other, make in own.items():
        given = getattr(request, other)
        condition = make(given)
        if condition is None:
            continue
        for step in reversed(_PATHS.get((noun, other), ())):
            if step.there == "flow.id" and _names_one(given):
                condition = _linked(step, "=", condition)
            elif other == "flows" or _names_ids(given):
                condition = _linked(step, "IN", condition)
            else:
                condition = _having(step, condition)
        found.append(condition)
    return found


def of_runs(column: LiteralString, noun: str, request: Any) -> Condition:
    """The rows whose `column` names a run of `noun` that the request's filters pick."""
    step = Step(column, "flow_run.id" if noun == "flow_runs" else "task_run.id")
    condition, given = sql.all_of(related(noun, request)), getattr(request, noun)
    few = given is None or _names_ids(given)
    return _linked(step, "IN", condition) if few else _having(step, condition)


def _names_one(given: f.FlowFilter) -> bool:
    """Tell whether a filter picks at most one flow."""
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

    def found(self, condition: Condition) -> Sql:
        """The value in the rows of the other table."""
        table, _, _ = self.there.partition(".")
        return Sql(f"SELECT {self.there} FROM {table} WHERE {condition.text}", condition.values)


def _linked(step: Step, how: LiteralString, condition: Condition) -> Condition:
    """The rows linked to few others: these are found first, the rows then by an index."""
    found, values = step.found(condition)
    return Sql(f"{step.here} {how} ({found})", values)


def _having(step: Step, condition: Condition) -> Condition:
    """The rows linked to one of many others: looked up for each row, until a page is full."""
    link = Sql(f"{step.here} = {step.there}")
    found, values = step.found(sql.all_of([link, condition]))
    return Sql(f"EXISTS ({found})", values)


_FLOW_TO_RUNS = Step("flow.id", "flow_run.flow_id")
_RUN_TO_FLOW = Step("flow_run.flow_id", "flow.id")
_RUN_TO_TASKS = Step("flow_run.id", "task_run.flow_run_id")
_TASK_TO_RUN = Step("task_run.flow_run_id", "flow_run.id")

_PATHS: dict[tuple[str, str], tuple[Step, ...]] = {
    ("flows", "flow_runs"): (_FLOW_TO_RUNS,),
    ("flows", "task_runs"): (_FLOW_TO_RUNS, _RUN_TO_TASKS),
    ("flow_runs", "flows"): (_RUN_TO_FLOW,),
    ("flow_runs", "task_runs"): (_RUN_TO_TASKS,),
    ("task_runs", "flow_runs"): (_TASK_TO_RUN,),
    ("task_runs", "flows"): (_TASK_TO_RUN, _RUN_TO_FLOW),
}

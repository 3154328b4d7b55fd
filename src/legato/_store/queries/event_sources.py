"""The three tables of events: what is told, and the transitions of flow runs and task runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import LiteralString, NamedTuple

from legato._model.event_filters import EventFilter
from legato._model.events import FLOW_RUN, TASK_RUN
from legato._store import sql
from legato._store.port import DEFAULT_WORKSPACE
from legato._store.queries import event_conditions as c
from legato._store.queries.event_conditions import Test, Wanted
from legato._store.sql import NEVER, Sql
from legato._store.state_events import COUNTS


class Source(NamedTuple):
    """A table of events; `kind` stands before the name and the resource in its rows."""

    rows: LiteralString
    alias: LiteralString
    at: LiteralString
    position: LiteralString
    event: LiteralString
    resource: LiteralString
    kind: str
    conditions: Callable[[EventFilter], list[Sql]]


class _Link(NamedTuple):
    """How a related resource of a kind is found: the condition on the rows of its table."""

    kind: str
    role: str
    test: Test
    linked: Callable[[Sql, bool], Sql]


def _in_flow_run(condition: Sql, few: bool) -> Sql:
    """States of flow runs that meet a condition; few: these are found first."""
    if few:
        return _listed("state.flow_run_id", "flow_run.id", "flow_run", condition)
    return _having("flow_run", Sql("flow_run.id = state.flow_run_id"), condition)


def _with_flow_tag(condition: Sql, few: bool) -> Sql:
    if few:
        return _listed("state.flow_run_id", "flow_run_tag.run_id", "flow_run_tag", condition)
    return _having("flow_run_tag", Sql("flow_run_tag.run_id = state.flow_run_id"), condition)


def _in_task_run(condition: Sql, few: bool) -> Sql:
    if few:
        return _listed("state.task_run_id", "task_run.id", "task_run", condition)
    return _having("task_run", Sql("task_run.id = state.task_run_id"), condition)


def _in_flow_run_of_task(condition: Sql, few: bool) -> Sql:
    joined: LiteralString = "task_run JOIN flow_run ON flow_run.id = task_run.flow_run_id"
    return _having(joined, Sql("task_run.id = state.task_run_id"), condition)


def _with_any_tag(condition: Sql, few: bool) -> Sql:
    """States of task runs that have a tag, or whose flow run has."""
    joined: LiteralString = (
        "task_run JOIN flow_run_tag ON flow_run_tag.run_id = task_run.flow_run_id"
    )
    its_own = Sql(condition.text.replace("flow_run_tag", "task_run_tag"), condition.values)
    return sql.any_of(
        [
            _having("task_run_tag", Sql("task_run_tag.run_id = state.task_run_id"), its_own),
            _having(joined, Sql("task_run.id = state.task_run_id"), condition),
        ]
    )


def _listed(here: LiteralString, there: LiteralString, table: LiteralString, which: Sql) -> Sql:
    scope = Sql(f"{table}.ws = ?", (DEFAULT_WORKSPACE,))
    text, values = sql.all_of([scope, which])
    return Sql(f"{here} IN (SELECT {there} FROM {table} WHERE {text})", values)


def _having(tables: LiteralString, link: Sql, which: Sql) -> Sql:
    text, values = sql.all_of([link, which])
    return Sql(f"EXISTS (SELECT 1 FROM {tables} WHERE {text})", values)


_COLUMNS = (
    ("prefect.flow.", "flow", c.is_id("flow_run.flow_id")),
    ("prefect.deployment.", "deployment", c.is_id("flow_run.deployment_id")),
    ("prefect.work-queue.", "work-queue", c.is_id("flow_run.work_queue_id")),
    ("prefect.work-pool.", "work-pool", c.is_id("flow_run.work_pool_id")),
)
_TAG = ("prefect.tag.", "tag", c.is_text("flow_run_tag.tag"))
_PARENT = (TASK_RUN, "task-run", c.is_id("flow_run.parent_task_run_id"))
_RUN = (FLOW_RUN, "flow-run", c.is_id("task_run.flow_run_id"))
_OF_FLOW_RUNS = (
    *(_Link(*column, _in_flow_run) for column in (*_COLUMNS, _PARENT)),
    _Link(*_TAG, _with_flow_tag),
)
_OF_TASK_RUNS = (
    _Link(*_RUN, _in_task_run),
    *(_Link(*column, _in_flow_run_of_task) for column in _COLUMNS),
    _Link(*_TAG, _with_any_tag),
)


def _flow_runs(given: EventFilter) -> list[Sql]:
    return _states(given, FLOW_RUN, c.is_id("state.flow_run_id"), _OF_FLOW_RUNS)


def _task_runs(given: EventFilter) -> list[Sql]:
    return _states(given, TASK_RUN, c.is_id("state.task_run_id"), _OF_TASK_RUNS)


def _states(given: EventFilter, kind: str, own: Test, links: Iterable[_Link]) -> list[Sql]:
    """Conditions on the transitions of a noun."""
    resource, related, either = c.all_wanted(given)
    found = [Sql(COUNTS), *c.named("state.name", given.event, kind)]
    if given.id is not None and given.id.id:
        found.append(sql.is_in("state.state_id", given.id.id))
    if resource is not None:
        found.append(sql.any_of(_own(resource, kind, own)))
    found += (sql.any_of(_related(one, links)) for one in related)
    found += (sql.any_of([*_own(one, kind, own), *_related(one, links)]) for one in either)
    return found


def _own(wanted: Wanted, kind: str, test: Test) -> list[Sql]:
    mine = wanted.of_kind(kind, "")
    return [] if mine is None else [_bracketed(test(mine))]


def _related(wanted: Wanted, links: Iterable[_Link]) -> list[Sql]:
    found: list[Sql] = []
    for link in links:
        mine = wanted.of_kind(link.kind, link.role)
        if mine is not None:
            found.append(link.linked(link.test(mine), mine.ids is not None))
    return found


def _bracketed(condition: Sql) -> Sql:
    return condition if condition is NEVER else Sql(f"({condition.text})", condition.values)


SOURCES = (
    Source(
        "event", "event", "event.occurred_at", "event.position", "event.event",
        "event.resource_id", "", c.told,
    ),
    Source(
        "flow_run_state AS state", "state", "state.at", "state.position", "state.name",
        "state.flow_run_id", FLOW_RUN, _flow_runs,
    ),
    Source(
        "task_run_state AS state", "state", "state.at", "state.position", "state.name",
        "state.task_run_id", TASK_RUN, _task_runs,
    ),
)  # fmt: skip

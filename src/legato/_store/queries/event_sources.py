"""The three tables of events: what is told, and the transitions of flow runs and task runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import LiteralString, NamedTuple

from legato._model.event_filters import EventFilter
from legato._model.events import FLOW_RUN, TASK_RUN
from legato._store import sql
from legato._store.port import DEFAULT_WORKSPACE
from legato._store.queries import event_conditions as c
from legato._store.queries import event_labels
from legato._store.queries.event_conditions import Few, Test, Wanted
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
    conditions: Callable[[EventFilter, Few], list[Sql]]


class _Link(NamedTuple):
    """Where ids of runs stand beside related resources of a kind; a test is made on those."""

    kind: str
    role: str
    test: Test
    table: LiteralString
    more: LiteralString
    id: LiteralString

    def ids(self, wanted: Wanted) -> Sql:
        """The ids of the runs whose resource is wanted."""
        here = Sql(f"{self.table}.ws = ?", (DEFAULT_WORKSPACE,))
        text, values = sql.all_of([here, self.test(wanted)])
        return Sql(f"SELECT {self.id} FROM {self.table} {self.more} WHERE {text}", values)

    def having(self, column: LiteralString, wanted: Wanted) -> Sql:
        """The transitions whose run has a resource that is wanted, looked up for each."""
        text, values = sql.all_of([Sql(f"{self.id} = {column}"), self.test(wanted)])
        return Sql(f"EXISTS (SELECT 1 FROM {self.table} {self.more} WHERE {text})", values)


class _Noun(NamedTuple):
    """Runs of a kind: their id among the transitions, and what they are related to."""

    kind: str
    column: LiteralString
    own: Test
    links: tuple[_Link, ...]


_COLUMNS = (
    ("prefect.flow.", "flow", c.is_flow("flow_run.flow_id")),
    ("prefect.deployment.", "deployment", c.is_id("flow_run.deployment_id")),
    ("prefect.work-queue.", "work-queue", c.is_id("flow_run.work_queue_id")),
    ("prefect.work-pool.", "work-pool", c.is_id("flow_run.work_pool_id")),
)
_PARENT = (TASK_RUN, "task-run", c.is_id("flow_run.parent_task_run_id"))
_RUN = (FLOW_RUN, "flow-run", c.is_id("task_run.flow_run_id"))
_TAG = ("prefect.tag.", "tag", c.is_text("flow_run_tag.tag"))
_TASK_TAG = ("prefect.tag.", "tag", c.is_text("task_run_tag.tag"))
_TASKS: LiteralString = "JOIN task_run ON task_run.flow_run_id = flow_run.id"
_TAGGED_TASKS: LiteralString = "JOIN task_run ON task_run.flow_run_id = flow_run_tag.run_id"

_FLOW_RUNS = _Noun(
    FLOW_RUN,
    "state.flow_run_id",
    c.is_id("state.flow_run_id"),
    (
        *(_Link(*column, "flow_run", "", "flow_run.id") for column in (*_COLUMNS, _PARENT)),
        _Link(*_TAG, "flow_run_tag", "", "flow_run_tag.run_id"),
    ),
)
_TASK_RUNS = _Noun(
    TASK_RUN,
    "state.task_run_id",
    c.is_id("state.task_run_id"),
    (
        _Link(*_RUN, "task_run", "", "task_run.id"),
        *(_Link(*column, "flow_run", _TASKS, "task_run.id") for column in _COLUMNS),
        _Link(*_TAG, "flow_run_tag", _TAGGED_TASKS, "task_run.id"),
        _Link(*_TASK_TAG, "task_run_tag", "", "task_run_tag.run_id"),
    ),
)


def _told(given: EventFilter, few: Few) -> list[Sql]:
    return [*c.told(given, few), *event_labels.told(given, few)]


def _flow_runs(given: EventFilter, few: Few) -> list[Sql]:
    return _states(given, _FLOW_RUNS, few)


def _task_runs(given: EventFilter, few: Few) -> list[Sql]:
    found = _states(given, _TASK_RUNS, few)
    if given.id is not None and given.id.id:
        found += c.about_when("state.at", given.id.id)  # no index is on the ids of their states
    return found


def _states(given: EventFilter, noun: _Noun, few: Few) -> list[Sql]:
    """Conditions on the transitions of a noun."""
    resource, related, either = c.all_wanted(given)
    found = [Sql(COUNTS), *c.named("state.name", given.event, noun.kind)]
    found += c.uncommon("state", given.event, noun.kind)
    found += event_labels.of_states(given, noun.kind)
    if given.id is not None and given.id.id:
        found.append(sql.is_in("state.state_id", given.id.id))
    if resource is not None:
        found.append(sql.any_of(_own(resource, noun)))
    found += (_one_of([], one, noun, few) for one in related)
    found += (_one_of(_own(one, noun), one, noun, few) for one in either)
    return found


def _own(wanted: Wanted, noun: _Noun) -> list[Sql]:
    """The transitions of the runs that are wanted themselves."""
    mine = wanted.of_kind(noun.kind, "")
    if mine is None:
        return []
    test = noun.own(mine)
    return [test if test is NEVER else Sql(f"({test.text})", test.values)]


def _one_of(own: list[Sql], wanted: Wanted, noun: _Noun, few: Few) -> Sql:
    """The transitions of runs that are wanted, or that are related to what is wanted.

    Where these are few, their ids are found first and the transitions then by an index.
    """
    ids: list[Sql] = []
    for link in noun.links:
        mine = wanted.of_kind(link.kind, link.role)
        if mine is None:
            continue
        if (mine.narrow or mine.names is not None) and few(link.ids(mine)):
            ids.append(link.ids(mine))
        else:
            own.append(link.having(noun.column, mine))
    if ids:
        text, values = sql.joined(" UNION ALL ", ids)
        own.append(Sql(f"{noun.column} IN ({text})", values))
    return sql.any_of(own)


SOURCES = (
    Source(
        "event", "event", "event.occurred_at", "event.position", "event.event",
        "event.resource_id", "", _told,
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

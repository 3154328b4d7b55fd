"""Events of transitions, made of state row and run row when somebody reads them.

The flow run, the state before and the number of RUNNING states come with the same query: a run
has few states, and an index by run and version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, LiteralString

import msgspec

from legato._model.events import Change, Event, FlowRunFacts, TaskRunFacts, of_flow_run, of_task_run
from legato._model.states import State
from legato._model.wire import jsonable
from legato._store import sql
from legato._store.decode import Row, entered, maybe_uid, uid
from legato._store.port import Transaction
from legato._store.sql import Sql
from legato._store.standing import when

CHUNK = 250
COUNTS: LiteralString = "(state.version IS NOT NULL OR state.epoch = 0)"
"""What a closed attempt reported late is no event; what came late from Prefect's clients is one."""
_STEP: LiteralString = (
    "state.state_id, state.type, state.name, state.message, state.details, state.at, "
    "state.result_id, prior.state_id, prior.type, prior.name, prior.message, prior.details, "
    "prior.at, prior.result_id"
)
_RUN: LiteralString = (
    "flow_run.id, flow_run.name, flow_run.flow_id, flow.name, flow_run.deployment_id, "
    "flow_run.work_queue_id, flow_run.work_queue_name, flow_run.work_pool_id, "
    "flow_run.work_pool_name, "
    "(SELECT work_pool.type FROM work_pool WHERE work_pool.id = flow_run.work_pool_id), "
    "flow_run.parent_task_run_id, parent.name, flow_run.tags"
)
_TASK: LiteralString = (
    "state.version, task_run.version, task_run.name, task_run.task_key, task_run.dynamic_key, "
    "task_run.policy, task_run.tags, task_run.labels, task_run.task_inputs, "
    "task_run.flow_run_run_count, task_run.expected_at, task_run.start_at, task_run.end_at, "
    "task_run.total_run_us"
)
_PARENT: LiteralString = "LEFT JOIN task_run AS parent ON parent.id = flow_run.parent_task_run_id"


def _query(run: LiteralString, more: LiteralString, joins: LiteralString) -> LiteralString:
    """Return the query for the transitions of one noun; `run` is the column with the run's id."""
    states = run.removesuffix("_id") + "_state"
    return (
        f"SELECT state.position, state.{run}, {_STEP}, (SELECT count(*) FROM {states} AS ran "
        f"WHERE ran.{run} = state.{run} AND ran.type = 'RUNNING' AND (ran.version <= state.version "
        "OR (state.version IS NULL AND ran.at <= state.at))), "
        f"{_RUN}{more} FROM {states} AS state {joins} "
        f"LEFT JOIN {states} AS prior ON prior.{run} = state.{run} "
        f"AND prior.version = state.version - 1 WHERE {COUNTS} AND"
    )


_OF_FLOW_RUNS = _query(
    "flow_run_id",
    "",
    "JOIN flow_run ON flow_run.id = state.flow_run_id "
    f"JOIN flow ON flow.id = flow_run.flow_id {_PARENT}",
)
_OF_TASK_RUNS = _query(
    "task_run_id",
    f", {_TASK}",
    "JOIN task_run ON task_run.id = state.task_run_id "
    "LEFT JOIN flow_run ON flow_run.id = task_run.flow_run_id "
    f"LEFT JOIN flow ON flow.id = flow_run.flow_id {_PARENT}",
)


def at(
    tx: Transaction, flow_runs: Sequence[int], task_runs: Sequence[int]
) -> Iterator[tuple[int, Event]]:
    """Return the events of the transitions at these positions.

    What a closed attempt reported late is no event, nor what belongs to a run that is gone.
    """
    for row in _rows(tx, _OF_FLOW_RUNS, flow_runs):
        yield row[0], of_flow_run(_change(row), _flow_run(row[17:30]))
    for row in _rows(tx, _OF_TASK_RUNS, task_runs):
        run = None if row[17] is None else _flow_run(row[17:30])
        yield row[0], of_task_run(_change(row), _task_run(row[30:]), run)


def _rows(tx: Transaction, query: LiteralString, places: Sequence[int]) -> Iterator[Row]:
    for start in range(0, len(places), CHUNK):
        those = sql.is_in("state.position", places[start : start + CHUNK])
        yield from tx.select(Sql(query).then(those))


def _change(row: Row) -> Change:
    before = None if row[9] is None else _state(row[9:16])
    return Change(uid(row[1]), _state(row[2:9]), before, row[16])


def _state(row: Row) -> State:
    state_id, type_, name, message, details, at, result_id = row
    return entered((None, None, state_id, type_, name, message, details, at, result_id), None, None)


def _flow_run(row: Row) -> FlowRunFacts:
    id_, name, flow_id, flow, deployment, queue, queue_name, pool, pool_name, *rest = row
    pool_type, parent, parent_name, tags = rest
    return FlowRunFacts(
        id=uid(id_),
        name=name,
        flow_id=uid(flow_id),
        flow_name=flow,
        deployment_id=maybe_uid(deployment),
        work_queue_id=maybe_uid(queue),
        work_queue_name=queue_name,
        work_pool_id=maybe_uid(pool),
        work_pool_name=pool_name,
        work_pool_type=pool_type,
        parent_task_run_id=maybe_uid(parent),
        parent_name=parent_name,
        tags=_json(tags, []),
    )


def _task_run(row: Row) -> TaskRunFacts:
    step, version, name, task_key, dynamic_key, policy, tags, labels, inputs, *standing = row
    run_run_count, expected, start, end, total = standing
    labelled = _json(tags, [])
    run: dict[str, Any] = {
        "name": name,
        "task_key": task_key,
        "dynamic_key": dynamic_key,
        "empirical_policy": _json(policy, {}),
        "tags": labelled,
        "labels": _json(labels, {}),
        "task_inputs": _json(inputs, {}),
        "flow_run_run_count": run_run_count,
    }
    if step == version:  # the row says of earlier states only what does not change
        run |= {
            "expected_start_time": when(expected),
            "start_time": when(start),
            "end_time": when(end),
            "total_run_time": timedelta(microseconds=total),
        }
    return TaskRunFacts(name, labelled, jsonable(run))


def _json(text: str | None, otherwise: Any) -> Any:
    return otherwise if text is None else msgspec.json.decode(text)

"""Rows to values of the model; a row has the columns of its list in `columns.py`, in that order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from legato._model.flow_runs import FlowRun, FlowRunPolicy
from legato._model.flows import Flow
from legato._model.logs import Log
from legato._model.records import Writer
from legato._model.results import Result, ResultReference
from legato._model.states import State, StateDetails, StateType
from legato._model.task_runs import (
    PARENTS,
    ConstantInput,
    ParameterInput,
    RunInput,
    TaskRun,
    TaskRunPolicy,
)
from legato._model.uuids import uuid_of
from legato._store.dialect import EPOCH
from legato._store.standing import when
from legato._store.states import Described

T = TypeVar("T")
Row = Sequence[Any]
NO_FLOW_RUN = UUID(int=0)
"""Stands in `log.flow_run_id` for a line that was logged outside of a flow run."""

_details = msgspec.json.Decoder(StateDetails)
_described = msgspec.json.Decoder(Described)
_any_dict = msgspec.json.Decoder(dict[str, Any])
_strings = msgspec.json.Decoder(list[str])
_task_policy = msgspec.json.Decoder(TaskRunPolicy)
_inputs = msgspec.json.Decoder(dict[str, list[RunInput]])
_policy = msgspec.json.Decoder(FlowRunPolicy)


def uid(value: Any) -> UUID:
    """Return an id as the driver gave it, or binds it."""
    if type(value) is bytes and len(value) == 16:
        return uuid_of(int.from_bytes(value))
    if isinstance(value, UUID):
        return value
    return UUID(value) if isinstance(value, str) else UUID(bytes=bytes(value))


def maybe_uid(value: Any) -> UUID | None:
    return None if value is None else uid(value)


def _at(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _json(decoder: msgspec.json.Decoder[T], value: str | None) -> T | None:
    return None if value is None else decoder.decode(value)


def _state(row: Row, flow_run_id: UUID | None, task_run_id: UUID | None) -> State | None:
    """The current state, from the standing columns."""
    return None if row[3] is None else entered(row, flow_run_id, task_run_id)


def entered(row: Row, flow_run_id: UUID | None, task_run_id: UUID | None) -> State:
    """A state from the first nine standing columns."""
    details = _json(_details, row[6]) or StateDetails()
    details.flow_run_id = details.flow_run_id or flow_run_id
    details.task_run_id = details.task_run_id or task_run_id
    return State(
        id=uid(row[2]),
        type=StateType(row[3]),
        name=row[4],
        timestamp=_at(row[7]),
        message=row[5],
        state_details=details,
        data=_said(row[6]) if row[8] is None else ResultReference(uid(row[8])),
    )


def _said(details: str | None) -> Any:
    """What a client of the API said of the result of a run."""
    said = details is not None and '"data":' in details
    return _described.decode(details).data if said and details is not None else None


def flow(row: Row) -> Flow:
    uid_, created, updated, name, tags, labels = row
    return Flow(
        id=uid(uid_),
        created=_at(created),
        updated=_at(updated),
        name=name,
        tags=_json(_strings, tags) or [],
        labels=_json(_any_dict, labels) or {},
    )


def _standing(row: Row) -> dict[str, Any]:
    """Counts and times from the standing columns."""
    run_count, expected, scheduled, start, end, total = row[9:15]
    return {
        "run_count": run_count,
        "expected_start_time": when(expected),
        "next_scheduled_start_time": when(scheduled),
        "start_time": when(start),
        "end_time": when(end),
        "total_run_time": timedelta(microseconds=total),
        "state_id": maybe_uid(row[2]),
        "state_type": StateType(row[3]) if row[3] else None,
        "state_name": row[4],
    }


def _resumption(row: Row) -> dict[str, Any]:
    entrypoint, durable, rerun_of, parameters_id = row
    return {
        "entrypoint": entrypoint,
        "durable": bool(durable),
        "rerun_of": maybe_uid(rerun_of),
        "parameters_id": maybe_uid(parameters_id),
    }


def flow_run(row: Row) -> FlowRun:
    id_, created, updated, name, flow_id = row[:5]
    standing, rest = row[5:20], row[20:]
    (
        deployment_id, deployment_version, queue_id, queue, pool_id, pool, version, parameters,
        key, context, policy, tags, labels, parent, root, auto, infra_id, infra_pid, variables,
        created_by, *resumption,
    ) = rest  # fmt: skip
    run_id = uid(id_)
    return FlowRun(
        id=run_id,
        created=_at(created),
        updated=_at(updated),
        name=name,
        flow_id=uid(flow_id),
        deployment_id=maybe_uid(deployment_id),
        deployment_version=deployment_version,
        work_queue_id=maybe_uid(queue_id),
        work_queue_name=queue,
        work_pool_id=maybe_uid(pool_id),
        work_pool_name=pool,
        flow_version=version,
        parameters=_json(_any_dict, parameters) or {},
        idempotency_key=key,
        context=_json(_any_dict, context) or {},
        empirical_policy=_json(_policy, policy) or FlowRunPolicy(),
        tags=_json(_strings, tags) or [],
        labels=_json(_any_dict, labels) or {},
        parent_task_run_id=maybe_uid(parent),
        root_flow_run_id=maybe_uid(root),
        auto_scheduled=bool(auto),
        infrastructure_document_id=maybe_uid(infra_id),
        infrastructure_pid=infra_pid,
        job_variables=_json(_any_dict, variables),
        created_by=_json(_any_dict, created_by),
        **_resumption(resumption),
        state=_state(standing, run_id, None),
        **_standing(standing),
    )


def input_ids(value: str | None) -> list[UUID]:
    """The ids of the runs that a task run's arguments came from."""
    return origins(value)[0]


def origins(value: str | None) -> tuple[list[UUID], list[UUID]]:
    """The ids of the runs that arguments came from, and of those that the run was called in."""
    found = _json(_inputs, value) or {}
    parents = found.pop(PARENTS, [])
    return _ids_of(found), _ids_of({PARENTS: parents})


def _ids_of(inputs: dict[str, list[RunInput]]) -> list[UUID]:
    return [
        one.id
        for several in inputs.values()
        for one in several
        if not isinstance(one, ParameterInput | ConstantInput)
    ]


def labels(value: str | None) -> dict[str, Any]:
    """The labels of a run."""
    return _json(_any_dict, value) or {}


def task_run(row: Row) -> TaskRun:
    id_, created, updated, name, flow_run_id, task_key, dynamic_key = row[:7]
    standing, rest = row[7:22], row[22:]
    version, inputs, policy, tags, labels, cache_key, cache_expires, flow_count, child = rest
    run_id, flow_id = uid(id_), maybe_uid(flow_run_id)
    state = _state(standing, flow_id, run_id)
    if child is not None and state is not None and state.state_details is not None:
        state.state_details.child_flow_run_id = uid(child)
    return TaskRun(
        id=run_id,
        created=_at(created),
        updated=_at(updated),
        name=name,
        flow_run_id=flow_id,
        task_key=task_key,
        dynamic_key=dynamic_key,
        cache_key=cache_key,
        cache_expiration=when(cache_expires),
        task_version=version,
        empirical_policy=_json(_task_policy, policy) or TaskRunPolicy(),
        tags=_json(_strings, tags) or [],
        labels=_json(_any_dict, labels) or {},
        task_inputs=_json(_inputs, inputs) or {},
        flow_run_run_count=flow_count,
        state=state,
        **_standing(standing),
    )


def flow_run_state(row: Row) -> State:
    """A state from a row of `FLOW_RUN_STATE`."""
    return _step(row[2:], uid(row[1]), None)


def task_run_state(row: Row) -> State:
    """A state from a row of `TASK_RUN_STATE` with the flow run's id behind it."""
    return _step(row[2:-1], maybe_uid(row[-1]), uid(row[1]))


def _step(row: Row, flow_run_id: UUID | None, task_run_id: UUID | None) -> State:
    _, _, _, state_id, _, type_, name, message, details, at, result_id = row
    standing = (None, None, state_id, type_, name, message, details, at, result_id)
    return entered(standing, flow_run_id, task_run_id)


def log(row: Row) -> Log:
    flow_run_id, writer_id, seq, task_run_id, level, name, message, at = row
    owner = uid(flow_run_id)
    return Log(
        id=UUID(int=uid(writer_id).int ^ seq),
        created=_at(at),
        updated=_at(at),
        name=name,
        level=level,
        message=message,
        timestamp=_at(at),
        flow_run_id=None if owner == NO_FLOW_RUN else owner,
        task_run_id=maybe_uid(task_run_id),
    )


def result(row: Row) -> Result:
    id_, flow_run_id, serializer, size, sha256, body, location, created, expires = row
    return Result(
        id=uid(id_),
        flow_run_id=maybe_uid(flow_run_id),
        serializer=serializer,
        size=size,
        sha256=bytes(sha256),
        body=None if body is None else bytes(body),
        location=location,
        created_at=_at(created),
        expires_at=when(expires),
    )


def row_result(row: Row) -> Result:
    """The plain result that lies in the row of its task run."""
    id_, flow_run_id, body, at = row
    return Result(
        id=uid(id_),
        flow_run_id=maybe_uid(flow_run_id),
        serializer="json",
        size=len(body),
        sha256=sha256(body).digest(),
        body=bytes(body),
        created_at=_at(at),
    )


def writer(row: Row) -> Writer:
    id_, host, pid, pid_start, namespace, opened, lease_us = row
    return Writer(
        id=uid(id_),
        host=host,
        pid=pid,
        pid_start=pid_start,
        pid_namespace=namespace,
        opened_at=_at(opened),
        lease_seconds=None if lease_us is None else lease_us / 1_000_000,
    )

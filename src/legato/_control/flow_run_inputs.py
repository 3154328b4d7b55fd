"""Operations on what is sent to flow runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.operations.flow_run_inputs import (
    CreateFlowRunInput,
    DeleteFlowRunInput,
    FilterFlowRunInputs,
    ReadFlowRunInput,
    SentInput,
)
from legato._model.operations.lists import bounds
from legato._store import finding, flow_run_inputs
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateFlowRunInput) -> None:
    """Keep an input; raise ObjectNotFound, or Conflict if there is one of that key."""
    if not request.key:
        raise InvalidRequest("key: A key is not empty.")
    if finding.find_flow_run(tx, request.flow_run_id) is None:
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")
    keep(tx, now, request)


def keep(tx: Transaction, now: datetime, given: CreateFlowRunInput) -> None:
    """Keep an input of a flow run that is there; raise Conflict."""
    run_id, key = given.flow_run_id, given.key
    if not flow_run_inputs.create(tx, now, run_id, key, given.value, given.sender):
        raise Conflict(f"A flow run input with this key already exists: {key!r}.")


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterFlowRunInputs
) -> list[SentInput]:
    """List inputs whose keys begin alike, oldest first."""
    count, _ = bounds(request.limit, 0)
    left_out = set(request.exclude_keys)
    found = [
        given
        for given in flow_run_inputs.list_of(tx, request.flow_run_id)
        if given.key.startswith(request.prefix) and given.key not in left_out
    ]
    return found[:count]


def read(tx: Transaction, now: datetime, request: ReadFlowRunInput) -> str:
    """Return the value of an input; raise ObjectNotFound."""
    found = flow_run_inputs.find(tx, request.flow_run_id, request.key)
    if found is None:
        raise _missing(request.flow_run_id, request.key)
    return found.value


def delete(tx: Transaction, now: datetime, request: DeleteFlowRunInput) -> None:
    """Delete an input; raise ObjectNotFound."""
    if not flow_run_inputs.delete(tx, request.flow_run_id, request.key):
        raise _missing(request.flow_run_id, request.key)


def _missing(flow_run_id: UUID, key: str) -> ObjectNotFound:
    return ObjectNotFound(f"The flow run {flow_run_id} has no input {key!r}.")

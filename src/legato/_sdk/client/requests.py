"""Operations by method and path, and answers as over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from legato._model.errors import Error, InvalidRequest, ObjectNotFound
from legato._model.operations.flow_runs import StateCreate
from legato._model.operations.requests import made, matches
from legato._model.operations.spec import Operation
from legato._model.states import State as StateRecord
from legato._model.wire import encoded

Id = UUID | str


def uid(value: Id) -> UUID:
    """Return an id that may be given as text."""
    return value if isinstance(value, UUID) else UUID(str(value))


def proposed(state: StateRecord) -> StateCreate:
    """Return a state as what is proposed."""
    return StateCreate(
        type=state.type,
        name=state.name,
        message=state.message,
        state_details=state.state_details,
    )


class Answer(Struct):
    """What comes back of a request by path, as over HTTP."""

    status_code: int
    content: bytes

    def json(self) -> Any:
        """Return the body as JSON values."""
        return msgspec.json.decode(self.content) if self.content else None


def operation_of(method: str, path: str, body: Any) -> Operation:
    """Return the operation that a method, a path and a body stand for.

    Raises ObjectNotFound if there is none, InvalidRequest if path, query or body do not fit it.
    """
    path, _, query = path.partition("?")
    for match in matches(path):
        if match.kind.spec.method == method.upper():
            return made(match, {} if body is None else body, query)
    raise ObjectNotFound(f"There is no operation {method.upper()} {path}.")


def answered(operation: Operation, found: Any) -> Answer:
    """Return what an operation gave as an answer of HTTP."""
    body = b"" if found is None else encoded(found)
    return Answer(operation.spec.status, body)


def failed(error: Error) -> Answer:
    """Return an error as an answer of HTTP."""
    body: dict[str, Any] = {"detail": str(error), "code": error.code}
    if isinstance(error, InvalidRequest) and error.problems:
        body["problems"] = error.problems
    return Answer(error.status, encoded(body))


def present(given: Mapping[str, Any], of: type[Struct]) -> dict[str, Any]:
    """Return the fields of a request among arguments that are not None."""
    names = of.__struct_fields__
    return {name: given[name] for name in names if given.get(name) is not None}


_PICKS = {
    "flow_filter": "flows",
    "flow_run_filter": "flow_runs",
    "task_run_filter": "task_runs",
    "deployment_filter": "deployments",
    "work_pool_filter": "work_pools",
    "work_queue_filter": "work_pool_queues",
}


def picks(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters among arguments, under the names that requests have for them."""
    return {name: given[argument] for argument, name in _PICKS.items() if argument in given}


def named(name: str) -> tuple[str, str]:
    """Return the names of flow and deployment in `FLOW/DEPLOYMENT`; raise InvalidRequest."""
    flow, slash, deployment = name.partition("/")
    if not (flow and slash and deployment) or "/" in deployment:
        raise InvalidRequest(f"name: A deployment is named FLOW/DEPLOYMENT, not {name!r:.100}.")
    return flow, deployment

"""Errors as answers, in the shapes that Prefect's clients know."""

from __future__ import annotations

from logging import getLogger
from typing import Any, cast

from legato._model.errors import Error, InvalidRequest, ObjectNotFound, Problem
from legato._model.faults import problem
from legato._model.operations.spec import Operation

_log = getLogger("legato.server")
MESSAGE_MAX = 2000
Answer = tuple[int, dict[str, Any]]
NOT_FOUND: Answer = (404, {"detail": "Not Found"})
METHOD_NOT_ALLOWED: Answer = (405, {"detail": "Method Not Allowed"})

# What Prefect says of an object that is not there, by the operation or its noun.
_MISSING = {
    "flows": "Flow not found",
    "flow_runs": "Flow run not found",
    "flow_run_inputs": "Flow run input not found",
    "flow_run_inputs.create": "Flow run not found",
    "task_runs": "Task not found",
    "flow_run_states": "Flow run state not found",
    "task_run_states": "Task run state not found",
    "variables": "Variable not found.",
    "artifacts": "Artifact not found.",
    "artifact_collections": "Artifact not found.",
    "deployments": "Deployment not found",
    "saved_searches": "Saved search not found",
    "concurrency_limits": "Concurrency limit not found",
    "global_concurrency_limits": "Concurrency Limit not found",
}
_SAID_IN_FULL = frozenset({"flow_runs.set_state", "task_runs.set_state"})
# Kinds of problems by their names in Prefect's answers.
_KINDS = {"extra": "extra_forbidden", "value": "value_error"}


def answer(error: Error, kind: type[Operation] | None, body: Any, *, echo: bool = True) -> Answer:
    """Return status and body for an error of an operation; `echo`: the request is repeated."""
    if isinstance(error, InvalidRequest):
        return 422, _invalid(error, kind, body, echo=echo)
    if isinstance(error, ObjectNotFound) and kind is not None:
        return 404, _missing(error, kind)
    if error.status >= 500:
        return error.status, {"exception_message": _in_general(error), "code": error.code}
    return error.status, {"detail": str(error), "code": error.code}


def _in_general(error: Error) -> str:
    """Return what went wrong without names of hosts, files and statements; the log has those."""
    _log.warning("A request could not be carried out: %s", error)
    return (type(error).__doc__ or "").partition("\n")[0]


def _invalid(
    error: InvalidRequest, kind: type[Operation] | None, body: Any, *, echo: bool
) -> dict[str, Any]:
    problems = error.problems or _of_a_field(str(error), body)
    if not problems:
        return {"detail": str(error)[:MESSAGE_MAX], "code": error.code}
    whole = None if kind is None else kind.spec.body
    return {
        "exception_message": "Invalid request received.",
        "exception_detail": [_named(found, whole, echo=echo) for found in problems],
        "request_body": body if echo else None,
    }


def _of_a_field(message: str, body: Any) -> list[Problem]:
    """Return a fault that is told as `field: what is wrong`, if the request has the field."""
    name, _, said = message.partition(": ")
    if not (said and isinstance(body, dict) and name in body):
        return []
    given = cast("dict[str, Any]", body)[name]
    return [problem("value", [name], said[:MESSAGE_MAX], given)]


def _named(found: Problem, whole: str | None, *, echo: bool) -> dict[str, object]:
    """Return a fault with its place; `whole` is the field that is the whole body."""
    place = cast("list[str | int]", found["loc"])
    loc = ["body", *(place[1:] if whole is not None and place[:1] == [whole] else place)]
    said = {"type": _KINDS.get(str(found["type"]), found["type"]), "loc": loc}
    return {**found, **said} if echo else {**found, **said, "input": None}


def _missing(error: ObjectNotFound, kind: type[Operation]) -> dict[str, Any]:
    if kind.spec.id in _SAID_IN_FULL:
        return {"exception_message": str(error), "code": error.code}
    makes = kind.spec.method == "POST" and "{" not in kind.spec.path
    known = _MISSING.get(kind.spec.id) or _MISSING.get(kind.spec.id.partition(".")[0])
    # what a new object names is another one
    said = str(error) if makes or known is None else known
    return {"detail": said, "reason": str(error), "code": error.code}

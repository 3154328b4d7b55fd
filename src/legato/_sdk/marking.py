"""Marking a task run as succeeded, so that its flow can go on with a value that a person gives."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from legato._model.operations.task_runs import MarkTaskRunSucceeded
from legato._sdk import plain_results
from legato._sdk.services import backend

if TYPE_CHECKING:
    from legato._model.task_runs import TaskRun


def mark_succeeded(
    task_run_id: UUID | str, value: Any = None, *, reason: str | None = None
) -> None:
    """Have a task run that did not succeed stand as done, with `value` as what it returned.

    A `resume` or `rerun` of its flow run takes the value. It must be what JSON can hold in 64 KiB,
    else ValueError. The history says who did that, and the `reason`. Raises ObjectNotFound, and
    ObjectAlreadyExists while the flow run is running or if the task run has completed.

    >>> from legato import flow, task
    >>> from legato.flow_runs import rerun
    >>> @task
    ... def ask() -> int:
    ...     raise ConnectionError("nobody answers")
    >>> @flow
    ... def double() -> int:
    ...     return 2 * ask()
    >>> state = double(return_state=True)
    >>> failed = state.state_details.flow_run_id
    >>> from legato.flow_runs import plan_rerun
    >>> (planned,) = plan_rerun(failed)
    >>> mark_succeeded(planned.step.task_run_id, 21, reason="asked by telephone")
    >>> rerun(failed, flow=double)
    42
    """
    if plain_results.encoded(value) is None:
        raise ValueError(
            f"value is a {type(value).__name__}: give what JSON gives back as it is, in 64 KiB at"
            " most: None, bool, int, float, str, and lists and dicts of them."
        )
    message = f"Marked as succeeded by {_person()}"
    asked = MarkTaskRunSucceeded(
        task_run_id=UUID(str(task_run_id)),
        value=value,
        message=f"{message}: {reason}" if reason else message,
    )
    _: TaskRun = backend().send(asked)


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"

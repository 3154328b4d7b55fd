"""Operations on the histories of runs."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.operations.spec import Operation, Spec
from legato._model.states import State


class ReadFlowRunState(Operation):
    """Read one state of a flow run."""

    spec: ClassVar = Spec(
        id="flow_run_states.read",
        method="GET",
        path="/flow_run_states/{id}",
        access="read",
        answer=State,
    )
    id: UUID


class ReadFlowRunStates(Operation):
    """Read the history of a flow run, oldest first."""

    spec: ClassVar = Spec(
        id="flow_run_states.filter",
        method="GET",
        path="/flow_run_states/",
        access="read",
        answer=list[State],
    )
    flow_run_id: UUID


class ReadTaskRunState(Operation):
    """Read one state of a task run, whose id was made about when it was entered."""

    spec: ClassVar = Spec(
        id="task_run_states.read",
        method="GET",
        path="/task_run_states/{id}",
        access="read",
        answer=State,
    )
    id: UUID


class ReadTaskRunStates(Operation):
    """Read the history of a task run, oldest first."""

    spec: ClassVar = Spec(
        id="task_run_states.filter",
        method="GET",
        path="/task_run_states/",
        access="read",
        answer=list[State],
    )
    task_run_id: UUID

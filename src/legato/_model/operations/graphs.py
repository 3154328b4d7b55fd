"""Operations that show how the task runs and subflow runs of a flow run hang together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from legato._model.operations.spec import Operation, Spec
from legato._model.states import State, StateType
from legato._model.task_runs import RunInput


class Edge(Struct, kw_only=True, frozen=True):
    """The other end of a line in a graph."""

    id: UUID


class GraphArtifact(Struct, kw_only=True):
    """An artifact at its place in a graph; the data is told of progress only."""

    id: UUID
    created: datetime
    key: str | None
    type: str | None
    is_latest: bool
    data: Any = None


class GraphState(Struct, kw_only=True):
    """A state that the flow run was in."""

    id: UUID
    timestamp: datetime
    type: StateType
    name: str


class Node(Struct, kw_only=True):
    """A task run or a subflow run; `encapsulating` are the tasks that it was called in."""

    kind: Literal["flow-run", "task-run"]
    id: UUID
    label: str
    state_type: StateType
    start_time: datetime
    end_time: datetime | None
    parents: list[Edge]
    children: list[Edge]
    encapsulating: list[Edge]
    artifacts: list[GraphArtifact]


class Graph(Struct, kw_only=True):
    """The runs below a flow run with the lines between them, by the times of their starts."""

    start_time: datetime | None
    end_time: datetime | None
    root_node_ids: list[UUID]
    nodes: list[tuple[UUID, Node]]
    artifacts: list[GraphArtifact]
    states: list[GraphState]


class Dependency(Struct, kw_only=True):
    """A task run and what its arguments came from."""

    id: UUID
    name: str
    upstream_dependencies: list[RunInput]
    state: State | None
    expected_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    total_run_time: timedelta
    estimated_run_time: timedelta
    untrackable_result: bool


class ReadFlowRunGraph(Operation):
    """Read the task runs and subflow runs of a flow run as a graph."""

    spec: ClassVar = Spec(
        id="flow_runs.graph",
        method="GET",
        path="/flow_runs/{flow_run_id}/graph-v2",
        access="read",
        answer=Graph,
    )
    flow_run_id: UUID
    since: datetime | None = None
    """Leave out what had ended before."""


class ReadFlowRunDependencies(Operation):
    """List the first 200 task runs of a flow run with what their arguments came from."""

    spec: ClassVar = Spec(
        id="flow_runs.dependencies",
        method="GET",
        path="/flow_runs/{flow_run_id}/graph",
        access="read",
        answer=list[Dependency],
    )
    flow_run_id: UUID

"""How the task runs and subflow runs of a flow run hang together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from legato._control import flow_runs, task_runs
from legato._model.errors import NotAllowed
from legato._model.filters import FlowRunFilter, IdFilter
from legato._model.operations.flow_runs import ReadFlowRun
from legato._model.operations.graphs import (
    Dependency,
    Edge,
    Graph,
    GraphArtifact,
    GraphState,
    Node,
    ReadFlowRunDependencies,
    ReadFlowRunGraph,
)
from legato._model.operations.task_runs import FilterTaskRuns
from legato._model.states import StateDetails
from legato._model.task_runs import ConstantInput, TaskRun
from legato._store import finding
from legato._store.dialect import micros
from legato._store.port import Transaction
from legato._store.queries import graphs
from legato._store.queries.graphs import GraphRun
from legato._store.standing import at, when

MOST_NODES = MOST_ARTIFACTS = 10_000


def graph(tx: Transaction, now: datetime, request: ReadFlowRunGraph) -> Graph:
    """Return the graph of a flow run; raise ObjectNotFound, or NotAllowed for one too large."""
    run = flow_runs.read(tx, now, ReadFlowRun(flow_run_id=request.flow_run_id))
    found = graphs.runs(tx, run.id, MOST_NODES)
    if len(found) > MOST_NODES:
        raise NotAllowed(f"The flow run {run.id} has more than {MOST_NODES} runs below it.")
    pinned = graphs.artifacts(tx, run.id, MOST_ARTIFACTS)
    since = None if request.since is None else micros(request.since)
    nodes = [
        (node.id, node)
        for below, node in zip(found, _nodes(found, pinned), strict=True)
        if since is None or below.end is None or below.end >= since
    ]
    return Graph(
        start_time=run.start_time or run.expected_start_time,
        end_time=run.end_time,
        root_node_ids=[node.id for _, node in nodes if not node.parents],
        nodes=nodes,
        artifacts=pinned.get(None, []),
        states=[
            GraphState(id=state.id, timestamp=state.timestamp, type=state.type, name=state.name)
            for state in finding.list_flow_run_states(tx, run.id)
        ],
    )


def _nodes(found: list[GraphRun], pinned: dict[UUID | None, list[GraphArtifact]]) -> list[Node]:
    """Return the node of each run; a subflow run stands in the place of its task run."""
    known = {run.task_run_id: run.subflow_run_id or run.task_run_id for run in found}
    known |= {run.subflow_run_id: run.subflow_run_id for run in found if run.subflow_run_id}
    below: dict[UUID, list[UUID]] = {}
    for run in found:
        for origin in _at(known, run.upstream):
            below.setdefault(origin, []).append(known[run.task_run_id])
    return [
        Node(
            kind="task-run" if run.subflow_run_id is None else "flow-run",
            id=run.subflow_run_id or run.task_run_id,
            label=run.label,
            state_type=run.state_type,
            start_time=at(run.start),
            end_time=when(run.end),
            parents=_edges(_at(known, run.upstream)),
            children=_edges(below.get(known[run.task_run_id], ())),
            encapsulating=_edges(_at(known, run.within)),
            artifacts=pinned.get(run.task_run_id, []),
        )
        for run in found
    ]


def _at(known: dict[UUID, UUID], ids: Iterable[UUID]) -> list[UUID]:
    """Return the nodes that stand for runs, of those that are in the graph."""
    return list(dict.fromkeys(known[run_id] for run_id in ids if run_id in known))


def _edges(ids: Iterable[UUID]) -> list[Edge]:
    return [Edge(id=node_id) for node_id in ids]


def dependencies(
    tx: Transaction, now: datetime, request: ReadFlowRunDependencies
) -> list[Dependency]:
    """List task runs with what their arguments came from; raise ObjectNotFound."""
    run = flow_runs.read(tx, now, ReadFlowRun(flow_run_id=request.flow_run_id))
    those = FilterTaskRuns(flow_runs=FlowRunFilter(id=IdFilter(any_=[run.id])))
    return [_dependency(task_run) for task_run in task_runs.filter(tx, now, those)]


def _dependency(run: TaskRun) -> Dependency:
    details = run.state.state_details if run.state is not None else None
    inputs = [given for several in run.task_inputs.values() for given in several]
    return Dependency(
        id=run.id,
        name=run.name,
        upstream_dependencies=[given for given in inputs if not isinstance(given, ConstantInput)],
        state=run.state,
        expected_start_time=run.expected_start_time,
        start_time=run.start_time,
        end_time=run.end_time,
        total_run_time=run.total_run_time,
        estimated_run_time=run.estimated_run_time,
        untrackable_result=(details or StateDetails()).untrackable_result,
    )

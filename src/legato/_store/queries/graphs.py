"""The task runs and subflow runs of a flow run, with what their arguments came from."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import msgspec

from legato._model.operations.graphs import GraphArtifact
from legato._model.states import StateType
from legato._store import decode
from legato._store.port import Transaction
from legato._store.sql import Sql
from legato._store.standing import at


class GraphRun(NamedTuple):
    """A task run, or the subflow run that it stands for, and the runs that it hangs on."""

    task_run_id: UUID
    subflow_run_id: UUID | None
    label: str
    state_type: StateType
    start: int
    end: int | None
    upstream: list[UUID]
    within: list[UUID]


def runs(tx: Transaction, flow_run_id: UUID, most: int) -> list[GraphRun]:
    """Return the runs below a flow run, and one more than `most` if there are more."""
    query = Sql(
        "SELECT task_run.id, child.id, task_run.name, flow.name, child.name, "
        "coalesce(child.state_type, task_run.state_type), "
        "coalesce(child.start_at, child.expected_at, task_run.start_at, task_run.expected_at), "
        "coalesce(child.end_at, task_run.end_at), task_run.task_inputs FROM task_run "
        "LEFT JOIN flow_run AS child ON child.parent_task_run_id = task_run.id "
        "LEFT JOIN flow ON flow.id = child.flow_id WHERE task_run.flow_run_id = ? "
        "AND task_run.state_type IS NOT NULL ORDER BY 7, task_run.id LIMIT ?",
        (flow_run_id, most + 1),
    )
    return [_run(row) for row in tx.select(query)]


def _run(row: decode.Row) -> GraphRun:
    id_, child, name, flow_name, child_name, state_type, start, end, inputs = row
    upstream, within = decode.origins(inputs)
    return GraphRun(
        task_run_id=decode.uid(id_),
        subflow_run_id=decode.maybe_uid(child),
        label=name if child is None else f"{flow_name} / {child_name}",
        state_type=StateType(state_type),
        start=start,
        end=end,
        upstream=upstream,
        within=within,
    )


def artifacts(
    tx: Transaction, flow_run_id: UUID, most: int
) -> dict[UUID | None, list[GraphArtifact]]:
    """Return the artifacts of a flow run by task run, without results; None: of none."""
    query = Sql(
        "SELECT artifact.task_run_id, artifact.id, artifact.created_at, artifact.key, "
        "artifact.type, artifact_collection.id, CASE WHEN artifact.type = 'progress' "
        "THEN artifact.data END FROM artifact LEFT JOIN artifact_collection "
        "ON artifact_collection.ws = artifact.ws AND artifact_collection.key = artifact.key "
        "AND artifact_collection.latest_id = artifact.id WHERE artifact.flow_run_id = ? "
        "AND coalesce(artifact.type, '') <> 'result' "
        "ORDER BY artifact.created_at, artifact.id LIMIT ?",
        (flow_run_id, most),
    )
    found: dict[UUID | None, list[GraphArtifact]] = {}
    for owner, id_, created, key, type_, collection, data in tx.select(query):
        shown = GraphArtifact(
            id=decode.uid(id_),
            created=at(created),
            key=key,
            type=type_,
            is_latest=key is None or collection is not None,
            data=None if data is None else msgspec.json.decode(data),
        )
        found.setdefault(decode.maybe_uid(owner), []).append(shown)
    return found

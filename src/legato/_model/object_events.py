"""Events of objects that were made, changed or deleted, under Prefect's names.

Events of runs are made of their states when somebody reads them (`events.py`); of other objects
nothing is left of an earlier version, so their events are written with the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET

from legato._model.artifacts import Artifact, ArtifactCreate, ArtifactUpdate
from legato._model.deployments import Deployment
from legato._model.events import (
    MESSAGE_MAX,
    RESOURCE_ID,
    RESOURCE_NAME,
    ROLE,
    EventCreate,
    Resource,
)
from legato._model.flows import Flow
from legato._model.variables import Variable

Verb = Literal["created", "updated", "deleted"]
DATA_MAX = 10_000
"""An artifact's data stands in events if it is at most so many bytes of JSON."""


class Happened(NamedTuple):
    """What became of an object."""

    kind: str
    id: UUID
    verb: str
    name: str | None
    payload: Mapping[str, Any]
    related: list[Resource]
    labels: Mapping[str, str] = {}
    """What the object says of itself besides its name."""

    def event(self, event_id: UUID, occurred: datetime) -> EventCreate:
        """Return the event that tells of it."""
        named = {} if self.name is None else {RESOURCE_NAME: self.name}
        return EventCreate(
            id=event_id,
            occurred=occurred,
            event=f"prefect.{self.kind}.{self.verb}",
            resource={RESOURCE_ID: f"prefect.{self.kind}.{self.id}", **named, **self.labels},
            related=self.related,
            payload=dict(self.payload),
        )


def of_variable(verb: Verb, variable: Variable) -> Happened:
    """A variable was made, changed or deleted."""
    payload = {"name": variable.name, "value": variable.value, "tags": variable.tags}
    return Happened("variable", variable.id, verb, variable.name, payload, [])


def of_flow(verb: Verb, flow: Flow) -> Happened:
    """A flow was made, changed or deleted."""
    payload = {"name": flow.name, "tags": flow.tags, "labels": flow.labels}
    return Happened("flow", flow.id, verb, flow.name, payload, [])


def of_deployment(verb: Verb, deployment: Deployment, around: Sequence[Resource] = ()) -> Happened:
    """A deployment was made, changed or deleted; `around`: its queue and its pool."""
    payload = {
        "name": deployment.name,
        "paused": deployment.paused,
        "tags": deployment.tags,
        "version": deployment.version,
    }
    flow = {RESOURCE_ID: f"prefect.flow.{deployment.flow_id}", ROLE: "flow"}
    return Happened("deployment", deployment.id, verb, deployment.name, payload, [flow, *around])


def of_limit(verb: Verb, limit_id: UUID, name: str, payload: Mapping[str, Any]) -> Happened:
    """A concurrency limit was made, changed or deleted; `name` is its tag if it has one."""
    return Happened("concurrency-limit", limit_id, verb, name, payload, [])


def of_artifact(made: ArtifactCreate, artifact_id: UUID) -> Happened:
    """An artifact was made."""
    payload = {"key": made.key, "type": made.type, "description": _short(made.description)}
    return Happened("artifact", artifact_id, "created", made.key, payload, [])


def of_change(artifact_id: UUID, change: ArtifactUpdate) -> Happened:
    """An artifact was changed; the event has what was given."""
    payload: dict[str, Any] = {}
    if change.description is not UNSET:
        payload["description"] = _short(change.description)
    if change.data is not UNSET:
        payload["data"] = _small(change.data)
    if change.metadata_ is not UNSET:
        payload["metadata_"] = _small(change.metadata_)
    return Happened("artifact", artifact_id, "updated", None, payload, [])


def of_collection(
    verb: Verb, collection_id: UUID, key: str, latest: Artifact | ArtifactCreate
) -> Happened:
    """A key of artifacts has its first artifact, another one, or none any more."""
    payload = {
        "key": key,
        "type": latest.type,
        "data": _small(latest.data),
        "description": _short(latest.description),
    }
    around = (
        ("artifact", "latest", latest.id),
        ("flow-run", "flow-run", latest.flow_run_id),
        ("task-run", "task-run", latest.task_run_id),
    )
    related = [
        {RESOURCE_ID: f"prefect.{kind}.{id_}", ROLE: role}
        for kind, role, id_ in around
        if id_ is not None
    ]
    return Happened("artifact-collection", collection_id, verb, key, payload, related)


def _short(text: str | None) -> str | None:
    return None if text is None else text[:MESSAGE_MAX]


def _small(data: Any) -> Any:
    """Return data that is small enough for an event, else None."""
    try:
        return data if len(msgspec.json.encode(data)) <= DATA_MAX else None
    except UnicodeEncodeError:
        return None

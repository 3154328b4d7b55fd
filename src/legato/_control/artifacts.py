"""Operations on artifacts."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from msgspec.structs import replace

from legato._control import artifact_events
from legato._control.object_events import tell
from legato._model.artifacts import Artifact, fault_of_key
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.operations.artifacts import (
    CountArtifacts,
    CreateArtifact,
    DeleteArtifact,
    FilterArtifacts,
    ReadArtifact,
    UpdateArtifact,
)
from legato._store import artifacts
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateArtifact) -> Artifact:
    """Create an artifact; raise Conflict if there is one of that id."""
    return make(tx, now, request, told=False)


def make(tx: Transaction, now: datetime, request: CreateArtifact, *, told: bool) -> Artifact:
    """Create an artifact; `told`: who asks for it tells of it by an event of its own."""
    given = request.artifact
    fault = None if given.key is None else fault_of_key(given.key)
    if fault is not None:
        raise InvalidRequest(f"key: {fault}")
    made = replace(given, id=given.id or uuid4(), created=given.created or now)
    assert made.id is not None  # noqa: S101 - set just now
    if artifacts.find(tx, made.id) is not None:
        raise Conflict(f"The artifact {made.id} exists.")
    rows = artifacts.Artifacts(tx)
    rows.add(made)
    tell(tx, now, artifact_events.of_written(rows.flush(), told=told))
    return read(tx, now, ReadArtifact(artifact_id=made.id))


def read(tx: Transaction, now: datetime, request: ReadArtifact) -> Artifact:
    """Return an artifact; raise ObjectNotFound."""
    found = artifacts.find(tx, request.artifact_id)
    if found is None:
        raise ObjectNotFound(f"There is no artifact {request.artifact_id}.")
    return found


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterArtifacts
) -> list[Artifact]:
    """List artifacts."""
    from legato._store.queries import objects

    return objects.artifacts(tx, request)


def count(tx: Transaction, now: datetime, request: CountArtifacts) -> int:
    """Count artifacts."""
    from legato._store.queries import objects

    return objects.count_artifacts(tx, request)


def update(tx: Transaction, now: datetime, request: UpdateArtifact) -> None:
    """Change an artifact; raise ObjectNotFound."""
    change(tx, now, request, told=False)


def change(tx: Transaction, now: datetime, request: UpdateArtifact, *, told: bool) -> None:
    """Change an artifact; `told` is as for `make`."""
    rows = artifacts.Artifacts(tx)
    rows.change(request.artifact_id, now, request.artifact)
    written = rows.flush()
    if not written.changed:
        raise ObjectNotFound(f"There is no artifact {request.artifact_id}.")
    tell(tx, now, artifact_events.of_written(written, told=told))


def delete(tx: Transaction, now: datetime, request: DeleteArtifact) -> None:
    """Delete an artifact; raise ObjectNotFound."""
    found = read(tx, now, ReadArtifact(artifact_id=request.artifact_id))
    latest = None if found.key is None else artifacts.find_latest(tx, found.key)
    artifacts.delete(tx, found)
    if found.key is not None and latest is not None and latest.id == found.id:
        left = artifacts.find_latest(tx, found.key)
        tell(tx, now, [artifact_events.of_latest(found.key, found, left)])

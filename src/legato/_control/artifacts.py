"""Operations on artifacts."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from msgspec.structs import replace

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
    rows.flush()
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
    if not artifacts.change(tx, request.artifact_id, now, request.artifact):
        raise ObjectNotFound(f"There is no artifact {request.artifact_id}.")


def delete(tx: Transaction, now: datetime, request: DeleteArtifact) -> None:
    """Delete an artifact; raise ObjectNotFound."""
    found = read(tx, now, ReadArtifact(artifact_id=request.artifact_id))
    artifacts.delete(tx, found)

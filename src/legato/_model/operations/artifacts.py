"""Operations on artifacts and their keys."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.artifacts import Artifact, ArtifactCollection, ArtifactCreate, ArtifactUpdate
from legato._model.errors import Conflict
from legato._model.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionSort,
    ArtifactFilter,
    ArtifactSort,
)
from legato._model.operations.lists import OfRuns
from legato._model.operations.spec import Operation, Spec


class CreateArtifact(Operation):
    """Create an artifact; it becomes the latest of its key."""

    spec: ClassVar = Spec(
        id="artifacts.create",
        method="POST",
        path="/artifacts/",
        access="write",
        answer=Artifact,
        status=201,
        body="artifact",
        errors=(Conflict,),
    )
    artifact: ArtifactCreate


class ReadArtifact(Operation):
    """Read an artifact."""

    spec: ClassVar = Spec(
        id="artifacts.read",
        method="GET",
        path="/artifacts/{artifact_id}",
        access="read",
        answer=Artifact,
    )
    artifact_id: UUID


class ReadArtifactCollection(Operation):
    """Read the latest artifact of a key."""

    spec: ClassVar = Spec(
        id="artifact_collections.read",
        method="GET",
        path="/artifacts/{key}/latest",
        access="read",
        answer=Artifact,
    )
    key: str


class FilterArtifacts(OfRuns):
    """List artifacts."""

    spec: ClassVar = Spec(
        id="artifacts.filter",
        method="POST",
        path="/artifacts/filter",
        access="read",
        answer=list[Artifact],
    )
    artifacts: ArtifactFilter | None = None
    sort: ArtifactSort = ArtifactSort.ID_DESC
    limit: int | None = None
    offset: int = 0


class CountArtifacts(OfRuns):
    """Count artifacts."""

    spec: ClassVar = Spec(
        id="artifacts.count", method="POST", path="/artifacts/count", access="read", answer=int
    )
    artifacts: ArtifactFilter | None = None


class FilterArtifactCollections(OfRuns):
    """List keys, each with its latest artifact."""

    spec: ClassVar = Spec(
        id="artifact_collections.filter",
        method="POST",
        path="/artifacts/latest/filter",
        access="read",
        answer=list[ArtifactCollection],
    )
    artifacts: ArtifactCollectionFilter | None = None
    sort: ArtifactCollectionSort = ArtifactCollectionSort.ID_DESC
    limit: int | None = None
    offset: int = 0


class CountArtifactCollections(OfRuns):
    """Count keys of artifacts."""

    spec: ClassVar = Spec(
        id="artifact_collections.count",
        method="POST",
        path="/artifacts/latest/count",
        access="read",
        answer=int,
    )
    artifacts: ArtifactCollectionFilter | None = None


class UpdateArtifact(Operation):
    """Change an artifact's data or description."""

    spec: ClassVar = Spec(
        id="artifacts.update",
        method="PATCH",
        path="/artifacts/{artifact_id}",
        access="write",
        answer=None,
        status=204,
        body="artifact",
    )
    artifact_id: UUID
    artifact: ArtifactUpdate


class DeleteArtifact(Operation):
    """Delete an artifact; the one before it becomes the latest of its key."""

    spec: ClassVar = Spec(
        id="artifacts.delete",
        method="DELETE",
        path="/artifacts/{artifact_id}",
        access="write",
        answer=None,
        status=204,
    )
    artifact_id: UUID

"""Operations on keys of artifacts, each with its latest artifact."""

from __future__ import annotations

from datetime import datetime

from legato._model.artifacts import Artifact, ArtifactCollection
from legato._model.errors import ObjectNotFound
from legato._model.operations.artifacts import (
    CountArtifactCollections,
    FilterArtifactCollections,
    ReadArtifactCollection,
)
from legato._store import artifacts
from legato._store.port import Transaction


def read(tx: Transaction, now: datetime, request: ReadArtifactCollection) -> Artifact:
    """Return the latest artifact of a key; raise ObjectNotFound."""
    found = artifacts.find_latest(tx, request.key)
    if found is None:
        raise ObjectNotFound(f"There is no artifact with the key {request.key!r}.")
    return found


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterArtifactCollections
) -> list[ArtifactCollection]:
    """List keys."""
    from legato._store.queries import objects

    return objects.collections(tx, request)


def count(tx: Transaction, now: datetime, request: CountArtifactCollections) -> int:
    """Count keys."""
    from legato._store.queries import objects

    return objects.count_collections(tx, request)

"""Artifacts of Prefect's clients, which tell themselves that they made or changed one."""

from __future__ import annotations

from datetime import datetime

from legato._control import artifacts
from legato._model.artifacts import Artifact
from legato._model.operations.artifacts import CreateArtifact, UpdateArtifact
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateArtifact) -> Artifact:
    """Create an artifact; the event is of its key only."""
    return artifacts.make(tx, now, request, told=True)


def update(tx: Transaction, now: datetime, request: UpdateArtifact) -> None:
    """Change an artifact."""
    artifacts.change(tx, now, request, told=True)

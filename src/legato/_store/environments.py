"""Environments of processes: each is stored once, and the writers that had it name it."""

from __future__ import annotations

from uuid import UUID

from msgspec import json

from legato._model.environments import Environment
from legato._store import encode
from legato._store.port import Transaction


def note(tx: Transaction, writer_id: UUID, environment: Environment) -> None:
    """Note which environment a writer has."""
    tx.bulk("environment.create", [tx.uid(environment.id), encode.bare(environment)])
    params = {"writer_id": writer_id, "environment_id": environment.id}
    tx.run("writer.note_environment", params)


def find(tx: Transaction, writer_id: UUID) -> Environment | None:
    """Return the environment of a writer, if it told."""
    for (body,) in tx.rows("environment.of_writer", {"writer_id": writer_id}):
        return json.decode(body, type=Environment)
    return None

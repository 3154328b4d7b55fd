"""Artifacts: each a row, and for each key a row that points to the latest of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET

from legato._model.artifacts import (
    Artifact,
    ArtifactCollection,
    ArtifactCreate,
    ArtifactUpdate,
    fault_of_key,
)
from legato._store import decode, encode
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import at

_KEYS = UUID("6b1f0a52-5d0e-5b34-9c36-617274696661")
_strings = msgspec.json.Decoder(dict[str, str])


def of_row(row: Row) -> Artifact:
    """Return the artifact of a row of `ARTIFACT`."""
    return Artifact(**_fields(row))


def collection_of_row(row: Row) -> ArtifactCollection:
    """Return a key with its latest artifact: the collection's id and time, then `ARTIFACT`."""
    fields = _fields(row[2:])
    latest_id = fields.pop("id")
    fields |= {"id": decode.uid(row[0]), "created": at(row[1])}
    return ArtifactCollection(latest_id=latest_id, **fields)


def _fields(row: Row) -> dict[str, Any]:
    id_, created, updated, key, type_, description, data, metadata, flow_run, task_run = row
    return {
        "id": decode.uid(id_),
        "created": at(created),
        "updated": at(updated),
        "key": key,
        "type": type_,
        "description": description,
        "data": None if data is None else msgspec.json.decode(data),
        "metadata_": None if metadata is None else _strings.decode(metadata),
        "flow_run_id": decode.maybe_uid(flow_run),
        "task_run_id": decode.maybe_uid(task_run),
    }


def find(tx: Transaction, artifact_id: UUID) -> Artifact | None:
    """Return the artifact of that id."""
    rows = tx.rows("artifact.read", {"ws": DEFAULT_WORKSPACE, "id": artifact_id})
    return of_row(rows[0]) if rows else None


def find_latest(tx: Transaction, key: str) -> Artifact | None:
    """Return the latest artifact of a key."""
    params = {"ws": DEFAULT_WORKSPACE, "key": encode.text(key)}
    rows = tx.rows("artifact.read_latest", params)
    return of_row(rows[0]) if rows else None


def collection_id(key: str) -> UUID:
    """Return the id of a key's collection."""
    return uuid5(_KEYS, key)


class Written(NamedTuple):
    """What a batch made and changed; `keys` says of each that has another latest if it is new."""

    made: list[ArtifactCreate]
    keys: dict[str, bool]
    changed: list[tuple[UUID, ArtifactUpdate]]


class Artifacts:
    """Collects the artifacts that a batch makes and changes."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._made: list[Any] = []
        self._given: list[ArtifactCreate] = []
        self._keys: dict[str, tuple[int, UUID]] = {}
        self._changed: dict[UUID, tuple[datetime, ArtifactUpdate]] = {}

    def add(self, artifact: ArtifactCreate) -> None:
        """Add an artifact with its id and time; raises on one that cannot be stored."""
        tx, given = self._tx, artifact
        if given.id is None or given.created is None:
            raise ValueError("An artifact in a journal has an id and a time")
        fault = None if given.key is None else fault_of_key(given.key)
        if fault is not None:
            raise ValueError(fault)
        at_, null = micros(given.created), tx.null
        flow_run, task_run = given.flow_run_id, given.task_run_id
        self._made += (
            tx.uid(given.id), at_, at_, null if given.key is None else given.key,
            null if given.type is None else encode.text(given.type),
            null if given.description is None else encode.text(given.description),
            null if given.data is None else encode.json(given.data, "data"),
            null if given.metadata_ is None else encode.bare(given.metadata_),
            null if flow_run is None else tx.uid(flow_run),
            null if task_run is None else tx.uid(task_run), DEFAULT_WORKSPACE,
        )  # fmt: skip
        self._given.append(given)
        if given.key is not None:
            entry = (at_, given.id)
            self._keys[given.key] = max(self._keys.get(given.key, entry), entry)

    def change(self, artifact_id: UUID, at_: datetime, change: ArtifactUpdate) -> None:
        """Change an artifact; of several changes of one, the last of each field counts."""
        _, known = self._changed.get(artifact_id, (at_, ArtifactUpdate()))
        for name in ArtifactUpdate.__struct_fields__:
            value = getattr(change, name)
            if value is not UNSET:
                setattr(known, name, value)
        if known.data is not UNSET:
            encode.json(known.data, "data")
        self._changed[artifact_id] = (at_, known)

    def flush(self) -> Written:
        """Write new artifacts, then the keys in order, then changes; return what was written."""
        written = Written(self._given, {}, [])
        self._given = []
        tx = self._tx
        if self._made:
            tx.bulk("artifact.create", self._made)
            self._made = []
        for key in sorted(self._keys):
            new = _advance(tx, key, *self._keys[key])
            if new is not None:
                written.keys[key] = new
        self._keys = {}
        for artifact_id in sorted(self._changed):
            if change(tx, artifact_id, *self._changed[artifact_id]):
                written.changed.append((artifact_id, self._changed[artifact_id][1]))
        self._changed = {}
        return written


def _advance(tx: Transaction, key: str, at_: int, artifact_id: UUID) -> bool | None:
    """Let a key point to an artifact, unless it points to a later one.

    Return whether the key is new, or None if it stayed as it was.
    """
    uid = tx.uid(artifact_id)
    row = (tx.uid(collection_id(key)), DEFAULT_WORKSPACE, key, uid, at_, at_)
    if tx.run_many("artifact_collection.create", [row]):
        return True
    params = {"ws": DEFAULT_WORKSPACE, "key": key, "at": at_, "latest": artifact_id}
    return False if tx.run("artifact_collection.advance", params) else None


def change(tx: Transaction, artifact_id: UUID, at_: datetime, change: ArtifactUpdate) -> bool:
    """Write what is set in `change`; return whether there is such an artifact."""
    rows = tx.rows("artifact.lock", {"id": artifact_id})
    if not rows:
        return False
    data, metadata, description = rows[0][6], rows[0][7], rows[0][5]
    if change.data is not UNSET:
        data = None if change.data is None else encode.json(change.data, "data")
    if change.metadata_ is not UNSET:
        metadata = None if change.metadata_ is None else encode.bare(change.metadata_)
    if change.description is not UNSET:
        given = change.description
        description = None if given is None else encode.text(given)
    params = {
        "artifact_id": artifact_id,
        "data": data,
        "metadata": metadata,
        "description": description,
        "now": at_,
    }
    tx.run("artifact.change", params)
    return True


def delete(tx: Transaction, artifact: Artifact) -> None:
    """Delete an artifact; its key, if it was its latest, points to the one before it or is gone."""
    tx.run("artifact.delete", {"id": artifact.id})
    if artifact.key is None:
        return
    here = {"ws": DEFAULT_WORKSPACE, "key": artifact.key}
    rows = tx.rows("artifact.find_before", here)
    if rows:
        latest = {"latest": decode.uid(rows[0][0]), "at": rows[0][1]}
        tx.run("artifact_collection.point", {**here, **latest, "before": artifact.id})
    else:
        tx.run("artifact_collection.delete", {**here, "before": artifact.id})

"""What became of artifacts and of their keys, to be told as events."""

from __future__ import annotations

from legato._model.artifacts import Artifact
from legato._model.object_events import Happened, Verb, of_artifact, of_change, of_collection
from legato._store.artifacts import Written, collection_id


def of_written(written: Written, *, told: bool = False) -> list[Happened]:
    """Return what happened to artifacts, unless that is told already, and to their keys."""
    found: list[Happened] = []
    new = dict(written.keys)
    for made in written.made:
        if made.id is not None and not told:
            found.append(of_artifact(made, made.id))
        key = made.key
        if key is not None and key in new:
            verb: Verb = "created" if new[key] else "updated"
            new[key] = False
            found.append(of_collection(verb, collection_id(key), key, made))
    if not told:
        found += (of_change(artifact_id, change) for artifact_id, change in written.changed)
    return found


def of_latest(key: str, gone: Artifact, latest: Artifact | None) -> Happened:
    """Return what happened to a key whose latest artifact was deleted."""
    if latest is None:
        return of_collection("deleted", collection_id(key), key, gone)
    return of_collection("updated", collection_id(key), key, latest)

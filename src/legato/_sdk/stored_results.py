"""Values of results that were stored, by this run or by an earlier one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from legato._model.errors import ObjectNotFound
from legato._model.operations.results import ReadResult
from legato._model.results import NONE_RETURNED, UPLOADED, Result, ResultReference
from legato._sdk import result_objects
from legato._sdk.exceptions import CorruptResult, MissingResult, NotStored
from legato._sdk.serializers import serializer_of
from legato._sdk.services import backend
from legato._sdk.storage import storage_at


def value_of(reference: ResultReference) -> Any:
    """Return the value; each call gives a copy of its own.

    Raises MissingResult if it is gone, CorruptResult if its bytes are not those that were stored.
    """
    if reference.result_id == NONE_RETURNED:
        return None
    try:
        found: Result = backend().send(ReadResult(result_id=reference.result_id))
    except ObjectNotFound as error:
        raise MissingResult(f"{error} It may have been deleted together with its run.") from None
    return load(found)


def load(found: Result) -> Any:
    """Return the value of a stored result; raise MissingResult or CorruptResult."""
    blob = _stored(found) if found.body is None else _checked(found, found.body)
    return serializer_of(found.serializer).loads(blob)


def _stored(found: Result) -> bytes:
    location = found.location or ""
    if location.startswith(UPLOADED):
        from legato._sdk import uploads

        return _checked(found, uploads.get(backend(), found))
    storage, key = storage_at(location, Path(backend().storage()))
    try:
        header, payload = result_objects.load(storage, key)
    except NotStored as error:
        raise MissingResult(f"The result {found.id} is gone. {error}") from None
    if header.sha256 != found.sha256.hex():
        raise MissingResult(
            f"The result {found.id} is gone: a later one was stored in its place, {location}."
        )
    return payload


def _checked(found: Result, blob: bytes) -> bytes:
    if len(blob) != found.size or sha256(blob).digest() != found.sha256:
        raise CorruptResult(
            f"The result {found.id} in the database is not what was stored: {len(blob)} bytes of "
            f"{found.size}, or others. Run its task again."
        )
    return blob

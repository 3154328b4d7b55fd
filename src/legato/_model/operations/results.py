"""Operations on results."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.operations.spec import Operation, Spec
from legato._model.results import Result


class FindCached(Operation):
    """Find the stored result that stands for a cache key; None: there is none."""

    spec: ClassVar = Spec(
        id="results.find_cached",
        method="GET",
        path="/cached_results",
        access="read",
        answer=Result | None,
        at_once=True,
    )
    cache_key: str


class ReadResult(Operation):
    """Read a stored result: its bytes, or where they lie."""

    spec: ClassVar = Spec(
        id="results.read",
        method="GET",
        path="/results/{result_id}",
        access="read",
        answer=Result,
    )
    result_id: UUID


class PutResultPart(Operation):
    """Store a part of a result that is too large for a record; asking again changes nothing."""

    # All but the last have `PART_BYTES`. A day later they are gone if no result names the upload.

    spec: ClassVar = Spec(
        id="results.put_part",
        method="PUT",
        path="/results/{result_id}/parts/{number}",
        access="write",
        answer=None,
        status=204,
        at_once=True,
        repeatable=True,
    )
    result_id: UUID
    number: int
    upload_id: UUID
    body: bytes
    sha256: bytes
    """Of these bytes."""


class ReadResultPart(Operation):
    """Read a part of a result that was uploaded in parts."""

    spec: ClassVar = Spec(
        id="results.read_part",
        method="GET",
        path="/results/{result_id}/parts/{number}",
        access="read",
        answer=bytes,
        at_once=True,
    )
    result_id: UUID
    number: int
    upload_id: UUID

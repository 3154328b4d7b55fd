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

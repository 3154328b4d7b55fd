"""Operations on results."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.operations.spec import Operation, Spec
from legato._model.results import Result


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

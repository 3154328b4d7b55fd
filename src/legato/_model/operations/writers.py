"""Operations on processes that write, which only such processes ask for."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.operations.spec import Operation, Spec


class ReadWriter(Operation):
    """Return the number of the last record that was taken of a writer; 0: none was."""

    spec: ClassVar = Spec(
        id="writers.read", method="GET", path="/writers/{writer_id}", access="read", answer=int
    )
    writer_id: UUID


class CloseRest(Operation):
    """Close as Crashed what threads still do for a flow run that has ended."""

    spec: ClassVar = Spec(
        id="writers.close_rest",
        method="POST",
        path="/flow_runs/{flow_run_id}/close_rest",
        access="write",
        repeatable=True,
        answer=None,
        status=204,
    )
    flow_run_id: UUID
    message: str

"""How the sync client reaches the backend."""

from __future__ import annotations

from typing import Any

from legato._model.errors import Error
from legato._model.operations.spec import Operation
from legato._sdk.client.requests import Answer, answered, failed, operation_of
from legato._sdk.services import backend


def send(operation: Operation) -> Any:
    """Carry out an operation now."""
    return backend().send(operation)


def raw(method: str, path: str, body: Any) -> Answer:
    """Send by method and path; errors of Legato become answers with their status."""
    try:
        operation = operation_of(method, path, body)
        return answered(operation, send(operation))
    except Error as error:
        return failed(error)

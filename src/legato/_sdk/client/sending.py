"""How the sync client reaches the backend."""

from __future__ import annotations

from typing import Any

from legato._model.errors import Error
from legato._model.operations.spec import Operation
from legato._sdk import tag_limits
from legato._sdk.client.requests import Answer, answered, failed, operation_of
from legato._sdk.services import backend

_LIMITS = frozenset({"concurrency_limits:write", "global_concurrency_limits:write"})


def send(operation: Operation) -> Any:
    """Carry out an operation now."""
    found: Any = backend().send(operation)
    note(operation)
    return found


def note(operation: Operation) -> None:
    """Let go of what is remembered and was changed by an operation."""
    if operation.spec.permission in _LIMITS:
        tag_limits.forget()


def begin() -> None:
    """Open a client; this one keeps nothing of its own."""


def end() -> None:
    """Close a client."""


def raw(method: str, path: str, body: Any) -> Answer:
    """Send by method and path; errors of Legato become answers with their status."""
    try:
        operation = operation_of(method, path, body)
        return answered(operation, send(operation))
    except Error as error:
        return failed(error)

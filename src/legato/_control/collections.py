"""Operations on what is known of kinds of workers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from legato._model.errors import ObjectNotFound
from legato._model.operations.collections import ReadCollectionView
from legato._model.worker_types import WORKER_TYPES
from legato._store.port import Transaction

_VIEWS: dict[str, dict[str, Any]] = {"aggregate-worker-metadata": WORKER_TYPES}


def read_view(tx: Transaction, now: datetime, request: ReadCollectionView) -> dict[str, Any]:
    """Return a view by its name; raise ObjectNotFound."""
    found = _VIEWS.get(request.view)
    if found is None:
        raise ObjectNotFound(f"There is no view {request.view!r}; there is {', '.join(_VIEWS)}.")
    return found

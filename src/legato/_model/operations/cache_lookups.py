"""Operations on what task runs found in the cache."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.cache_lookups import CacheExplanation
from legato._model.operations.spec import Operation, Spec


class ExplainCacheLookup(Operation):
    """Say why a task run hit or missed the cache; None: it never looked."""

    spec: ClassVar = Spec(
        id="cache_lookups.explain",
        method="GET",
        path="/task_runs/{task_run_id}/cache_lookup",
        access="read",
        answer=CacheExplanation | None,
    )
    task_run_id: UUID

"""Operations on what is known of kinds of workers."""

from __future__ import annotations

from typing import Any, ClassVar

from legato._model.operations.spec import Operation, Spec


class ReadCollectionView(Operation):
    """Read what is known of the kinds of workers, by package and type."""

    spec: ClassVar = Spec(
        id="collections.read_view",
        method="GET",
        path="/collections/views/{view}",
        access="read",
        answer=dict[str, Any],
    )
    view: str

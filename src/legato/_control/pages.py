"""Pages counted from 1, as a table with page numbers wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct, structs

from legato._model.errors import InvalidRequest
from legato._model.operations.lists import bounds
from legato._model.operations.spec import BULK_LIMIT, LIMIT

P = TypeVar("P", bound=Struct)


def page(
    request: Any,
    filter_kind: Callable[..., Any],
    read: Callable[[Any], list[Any]],
    count: Callable[[], int],
    answer: Callable[..., P],
) -> P:
    """Read one page; `filter_kind` is the operation that lists by limit and offset."""
    limit = LIMIT if request.limit is None else request.limit
    if request.page < 1:
        raise InvalidRequest(f"page: must be at least 1, but is {request.page}.")
    fields = structs.asdict(request)
    offset = (fields.pop("page") - 1) * limit
    results = read(filter_kind(**{**fields, "limit": limit, "offset": offset}))
    found = count()
    pages = -(-found // limit) if limit else 0
    return answer(results=results, count=found, limit=limit, pages=pages, page=request.page)


def bounded(request: Any) -> tuple[int, int]:
    """Return how many rows a page has at most, and how many come before it."""
    if request.page < 1:
        raise InvalidRequest(f"page: must be at least 1, but is {request.page}.")
    limit, _ = bounds(request.limit, 0)
    return limit, (request.page - 1) * limit


def bulk(limit: int) -> int:
    """Return how many rows a request may change; raise InvalidRequest for too many."""
    if not 1 <= limit <= BULK_LIMIT:
        raise InvalidRequest(f"Invalid limit: must be between 1 and {BULK_LIMIT}, but is {limit}.")
    return limit

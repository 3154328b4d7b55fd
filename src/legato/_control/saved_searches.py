"""Operations on saved searches."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.operations.lists import bounds
from legato._model.operations.saved_searches import (
    DeleteSavedSearch,
    FilterSavedSearches,
    ReadSavedSearch,
    SaveSearch,
)
from legato._model.saved_searches import SavedSearch
from legato._store import saved_searches
from legato._store.port import Transaction


def save(tx: Transaction, now: datetime, request: SaveSearch) -> SavedSearch:
    """Save a search; one of that name is replaced and keeps its id."""
    given = request.saved_search
    if not given.name:
        raise InvalidRequest("name: A saved search has a name.")
    made = SavedSearch(id=uuid4(), created=now, updated=now, name=given.name, filters=given.filters)
    known = None if saved_searches.create(tx, made) else saved_searches.lock(tx, given.name)
    if known is None:
        return made
    known.filters, known.updated = given.filters, now
    saved_searches.change(tx, known)
    return known


def read(tx: Transaction, now: datetime, request: ReadSavedSearch) -> SavedSearch:
    """Return a saved search; raise ObjectNotFound."""
    found = saved_searches.find(tx, request.saved_search_id)
    if found is None:
        raise ObjectNotFound(f"There is no saved search {request.saved_search_id}.")
    return found


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterSavedSearches
) -> list[SavedSearch]:
    """List saved searches by name."""
    return saved_searches.list_all(tx, *bounds(request.limit, request.offset))


def delete(tx: Transaction, now: datetime, request: DeleteSavedSearch) -> None:
    """Delete a saved search; raise ObjectNotFound."""
    if not saved_searches.delete(tx, request.saved_search_id):
        raise ObjectNotFound(f"There is no saved search {request.saved_search_id}.")

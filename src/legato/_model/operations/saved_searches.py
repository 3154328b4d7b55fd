"""Operations on saved searches."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.operations.spec import Operation, Spec
from legato._model.saved_searches import SavedSearch, SavedSearchCreate


class SaveSearch(Operation):
    """Save a search; one of that name is replaced."""

    spec: ClassVar = Spec(
        id="saved_searches.save",
        method="PUT",
        path="/saved_searches/",
        access="write",
        answer=SavedSearch,
        status=201,
        body="saved_search",
    )
    saved_search: SavedSearchCreate


class ReadSavedSearch(Operation):
    """Read a saved search."""

    spec: ClassVar = Spec(
        id="saved_searches.read",
        method="GET",
        path="/saved_searches/{saved_search_id}",
        access="read",
        answer=SavedSearch,
    )
    saved_search_id: UUID


class FilterSavedSearches(Operation):
    """List saved searches by name."""

    spec: ClassVar = Spec(
        id="saved_searches.filter",
        method="POST",
        path="/saved_searches/filter",
        access="read",
        answer=list[SavedSearch],
    )
    limit: int | None = None
    offset: int = 0


class DeleteSavedSearch(Operation):
    """Delete a saved search."""

    spec: ClassVar = Spec(
        id="saved_searches.delete",
        method="DELETE",
        path="/saved_searches/{saved_search_id}",
        access="write",
        answer=None,
        status=204,
    )
    saved_search_id: UUID

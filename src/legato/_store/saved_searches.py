"""Saved searches: their rows, by id and by name."""

from __future__ import annotations

from uuid import UUID

import msgspec

from legato._model.saved_searches import SavedSearch, SavedSearchFilter
from legato._store import decode, encode
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import at

_filters = msgspec.json.Decoder(list[SavedSearchFilter])


def _of_row(row: Row) -> SavedSearch:
    id_, created, updated, name, filters = row
    return SavedSearch(
        id=decode.uid(id_),
        created=at(created),
        updated=at(updated),
        name=name,
        filters=[] if filters is None else _filters.decode(filters),
    )


def _encoded(search: SavedSearch) -> str:
    return encode.json(search.filters, "filters")


def find(tx: Transaction, search_id: UUID) -> SavedSearch | None:
    """Return the saved search of that id."""
    rows = tx.rows("saved_search.read", {"ws": DEFAULT_WORKSPACE, "id": search_id})
    return _of_row(rows[0]) if rows else None


def lock(tx: Transaction, name: str) -> SavedSearch | None:
    """Return the saved search of that name, which nobody else changes until the end."""
    rows = tx.rows("saved_search.lock", {"ws": DEFAULT_WORKSPACE, "name": encode.text(name)})
    return _of_row(rows[0]) if rows else None


def list_all(tx: Transaction, count: int, skipped: int) -> list[SavedSearch]:
    """Return saved searches by name."""
    page = {"ws": DEFAULT_WORKSPACE, "count": count, "skipped": skipped}
    return [_of_row(row) for row in tx.rows("saved_search.list", page)]


def create(tx: Transaction, search: SavedSearch) -> bool:
    """Add a saved search; False if there is one of that name."""
    row = (
        tx.uid(search.id), micros(search.created), micros(search.updated),
        encode.text(search.name), _encoded(search), DEFAULT_WORKSPACE,
    )  # fmt: skip
    return tx.run_many("saved_search.create", [row]) == 1


def change(tx: Transaction, search: SavedSearch) -> None:
    """Write the conditions of a saved search."""
    changed = {"saved_search_id": search.id, "filters": _encoded(search), "now": search.updated}
    tx.run("saved_search.change", changed)


def delete(tx: Transaction, search_id: UUID) -> bool:
    """Delete a saved search; False if there is none."""
    return tx.run("saved_search.delete", {"ws": DEFAULT_WORKSPACE, "id": search_id}) > 0

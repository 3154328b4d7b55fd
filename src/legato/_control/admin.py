"""Operations on the backend itself."""

from __future__ import annotations

from datetime import datetime

from legato._model.errors import ObjectNotFound
from legato._model.operations.admin import (
    ClearDefaultResultStorage,
    DefaultResultStorage,
    Hello,
    ReadDefaultResultStorage,
    UpdateDefaultResultStorage,
)
from legato._store.port import Transaction


def hello(tx: Transaction, now: datetime, request: Hello) -> str:
    """Return a greeting, after a look into the database."""
    tx.rows("meta.read", {})
    return "👋"


def read_storage(
    tx: Transaction, now: datetime, request: ReadDefaultResultStorage
) -> DefaultResultStorage:
    """Return where results go that name no other place."""
    return DefaultResultStorage()


def update_storage(
    tx: Transaction, now: datetime, request: UpdateDefaultResultStorage
) -> DefaultResultStorage:
    """Refuse every block, as none is kept yet; raise ObjectNotFound."""
    block = request.default_result_storage_block_id
    if block is not None:
        raise ObjectNotFound(f"There is no block document {block}: blocks are not kept yet.")
    return DefaultResultStorage()


def clear_storage(tx: Transaction, now: datetime, request: ClearDefaultResultStorage) -> None:
    """Do nothing: no block was set."""

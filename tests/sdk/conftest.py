"""A fresh home for each test, and a look into its database as a second process would have."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from legato._backend import current as backends
from legato._sdk.locking_memory import MemoryLockManager
from legato._settings import current as configuration

if TYPE_CHECKING:
    from pathlib import Path

Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Record into a home of the test's own."""
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path))
    configuration.forget()
    MemoryLockManager.forget()  # there is one in a process
    yield tmp_path
    backend = backends.current()
    backend.journal.flush()
    backends.retire(backend.home.root)
    configuration.forget()


@pytest.fixture
def rows(home: Path) -> Callable[..., Rows]:
    """Return what a query finds in the database, over a connection of its own."""

    def select(query: str, *parameters: Any) -> Rows:
        backends.current().journal.flush()
        connection = sqlite3.connect(home / "legato.db")
        try:
            return connection.execute(query, parameters).fetchall()
        finally:
            connection.close()

    return select

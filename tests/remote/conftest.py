"""A server process on both stores, and processes of another home that record through it."""

from __future__ import annotations

import pytest

from legato._store.checker import violations
from legato._store.sql import Sql
from legato._store.sqlite import SqliteStore
from tests.chaos.processes import Actor
from tests.chaos.servers import ServerProcess
from tests.store.conftest import postgres_store, postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
def excused():
    """How the reasons begin for which records may be put aside; a test adds what it expects."""
    return set()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def server(request, tmp_path, excused):
    """A server that is not started; what it stored is checked at the end."""
    url = None
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        postgres_store(url).close()
    server = ServerProcess(tmp_path / "server", url)
    yield server
    server.close()
    if url is None and not server.home.exists():
        return
    store = opened(server)
    try:
        assert violations(store) == []
        bad = store.read(lambda tx: tx.select(Sql("SELECT error FROM quarantine")))
        assert [row[0] for row in bad if not row[0].startswith(tuple(excused))] == []
    finally:
        store.close()


def opened(server):
    """Return the store of a server."""
    if server.database_url is None:
        return SqliteStore(server.home / "legato.db")
    from legato._store.postgres import PostgresStore

    return PostgresStore(server.database_url)


@pytest.fixture
def home(tmp_path):
    """The home of those who record through the server."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def start(server, home):
    """Start a script that records through the server; all are killed at the end."""
    started = []

    def begin(script, *args, **env):
        started.append(Actor(home, script, *args, **{"LEGATO_API_URL": server.url, **env}))
        return started[-1]

    yield begin
    for actor in started:
        actor.close()

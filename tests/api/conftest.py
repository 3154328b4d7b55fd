"""The clients on the home of each test, and through servers on both stores."""

from __future__ import annotations

import socket
import threading

import pytest

from legato._backend import current as backends
from legato._journal.clock import SystemClock
from legato._server.application import application
from legato._server.control import Control
from legato._server.safety import Access
from legato._settings import current as configuration
from legato._store.checker import violations
from legato._store.sqlite import SqliteStore
from tests.server.conftest import Serving
from tests.store.conftest import postgres_store, postgres_url

__all__ = ["postgres_url"]
KEY = "a key"
PLACES = ["home", "server", pytest.param("postgres", marks=pytest.mark.postgres)]
"""In the home, or by a server on SQLite or on PostgreSQL."""


@pytest.fixture
def place():
    """Where runs are recorded: in the home; modules choose others of PLACES."""
    return "home"


@pytest.fixture
def serve(request, tmp_path):
    """Start servers in threads; `serve(place)` returns the address of one on that store."""
    opened = []

    def start(place):
        if place == "postgres":
            store = postgres_store(request.getfixturevalue("postgres_url"))
        else:
            store = SqliteStore(tmp_path / "server.db")
        server = Serving(application(Control(store, SystemClock()), Access(api_key=KEY)))
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        assert server.answers.wait(30)
        opened.append((store, server, thread))
        return f"http://127.0.0.1:{listening.getsockname()[1]}/api"

    yield start
    for store, server, thread in opened:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
        found = violations(store)
        store.close()
        assert found == []


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, place, serve):
    """A home of the test's own, which records at `place`."""
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path))
    if place != "home":
        monkeypatch.setenv("LEGATO_API_URL", serve(place))
        monkeypatch.setenv("LEGATO_API_KEY", KEY)
    configuration.forget()
    yield tmp_path
    backends.retire(backends.current().home.root)
    configuration.forget()

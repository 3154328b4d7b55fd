"""A server on both stores, in a thread of the test's process, asked over real HTTP."""

from __future__ import annotations

import socket
import threading

import httpx
import pytest
import uvicorn

from legato._journal.clock import SystemClock
from legato._model.operations.requests import matches
from legato._server import serve as serving
from legato._server.application import application
from legato._server.control import Control
from legato._server.openapi import document
from legato._server.safety import Access
from tests import faults
from tests.store.conftest import postgres_url, store

__all__ = ["postgres_url", "store"]


class Serving(uvicorn.Server):
    """A server whose thread says when requests are answered."""

    def __init__(self, app):
        super().__init__(serving.config(app))
        self.answers = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.answers.set()


def is_described(response):
    """Assert that OpenAPI knows the status of an answer to an operation."""
    whole = response.request.url.path
    path = whole.removeprefix("/api/")
    for match in matches(path) if path != whole else ():
        spec = match.kind.spec
        if spec.method == response.request.method and spec.path.endswith("/") == path.endswith("/"):
            known = document()["paths"][spec.path][spec.method.lower()]["responses"]
            assert str(response.status_code) in known, (spec.id, response.status_code)
            return


@pytest.fixture
def serve(store):
    """Start a server of that access; returns a client of it. `around` wraps the application."""
    opened = []

    def start(access=None, *, around=lambda app: app, **client):
        control = Control(faults.around(store), SystemClock())
        app = application(control, access or Access())
        server = Serving(around(app))
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        assert server.answers.wait(30)
        port = listening.getsockname()[1]
        opened.append((server, thread))
        hooks = {"response": [is_described]}
        url = f"http://127.0.0.1:{port}/api"
        client.setdefault("transport", faults.transport())
        return httpx.Client(base_url=url, timeout=30, event_hooks=hooks, **client)

    yield start
    for server, thread in opened:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def api(serve):
    with serve() as client:
        yield client


@pytest.fixture
def flow(api):
    return api.post("/flows/", json={"name": "etl", "labels": {"team": "a"}}).json()


@pytest.fixture
def run(api, flow):
    """Create a flow run in a state."""

    def create(state="PENDING", **more):
        asked = {"type": state} if isinstance(state, str) else state
        body = {"flow_id": flow["id"], "state": asked, **more}
        answer = api.post("/flow_runs/", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return create


@pytest.fixture
def move(api):
    """Propose a state for a flow run; returns status code, status and the state's name."""

    def propose(run_id, type_, *, force=False, **state):
        body = {"state": {"type": type_, **state}, "force": force}
        answer = api.post(f"/flow_runs/{run_id}/set_state", json=body)
        found = answer.json()
        return answer.status_code, found["status"], found["state"]["name"]

    return propose

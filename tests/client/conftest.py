"""A server on both stores, a home that records through it, and what stands between the two."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from legato._backend import current as backends
from legato._sdk import services
from legato._settings import current as configuration
from tests.server.conftest import serve
from tests.store.conftest import postgres_url, store

__all__ = ["postgres_url", "serve", "store"]


class Between(ThreadingHTTPServer):
    """Passes requests on to a server. What becomes of the next ones stands in `fates`.

    "lost": the server answers, and the client never hears it; "refused": the server never sees it;
    a number: 503 with that in Retry-After.
    """

    daemon_threads = False

    def __init__(self, url):
        super().__init__(("127.0.0.1", 0), _Passing)
        self.server_name = urlsplit(url).hostname
        self.beyond = urlsplit(url).port
        self.fates, self.keys = [], []
        self.url = f"http://127.0.0.1:{self.server_port}/api"


class _Passing(BaseHTTPRequestHandler):
    server: Between

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.close_connection = True
        self.server.keys.append(self.headers["Idempotency-Key"])
        fate = self.server.fates.pop(0) if self.server.fates else None
        if fate == "refused":
            return
        if "Upgrade" in self.headers:  # as some proxies do
            self.send_response(404)
            self.end_headers()
            return
        if fate is not None and fate != "lost":
            self.send_response(503)
            self.send_header("Retry-After", str(fate))
            self.end_headers()
            return
        beyond = http.client.HTTPConnection("127.0.0.1", self.server.beyond, timeout=30)
        headers = {**self.headers, "Host": f"127.0.0.1:{self.server.beyond}"}
        beyond.request(self.command, self.path, body, headers)
        answer = beyond.getresponse()
        content = answer.read()
        beyond.close()
        if fate == "lost":
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the name that it is called by

    def log_message(self, *_):
        pass


@pytest.fixture
def between(serve):
    """What stands between this process and the server."""
    with serve() as api, Between(str(api.base_url)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def home(between, tmp_path, monkeypatch):
    """A home whose runs are recorded through the server."""
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path))
    monkeypatch.setenv("LEGATO_API_URL", between.url)
    monkeypatch.setattr(services, "_current", None)  # a pool within this process stands in for it
    configuration.forget()
    yield tmp_path
    backends.retire(str(tmp_path))
    monkeypatch.undo()
    configuration.forget()

"""A server that is reached through a proxy."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from legato._backend.keeper import Keeping
from legato._backend.keeper_wire import Server as KeepersServer
from legato._client.aio import AsyncLink
from legato._client.link import Link
from legato._client.routes import route_to
from legato._model.errors import ServerAway
from tests.remote.wire import _carry

BODY = json.dumps({}).encode()
_NAMES = ["-subj", "/CN=flows.test", "-addext", "subjectAltName=DNS:flows.test"]
JSON = {"Content-Type": "application/json"}
PATH = "/operations/admin.hello"


class Proxy(ThreadingHTTPServer):
    """A proxy of HTTP that reaches any name on this machine, and notes what it is asked."""

    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Proxying)
        self.asked = []
        self.url = f"http://ada:secret@127.0.0.1:{self.server_port}"


class _Proxying(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _is_let_in(self):
        self.server.asked.append(f"{self.command} {self.path}")
        self.close_connection = True
        if self.headers["Proxy-Authorization"] == "Basic YWRhOnNlY3JldA==":
            return True
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def do_CONNECT(self):
        if not self._is_let_in():
            return
        port = int(self.path.rpartition(":")[2])
        self.send_response(200)
        self.end_headers()
        _carry(self.connection, socket.create_connection(("127.0.0.1", port)))

    def do_POST(self):
        if not self._is_let_in():
            return
        there = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        lines = [f"POST {there.path} HTTP/1.0", f"Host: localhost:{there.port}"]
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
        with socket.create_connection(("127.0.0.1", there.port)) as beyond:
            beyond.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            while part := beyond.recv(65536):
                self.wfile.write(part)

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy():
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of `flows.test` that signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    subprocess.run(
        [*command.split(), "-keyout", key, "-out", made, *_NAMES],
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.fixture
def secure(serve, certificate):
    """The port at which the server is reached by TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serve() as api, socket.create_server(("127.0.0.1", 0)) as listening:
        port = urlsplit(str(api.base_url)).port

        def accept():
            with suppress(OSError):
                while True:
                    near, _ = listening.accept()
                    with suppress(OSError):
                        _pass(context.wrap_socket(near, server_side=True), port)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _pass(near, port):
    """Pass on one request and its answer."""
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        head = b""
        while not head.endswith(b"\r\n\r\n" + BODY):
            head += near.recv(65536)
        name, _, rest = head.partition(b"flows.test")
        far.sendall(name + b"localhost" + rest)
        far.settimeout(0.3)
        with suppress(TimeoutError):
            while part := far.recv(65536):
                near.sendall(part)


def sync_post(route):
    link = Link(route, {})
    try:
        return link.post(PATH, BODY, JSON).status
    finally:
        link.close()


def async_post(route):
    async def ask():
        return (await AsyncLink(route, {}).post(PATH, BODY, JSON)).status

    return asyncio.run(ask())


def keepers_post(route):
    configuration = Keeping(url=route.url, headers={}).configuration(os.urandom)
    return KeepersServer(configuration).post(PATH, {})[0]


ONE_STORE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
POSTS = pytest.mark.parametrize("post", [sync_post, async_post, keepers_post])


@POSTS
@ONE_STORE
def test_a_proxy_is_asked_for_the_whole_address(serve, proxy, monkeypatch, post):
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with serve() as api:
        url = f"http://flows.test:{urlsplit(str(api.base_url)).port}/api"
        assert post(route_to(url, os.environ)) == 200
        assert proxy.asked == [f"POST {url}{PATH}"]


@POSTS
@ONE_STORE
def test_tls_goes_through_a_tunnel(secure, proxy, certificate, monkeypatch, post):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert post(route_to(f"https://flows.test:{secure}/api", os.environ)) == 200
    assert proxy.asked == [f"CONNECT flows.test:{secure}"]


@pytest.mark.parametrize("post", [sync_post, async_post])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_lets_nobody_in_says_so(proxy, post, scheme):
    environ = {f"{scheme}_proxy": proxy.url.replace("secret", "wrong")}
    route = route_to(f"{scheme}://flows.test:9/api", environ)
    if scheme == "http":
        assert post(route) == 407
    else:
        with pytest.raises(ServerAway, match="407"):
            post(route)

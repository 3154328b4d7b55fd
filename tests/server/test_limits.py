"""Clients that say too much, or take too long: cut off, and nobody else notices."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing, contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from legato._server.connections import HEAD_MAX_BYTES, Connection
from legato._server.headers import SECURITY
from legato._server.room import BODY_MAX_BYTES
from legato._server.socket_protocol import FRAME_MAX_BYTES
from legato._store.sqlite import SqliteStore

HEAD = b"POST /api/flows/filter HTTP/1.1\r\nHost: localhost\r\n"
LARGE = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def connected(client):
    with socket.create_connection((client.base_url.host, client.base_url.port)) as line:
        line.settimeout(30)
        yield line


def read(line):
    """Return status, headers and body of the answer that comes before a connection is closed."""
    found = b""
    while True:
        try:
            data = line.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            break
        found += data
    head, _, body = found.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    if not first:
        return None, {}, b""
    return int(first.split(" ")[1]), dict(one.split(": ", 1) for one in lines), body


@pytest.fixture
def store(tmp_path):
    """One store is enough: none is asked."""
    with closing(SqliteStore(tmp_path / "legato.db")) as store:
        yield store


@pytest.fixture
def hasty(serve, monkeypatch):
    """A server that waits for a moment only."""
    monkeypatch.setattr(Connection, "head_seconds", 0.3)
    monkeypatch.setattr(Connection, "body_seconds", 0.3)
    with serve() as client:
        yield client


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * HEAD_MAX_BYTES,
        b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n" + b"x: y\r\n" * 10_000 + b"\r\n",
        b"GET /api/health?" + b"x" * HEAD_MAX_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/health?" + b"x" * HEAD_MAX_BYTES,
    ],
    ids=["a long header", "many headers", "a long query", "a path without end"],
)
def test_a_head_has_a_limit(api, sent):
    with connected(api) as line:
        line.sendall(sent)
        status, headers, body = read(line)
    assert status == 431
    assert "32768 bytes" in json.loads(body)["detail"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "sent",
    [
        b"\0\0\0\0\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"X: a\0b\r\n\r\n",
        HEAD + b"Host: evil.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(api, sent):
    with connected(api) as line:
        line.sendall(sent)
        status, headers, body = read(line)
    assert status == 400
    assert list(json.loads(body)) == ["detail"]
    assert headers["content-security-policy"]
    assert api.get("/health").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /api/health HT", HEAD, HEAD + b"X: y\r\nX: "])
def test_a_head_must_come_in_time(hasty, sent):
    with connected(hasty) as line:
        line.sendall(sent)
        status, _, _ = read(line)
    assert status == (408 if sent else None)
    assert hasty.get("/health").status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b'{"limit"'])
def test_a_body_must_come_in_time(hasty, body):
    with connected(hasty) as line:
        line.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + body)
        assert read(line)[0] is None


@pytest.mark.parametrize("more", [b"", LARGE, HEAD], ids=["nothing", "a request", "half a head"])
def test_who_takes_no_answers_is_cut_off_whatever_it_asks_for_meanwhile(hasty, monkeypatch, more):
    def telling(name):
        called, inner = threading.Event(), getattr(Connection, name)

        def tell(self, *given):
            inner(self, *given)
            called.set()

        monkeypatch.setattr(Connection, name, tell)
        return called

    paused, lost = telling("pause_writing"), telling("connection_lost")
    with connected(hasty) as line:
        while not paused.wait(0.02):
            line.sendall(LARGE)
        line.sendall(more)
        assert lost.wait(30)
    assert hasty.get("/health").status_code == 200


def test_many_that_say_nothing_hold_up_nobody(hasty):
    lines = [
        socket.create_connection((hasty.base_url.host, hasty.base_url.port)) for _ in range(200)
    ]
    for line in lines:
        line.sendall(HEAD)
    assert hasty.post("/flows/filter", json={}).status_code == 200
    for line in lines:
        line.settimeout(30)
        assert read(line)[0] == 408
        line.close()


def test_a_body_without_end_is_not_kept_nor_read_for_ever(api):
    piece = b"%x\r\n%s\r\n" % (2**20, b" " * 2**20)
    with connected(api) as line:
        line.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with suppress(OSError):  # the server hangs up
            while sent < 20 * BODY_MAX_BYTES:
                line.sendall(piece)
                sent += 2**20
    assert BODY_MAX_BYTES < sent < 20 * BODY_MAX_BYTES
    assert api.get("/health").status_code == 200


def test_requests_in_one_packet_are_answered_in_order(api):
    get = b"GET /api/%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    with connected(api) as line:
        line.sendall(get % (b"health", b"") + get % (b"version", b"Connection: close\r\n"))
        found = b""
        while data := line.recv(65536):
            found += data
    assert found.index(b"true") < found.index(b'"0.8.')


def test_an_idle_connection_goes_on_answering(hasty):
    assert hasty.get("/health").status_code == 200
    with connected(hasty) as line:
        for _ in range(2):
            line.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert line.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_head_that_follows_another_request_has_a_limit_too(api):
    get = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    with connected(api) as line:
        line.sendall(get % b"" + get % (b"X: " + b"x" * HEAD_MAX_BYTES + b"\r\n"))
        found = b""
        with suppress(ConnectionResetError):
            while data := line.recv(65536):
                found += data
    assert b"HTTP/1.1 431" in found


def test_a_connection_nobody_uses_is_closed(serve, monkeypatch):
    monkeypatch.setattr(Connection, "head_seconds", 0.4)  # it is looked at four times as often
    monkeypatch.setattr(Connection, "idle_seconds", 0.1)
    with serve() as client, connected(client) as line:
        line.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        status, headers, body = read(line)
    assert (status, body) == (200, b"[]")
    assert "connection" not in headers


def test_operations_in_one_packet_are_answered_in_order(api):
    asked = HEAD + b"Content-Length: 2\r\n%s\r\n{}"
    with connected(api) as line:
        line.sendall(asked % b"X-Request-Id: a\r\n" + asked % b"X-Request-Id: b\r\n")
        line.sendall(asked % b"X-Request-Id: c\r\nConnection: close\r\n")
        found = b""
        while data := line.recv(65536):
            found += data
    ids = [at.partition(b"\r\n")[0] for at in found.split(b"x-request-id: ")[1:]]
    assert ids == [b"a", b"b", b"c"]
    assert found.count(b"connection: close\r\n") == 1


def test_an_answer_to_head_has_no_body(api):
    answer = api.head("/flows/filter")
    assert answer.status_code == 405
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""
    assert api.get("/health").status_code == 200


def test_refusals_are_as_safe_as_answers(api):
    with connected(api) as line:
        line.sendall(b"nonsense\r\n\r\n")
        headers = read(line)[1]
    for name, value in SECURITY:
        assert headers[name.decode()] == value.decode()


@pytest.fixture
def dial(api):
    """Open a websocket; the headers are those of the test."""

    def opened(path="/events/in", **headers):
        url = f"ws://{api.base_url.host}:{api.base_url.port}/api{path}"
        return connect(url, subprotocols=["prefect"], open_timeout=30, **headers)

    return opened


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
@pytest.mark.parametrize("path", ["/events/in", "/run_changes/out"])
def test_a_page_of_another_site_opens_no_websocket(dial, path, origin):
    with pytest.raises(InvalidStatus) as caught:
        dial(path, origin=origin)
    assert caught.value.response.status_code == 403


def test_a_page_of_this_machine_opens_one(dial):
    with dial(origin="http://localhost:5173") as line:
        line.send('{"type": "auth", "token": null}')
        assert "auth_success" in line.recv(30)


def test_a_frame_has_a_limit(dial, api):
    with dial() as line:
        line.send('{"type": "auth", "token": null}')
        line.recv(30)
        with suppress(ConnectionClosed):
            line.send('"' + "x" * (FRAME_MAX_BYTES + 1) + '"')
        with pytest.raises(ConnectionClosed) as caught:
            line.recv(30)
    assert caught.value.rcvd.code == 1009
    assert api.get("/health").status_code == 200


@pytest.mark.parametrize(
    "sent", ["[" * 100_000, '"\\ud800"', "null", "{}", '{"type": "event"}', b"\0"]
)
def test_a_first_frame_that_says_nothing_is_the_last(dial, sent):
    with dial() as line:
        line.send(sent)
        with pytest.raises(ConnectionClosed) as caught:
            line.recv(30)
    assert caught.value.rcvd.code == 1008

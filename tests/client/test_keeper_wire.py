"""The websocket of a keeper, which has the standard library only, against the server's."""

from __future__ import annotations

import select
import socket
from urllib.parse import urlsplit

import pytest

from legato._backend import keeper_wire
from legato._backend.keeper_wire import Stream
from tests.server.conftest import api, flow, move, run

__all__ = ["api", "flow", "move", "run"]


@pytest.fixture
def follow(api):
    """Follow the cancellation of runs; each time something is told, `hears` tells."""
    made = []

    def start(*runs):
        at = urlsplit(str(api.base_url))
        connection = socket.create_connection((at.hostname, at.port), 30)
        made.append(connection)
        return Stream(connection, f"Host: {at.netloc}\r\n", "/api", None, list(runs))

    yield start
    for connection in made:
        connection.close()


def hears(stream, seconds=30.0):
    while select.select([stream], [], [], seconds)[0]:
        if stream.heard():
            return True
    return False


def to_the_end(stream):
    while hears(stream):
        pass


@pytest.mark.parametrize("most", [200, 0])
def test_it_tells_of_cancelled_runs_and_of_no_others(follow, run, move, most, monkeypatch):
    monkeypatch.setattr(keeper_wire, "_RUNS_MAX", most)
    mine, other = run("RUNNING")["id"], run("RUNNING")["id"]
    stream = follow(mine, "00000000-0000-0000-0000-000000000001")
    assert hears(stream)  # it is let in
    move(other, "COMPLETED")
    move(run("RUNNING")["id"], "COMPLETED")
    move(mine, "CANCELLING")
    assert hears(stream)
    assert not hears(stream, 0.0)


def test_its_end_is_an_error(follow, serve):
    stream = follow("no id")
    with pytest.raises(ConnectionError):
        to_the_end(stream)
    with serve() as other:
        at = urlsplit(str(other.base_url))
        with (
            socket.create_connection((at.hostname, at.port), 30) as connection,
            pytest.raises(ValueError, match="no stream"),
        ):
            Stream(connection, f"Host: {at.netloc}\r\n", "/nowhere", None, [])


def test_long_frames_come_in_pieces():
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81")
        stream = Stream(near, "Host: a\r\n", "/api", "secret", ["x" * 200])
        assert b'"any_"' not in far.recv(1 << 16)  # what a client says is masked
        text = b"y" * 70_000
        head = b"\x7f" + len(text).to_bytes(8, "big")
        heard = []
        for start in range(0, len(head + text), 9_000):
            far.sendall((head + text)[start : start + 9_000])
            heard.append(stream.heard())
        assert heard == [False] * (len(heard) - 1) + [True]
        far.sendall(b"\x89\x02hi")
        assert not stream.heard()
        assert far.recv(1 << 16)[:2] == b"\x8a\x82"  # a ping is answered
        far.sendall(b"\x81\x7f" + (1 << 40).to_bytes(8, "big"))
        with pytest.raises(ValueError, match="too large"):
            stream.heard()

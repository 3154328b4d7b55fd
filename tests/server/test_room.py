"""Long bodies of many clients at once: memory stays as it is, each is answered, none for ever."""

from __future__ import annotations

import asyncio
import os
import re
import selectors
import socket
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from functools import wraps
from pathlib import Path

import pytest

from legato._model.errors import Crowded
from legato._server import room
from legato._server.room import ROOM_BYTES, Room
from legato._store.sqlite import SqliteStore

CROWD, LONG, PIECE = 200, 64, b" " * 2**16
HEAD = b"POST /api/flows/filter HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def at_once(test):
    """Have a coroutine run as a test."""

    @wraps(test)
    def run(**given):
        asyncio.run(asyncio.wait_for(test(**given), 30))

    return run


@at_once
async def test_who_asked_first_has_room_first():
    place = Room(10)
    await place.take(8)
    large, small = asyncio.create_task(place.take(9)), asyncio.create_task(place.take(2))
    await asyncio.sleep(0)
    assert place.is_wanted
    place.give(8)
    await large
    assert not small.done()
    place.give(9)
    await small
    assert not place.is_wanted


@at_once
async def test_who_leaves_the_line_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.01)
    place = Room(10)
    await place.take(8)
    with pytest.raises(Crowded):
        await place.take(9)
    gone, next_ = asyncio.create_task(place.take(9)), asyncio.create_task(place.take(2))
    await asyncio.sleep(0)
    gone.cancel()
    await next_
    late = asyncio.create_task(place.take(10))
    await asyncio.sleep(0)
    place.give(10)  # it has room now, and is cancelled before it knows
    late.cancel()
    with suppress(asyncio.CancelledError):
        await late
    await place.take(10)


@pytest.fixture
def store(tmp_path):
    with closing(SqliteStore(tmp_path / "legato.db")) as store:
        yield store


class Sender:
    """A connection that sends the head of a long body, and as much of that as it is told to."""

    def __init__(self, client, head=HEAD % room.BODY_MAX_BYTES):
        self.line = socket.create_connection((client.base_url.host, client.base_url.port))
        self.line.settimeout(30)
        self.line.sendall(head)

    def status(self):
        found = self.line.recv(4096)
        return int(found.split(b" ")[1]), b"retry-after: 1\r\n" in found.lower()


@contextmanager
def filled(client):
    """All room is taken by bodies of which a byte is missing; gives who sends them."""
    senders = [Sender(client) for _ in range(ROOM_BYTES // room.BODY_MAX_BYTES)]
    try:
        for sender in senders:
            # more than the buffers of the two ends take: somebody has begun to read it
            sender.line.sendall(b" " * (room.BODY_MAX_BYTES - 1))
        yield senders
    finally:
        for sender in senders:
            sender.line.close()


def test_who_waits_in_vain_is_told_to_come_again(serve, monkeypatch):
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.2)
    with serve() as client, filled(client) as senders:
        answer = client.post("/flows/filter", content=b" " * 2**20 + b"{}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["code"] == "crowded"
        answer = client.post("/journal", content=b" " * 2**20)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        pieces = iter([b" " * 2**20] * 4)
        assert client.post("/flows/filter", content=pieces).status_code == 503
        assert client.post("/flows/filter", json={}).status_code == 200
        for sender in senders:
            sender.line.sendall(b" ")
        assert {sender.status()[0] for sender in senders} == {422}
        assert client.post("/flows/filter", content=b" " * 2**20 + b"{}").status_code == 200


def test_a_slow_sender_gives_way_to_who_waits(serve, monkeypatch):
    monkeypatch.setattr(room, "SEND_SECONDS", 0.0)
    with serve() as client, filled(client) as senders:
        assert client.post("/flows/filter", content=b" " * 2**20 + b"{}").status_code == 200
        told = [sender.status() for sender in senders if is_answered(sender)]
        assert told
        assert set(told) == {(503, True)}


def is_answered(sender):
    with selectors.DefaultSelector() as known:
        known.register(sender.line, selectors.EVENT_READ)
        return bool(known.select(0))


def test_a_slow_sender_may_take_its_time_while_nobody_waits(serve, monkeypatch):
    monkeypatch.setattr(room, "SEND_SECONDS", 0.0)
    monkeypatch.setattr(room, "_LOOK_SECONDS", 0.01)
    with serve() as client, filled(client) as (sender, *_):
        for _ in range(10):
            assert client.post("/flows/filter", json={}).status_code == 200
        sender.line.sendall(b" ")
        assert sender.status()[0] == 422


SERVER = """
import sys
from legato._cli.main import main
main(["server", "start", "--port", sys.argv[1]])
"""


@pytest.fixture
def process(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "LEGATO_HOME": str(tmp_path)}
    command = [sys.executable, "-c", SERVER, str(port)]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert "API is at" in process.stderr.readline()
        yield process.pid, port
        process.terminate()


def peak(pid):
    """Return how much memory a process has had at most, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024


async def ask(port):
    """Send a long body piece by piece, as all others do meanwhile; return the answer's status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD % (LONG * len(PIECE)))
    for _ in range(LONG):
        writer.write(PIECE)
        await writer.drain()
    status = int((await reader.readline()).split(b" ")[1])
    writer.close()
    return status


async def crowd(port):
    return await asyncio.gather(*(ask(port) for _ in range(CROWD)))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_hundred_long_bodies_at_once_take_little_memory(process):
    pid, port = process
    before = peak(pid)
    answers = asyncio.run(asyncio.wait_for(crowd(port), 120))
    assert set(answers) <= {422, 503}
    assert answers.count(422) >= ROOM_BYTES // (LONG * len(PIECE))
    assert peak(pid) - before < 250  # of 800 that were sent

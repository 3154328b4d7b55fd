"""The async client over a server: it asks on the loop of who asks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from uuid import uuid4

import pytest

from legato._client import aio
from legato._client.aio import AsyncLink
from legato._client.routes import route_to
from legato._model.errors import Conflict, ObjectNotFound, ServerAway
from legato._model.variables import VariableCreate
from legato._settings import current as configuration
from legato.client.orchestration import get_client


@pytest.fixture
def ports():
    return []


@pytest.fixture
def direct(serve, home, ports, monkeypatch):
    """A home that records through a server that notes from which ports it is asked."""

    def around(app):
        async def noting(scope, receive, send):
            if scope["type"] == "http":
                ports.append(scope["client"][1])
            await app(scope, receive, send)

        return noting

    with serve(around=around) as api:
        monkeypatch.setenv("LEGATO_API_URL", str(api.base_url))
        configuration.forget()
        yield api


@pytest.mark.usefixtures("direct")
def test_connections_are_kept_as_long_as_a_client_is_open(ports):
    async def ask():
        async with get_client() as outer, get_client() as inner:
            await outer.hello()
            ports.clear()
            for _ in range(5):
                await outer.read_variables()
                await inner.read_variables()
            assert len(ports) == 10
            assert len(set(ports)) == 1
            await asyncio.gather(*(outer.read_variables() for _ in range(5)))
            assert 1 < len(set(ports)) <= 5
        before = set(ports)
        ports.clear()
        await get_client().hello()
        await get_client().hello()
        assert len(set(ports) - before) == 2
        assert not aio._idle.get(asyncio.get_running_loop())

    asyncio.run(ask())


@pytest.mark.usefixtures("direct")
def test_no_thread_is_needed(monkeypatch):
    async def ask():
        async with get_client() as client:
            await client.hello()  # which opens the backend
            monkeypatch.setattr(asyncio, "to_thread", None)
            await asyncio.gather(*(client.read_variables() for _ in range(20)))

    asyncio.run(ask())


@pytest.mark.usefixtures("direct")
def test_errors_and_values_are_those_of_the_sync_client():
    async def ask():
        async with get_client() as client:
            made = await client.create_variable(VariableCreate(name="a", value={"x": [1, None]}))
            assert (await client.read_variable_by_name("a")).value == made.value == {"x": [1, None]}
            with pytest.raises(Conflict):
                await client.create_variable(VariableCreate(name="a", value=1))
            with pytest.raises(ObjectNotFound):
                await client.read_flow_run(uuid4())
            answer = await client.request("POST", "/variables/count")
            assert (answer.status_code, answer.json()) == (200, 1)
            assert (await client.request("GET", "/nowhere")).status_code == 404

    asyncio.run(ask())


@pytest.mark.usefixtures("home")
def test_a_change_whose_answer_was_lost_is_made_once(between):
    async def ask():
        async with get_client() as client:
            await client.hello()
            between.keys.clear()
            between.fates += ["lost", 0.01, "refused"]
            made = await client.create_variable(VariableCreate(name="color", value="red"))
            assert len(between.keys) == 4
            assert len(set(between.keys)) == 1
            assert (await client.read_variable_by_name("color")).id == made.id

    asyncio.run(ask())


@pytest.mark.usefixtures("home")
def test_who_gives_up_leaves_no_half_an_answer(between):
    """The next answer is that to the next question."""

    async def ask():
        async with get_client() as client:
            await client.hello()
            asking = asyncio.ensure_future(client.read_variables())
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert (await client.request("POST", "/variables/count")).json() == 0

    asyncio.run(ask())


def test_without_a_server_nothing_of_it_is_loaded(tmp_path):
    script = """
import asyncio, sys
from legato.client.orchestration import get_client
async def ask():
    async with get_client() as client:
        await client.read_flow_runs()
asyncio.run(ask())
print(*({"httptools", "http.client", "websockets"} & sys.modules.keys()))
"""
    environ = {**os.environ, "LEGATO_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, env=environ, check=True, capture_output=True).stdout == b"\n"


def answer_to(said, *, path="/"):
    """Return what the link makes of bytes that a server says, and closes behind."""

    async def ask():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            for part in said:
                writer.write(part)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await AsyncLink(route_to(f"http://127.0.0.1:{port}", {}), {}).post(path, b"", {})

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "said",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r", b"\nhe", b"llo"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nhel", b"lo"],
        [
            b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ],
    ],
)
def test_answers_come_in_many_forms(said):
    answer = answer_to(said)
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize(
    "said",
    [
        [],
        [b"HTTP/1.1 200 OK\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"],
        [b"SSH-2.0-OpenSSH_9.2\r\n"],
    ],
)
def test_what_is_no_whole_answer(said):
    with pytest.raises(ServerAway, match="cannot be reached"):
        answer_to(said)


def test_nobody_there():
    async def ask():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        await AsyncLink(route_to(f"http://127.0.0.1:{port}", {}), {}).post("/", b"", {})

    with pytest.raises(ServerAway, match="nobody listens there"):
        asyncio.run(ask())

"""Writes without a task: what happens to them when they fail, or their client is gone."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from legato._control import asking
from legato._server.writes import Writes
from tests import faults

HEAD = b"POST /api/flows/ HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def handling(monkeypatch):
    """Have operations carried out by a function of the test, which may call the right one."""
    right = asking.handler_of

    def by(instead):
        def handler_of(operation, *, prefect=False):
            return lambda *given: instead(right(operation, prefect=prefect), *given)

        monkeypatch.setattr(asking, "handler_of", handler_of)

    return by


def connected(api):
    line = socket.create_connection((api.base_url.host, api.base_url.port))
    line.settimeout(30)
    return line


@faults.meaningless("another failure may come first")
def test_an_operation_that_fails_is_in_the_log_and_harms_no_other(api, handling, caplog):
    def fail(right, tx, now, operation):
        if operation.flow.name == "bad":
            raise RuntimeError("inside")
        return right(tx, now, operation)

    handling(fail)
    api.event_hooks = {}  # no route says that it may fail
    found = {}

    def create(name):
        found[name] = api.post("/flows/", json={"name": name}, headers={"X-Request-Id": name})

    asking = [threading.Thread(target=create, args=(name,)) for name in ("a", "bad", "b")]
    for one in asking:
        one.start()
    for one in asking:
        one.join(30)
    assert {name: answer.status_code for name, answer in found.items()} == {
        "a": 201,
        "bad": 500,
        "b": 201,
    }
    assert found["bad"].json() == {"exception_message": "Internal Server Error"}
    assert "POST /api/flows/ failed, request bad" in caplog.text


def test_what_a_client_asked_that_is_gone_is_done_all_the_same(api, handling):
    begun, go = threading.Event(), threading.Event()

    def slow(right, *given):
        begun.set()
        assert go.wait(30)
        return right(*given)

    handling(slow)
    with connected(api) as line:
        line.sendall(HEAD + b'Content-Length: 15\r\n\r\n{"name": "etl"}')
        assert begun.wait(30)
    go.set()
    assert api.post("/flows/", json={"name": "etl"}).status_code in {200, 201}
    assert [flow["name"] for flow in api.post("/flows/filter", json={}).json()] == ["etl"]


@faults.meaningless("it is asked once only")
@pytest.mark.parametrize("piece", [1, 40, 95])
def test_a_request_may_come_in_pieces(api, piece):
    whole = HEAD + b'Connection: close\r\nContent-Length: 15\r\n\r\n{"name": "etl"}'
    with connected(api) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole), piece):
            line.sendall(whole[at : at + piece])
        found = b""
        while data := line.recv(65536):
            found += data
    assert found.startswith(b"HTTP/1.1 201")
    assert found.count(b"HTTP/1.1") == 1


def test_an_answer_that_cannot_be_given_holds_up_no_other(store):
    def fail(outcome):
        raise RuntimeError(outcome)

    async def all_of_it():
        writes, told = Writes(store), asyncio.get_running_loop().create_future()
        try:
            writes.begin(lambda tx: 1, fail)
            writes.begin(lambda tx: 2, told.set_result)
            return await asyncio.wait_for(told, 30), await writes.run(lambda tx: 3)
        finally:
            writes.close()

    assert asyncio.run(all_of_it()) == (2, 3)

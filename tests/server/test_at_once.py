"""Requests without a task: what happens when they fail, or their client is gone."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from legato._control import asking
from legato._journal.clock import SystemClock
from legato._model.errors import ObjectNotFound, StoreBusy
from legato._model.operations.flows import CountFlows
from legato._server import at_once
from legato._server.control import Control
from legato._server.operations import answering
from legato._server.writes import Writes
from tests import faults

HEAD = b"POST /api/flows/ HTTP/1.1\r\nHost: localhost\r\n"
OWN = {"date", "x-request-id"}
"""What each answer has for itself."""
LIST = b"POST /api/flows/filter HTTP/1.1\r\nHost: localhost\r\n"


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


NOBODY = "00000000-0000-4000-8000-000000000000"
ASKED = [
    ("GET", "/flow_runs/{run}", None),
    ("GET", f"/flow_runs/{NOBODY}", None),
    ("GET", "/flow_runs/none", None),
    ("GET", "/flow_runs/{run}/graph-v2", None),
    ("GET", "/flow_runs/{run}/graph-v2?since=yesterday", None),
    ("GET", "/flows/name/etl", None),
    ("GET", "/flows/name/other", None),
    ("GET", "/flow_run_states/?flow_run_id={run}", None),
    ("GET", "/nothing", None),
    ("POST", "/flow_runs/filter", "{}"),
    ("POST", "/flow_runs/filter", ""),
    ("POST", "/flow_runs/filter", "null"),
    ("POST", "/flow_runs/filter", "[1]"),
    ("POST", "/flow_runs/filter", '{"limit": 1, "sort": "ID_DESC"}'),
    ("POST", "/flow_runs/filter", '{"sort": "BEST"}'),
    ("POST", "/flow_runs/filter", '{"limit": 1000}'),
    ("POST", "/flow_runs/filter", '{"flow_runs": {"id": {"any_": ["none"]}}}'),
    ("POST", "/flow_runs/filter", '{"limit": 1'),
    ("POST", "/flow_runs/filter", '{"limit": NaN}'),
    ("POST", "/flow_runs/filter", "\x00"),
    ("POST", "/flow_runs/count", '{"flows": {"name": {"any_": ["etl"]}}}'),
    ("POST", "/flow_runs/paginate", '{"limit": 1}'),
    ("POST", "/logs/filter", "{}"),
    ("POST", "/flows/", '{"name": "etl"}'),
    ("POST", "/flows/", '{"name": ""}'),
    ("POST", "/flows/", "{}"),
    ("POST", "/flow_runs/", f'{{"flow_id": "{NOBODY}"}}'),
    ("POST", "/flow_runs/{run}/set_state", '{"state": {"type": "BEST"}}'),
    ("POST", f"/flow_runs/{NOBODY}/set_state", '{"state": {"type": "RUNNING"}}'),
    ("PATCH", f"/flow_runs/{NOBODY}", '{"name": "n"}'),
    ("PATCH", "/flow_runs/{run}", '{"name": 1}'),
    ("DELETE", f"/flow_runs/{NOBODY}", None),
    ("DELETE", "/logs/filter", None),
]


@faults.meaningless("another failure may come to one of them")
def test_both_ways_a_request_can_take_answer_alike(api, run):
    """One whose body comes in chunks is carried out by a task, the same in one piece is not."""
    api.event_hooks = {}  # not all are operations
    id_ = run("COMPLETED")["id"]
    for method, path, body in ASKED:
        url, whole = path.format(run=id_), (body or "").encode()
        plain = api.request(method, url, content=None if body is None else whole)
        task = api.request(method, url, content=iter([whole]))
        what = (method, path, body)
        assert (*what, plain.status_code, plain.text) == (*what, task.status_code, task.text)
        one, other = (
            {name: text for name, text in answer.headers.items() if name not in OWN}
            for answer in (plain, task)
        )
        assert (*what, one) == (*what, other)


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


@pytest.mark.parametrize("path", ["", "filter", "count", "name/etl"])
def test_a_read_that_fails_is_in_the_log_and_harms_no_other(api, monkeypatch, caplog, path):
    api.post("/flows/", json={"name": "etl"})
    failing, right = set(), answering

    def made(scope, operation):
        answer = right(scope, operation)

        def fail(*given):
            if not failing:
                return answer(*given)
            raise RuntimeError(failing.pop())

        return fail

    monkeypatch.setattr(at_once, "answering", made)

    def ask():
        if path in {"filter", "count"}:
            return api.post(f"/flows/{path}", json={})
        return api.get(f"/flows/{path or flow_id}")

    flow_id = api.post("/flows/filter", json={}).json()[0]["id"]
    before, api.event_hooks = ask(), {}  # no route says that it may fail
    failing.add("inside")
    assert ask().status_code == 500
    assert "RuntimeError: inside" in caplog.text
    assert ask().content == before.content


@faults.meaningless("another failure may come first")
def test_a_thread_that_cannot_be_had_is_a_failure_like_any_other(api, monkeypatch, caplog):
    api.event_hooks = {}  # no route says that it may fail

    def submit(self, work):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(ThreadPoolExecutor, "submit", submit)
        assert api.post("/flows/filter", json={}).status_code == 500
    assert "RuntimeError: can't start new thread" in caplog.text
    assert api.post("/flows/filter", json={}).json() == []
    assert "legato_requests_in_progress 1\n" in api.get("/metrics").text  # this very one


@pytest.mark.parametrize("path", ["/flows/count", "/flows/"])
def test_a_refusal_that_cannot_be_told_is_a_failure(api, handling, caplog, path):
    def refuse(right, *given):
        raise ObjectNotFound("half a character: \ud800")

    handling(refuse)
    api.event_hooks = {}
    asked = {"name": "etl"} if path == "/flows/" else {}
    assert api.post(path, json=asked).status_code == 500
    assert "UnicodeEncodeError" in caplog.text


def test_who_asked_for_a_list_and_is_gone_harms_no_other(api, monkeypatch):
    begun, go, right = threading.Event(), threading.Event(), answering

    def slow(scope, operation):
        answer = right(scope, operation)

        def wait(*given):
            begun.set()
            assert go.wait(30)
            return answer(*given)

        return wait

    monkeypatch.setattr(at_once, "answering", slow)
    with connected(api) as line:
        line.sendall(LIST + b"Content-Length: 2\r\n\r\n{}")
        assert begun.wait(30)
    go.set()
    assert api.post("/flows/filter", json={}).json() == []


def test_a_read_that_comes_when_the_server_has_ended_is_told_so(store):
    async def ask():
        control = Control(store, SystemClock())
        control.close()
        told = []
        control.begin_look(CountFlows(), lambda *found: found, told.append, lists=False)
        return told

    (answer,) = asyncio.run(ask())
    assert isinstance(answer, StoreBusy)


@faults.meaningless("it is asked once only")
@pytest.mark.parametrize("piece", [1, 40, 95])
@pytest.mark.parametrize(
    ("head", "body", "status"),
    [(HEAD, b'{"name": "etl"}', b"201"), (LIST, b'{"limit": 9}', b"200")],
)
def test_a_request_may_come_in_pieces(api, piece, head, body, status):
    whole = head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with connected(api) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole), piece):
            line.sendall(whole[at : at + piece])
        found = b""
        while data := line.recv(65536):
            found += data
    assert found.startswith(b"HTTP/1.1 " + status)
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

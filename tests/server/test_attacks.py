"""What strangers try, one test for each kind; routes and fields join by the API's description."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from base64 import b64encode
from contextlib import closing

import pytest
from starlette.routing import Mount, WebSocketRoute

from legato._journal.clock import SystemClock
from legato._model.errors import StoreBusy, StoreError
from legato._model.operations.table import OPERATIONS
from legato._server import application as assembled
from legato._server.application import application
from legato._server.control import Control
from legato._server.headers import SECURITY
from legato._server.safety import Access
from legato._store.faults import InjectedFault
from legato._store.sqlite import SqliteStore
from tests.server.asking import ask, opened
from tests.server.requesting import Call, dumps, filled, leaves, placed, resolved, routes, sample

ASKING = Access(auth_string="ada:s3cret-word", api_key="key-1")
OPEN = {"/health", "/ready"}
"""All that is answered to anybody."""
RIGHT = {"authorization": "Bearer key-1"}


@pytest.fixture
def store(tmp_path):
    with closing(SqliteStore(tmp_path / "legato.db")) as store:
        yield store


def asked(store, calls, access=None):
    """Return status, headers and body of the answers to requests."""

    async def in_turn():
        app = application(Control(store, SystemClock()), access or Access())
        async with opened(app):
            return [await ask(app, call) for call in calls]

    return asyncio.run(in_turn())


def every_call(**more):
    for route in routes():
        body = b"" if route.body is None else dumps(sample(route.body, {}))
        yield Call(route.method, filled(route, {}), body, **more)


# ---- who may do what ---------------------------------------------------------------------------


def test_nothing_but_health_is_answered_to_who_does_not_say_who_he_is(store):
    calls = list(every_call())
    found = {
        f"{call.method} {call.path}": status
        for call, (status, _, _) in zip(calls, asked(store, calls, ASKING), strict=True)
    }
    open_ = {f"GET {path}" for path in OPEN}
    assert {what for what, status in found.items() if status != 401} == open_
    assert len(found) > 100


def test_who_says_it_rightly_is_let_in_everywhere(store):
    calls = list(every_call(headers=RIGHT))
    assert 401 not in [status for status, _, _ in asked(store, calls, ASKING)]


def test_a_route_is_described_or_a_websocket(monkeypatch, store):
    """So that the tests here, which go by the description, leave none out."""
    seen = []

    class Seen(assembled.Starlette):
        def __init__(self, routes, **more):
            seen.extend(routes)
            super().__init__(routes=routes, **more)

    monkeypatch.setattr(assembled, "Starlette", Seen)
    application(Control(store, SystemClock()), Access())
    inner = [route for mount in seen if isinstance(mount, Mount) for route in mount.routes]
    described = {route.path for route in routes()} | {"/csrf-token", "/openapi.json"}
    plain = {route.path for route in inner if not isinstance(route, WebSocketRoute)}
    assert plain - described == set()


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.spec.id)
def test_an_operation_says_what_permission_it_takes(kind):
    noun, _, verb = kind.spec.permission.partition(":")
    assert noun == kind.spec.id.partition(".")[0]
    assert verb in {"read", "write"}
    assert (verb == "read") or kind.spec.method != "GET"
    if verb == "read":
        assert kind.spec.method in {"GET", "POST"}


@pytest.mark.parametrize(
    "path",
    [
        "/xhealth", "/flows/filter/health", "/flows/health", "/variables/name/health",
        "/variables/name/ready", "//health", "/Health", "/health/", "/health/.", "/health;a",
        "/health%00", "/health%2f", "/./health/../version", "/version?/health", "/version#/health",
        "/%2e%2e/health", "/ready/..", "/flows/%2e%2e/health",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "GARBAGE"])
def test_a_path_that_looks_like_an_open_one_is_not(store, path, method):
    path, _, query = path.partition("?")
    call = Call(method, path, query=query.encode(), headers={"x-http-method-override": "GET"})
    ((status, _, _),) = asked(store, [call], ASKING)
    assert status == 401


@pytest.mark.parametrize(
    "value",
    [
        "", "Bearer", "Bearer ", "Bearer nothing", "Bearer key-1 ", "Bearer  key-1", "bearer KEY-1",
        "key-1", "Basic key-1", "Basic " + b64encode(b"ada:").decode(), "Digest key-1",
        "Basic " + b64encode(b":s3cret-word").decode(), "Bearer key-1\0", "Bearer " + "x" * 20_000,
        "Bearer key-1, Bearer key-1", "Bearer null", "Bearer None",
    ],
)  # fmt: skip
def test_a_wrong_token_is_no_token(store, value):
    call = Call("GET", "/version", headers={"authorization": value})
    in_query = Call("GET", "/version", query=b"token=key-1&api_key=key-1&access_token=key-1")
    assert [status for status, _, _ in asked(store, [call, in_query], ASKING)] == [401, 401]


@pytest.mark.parametrize(
    "value", ["Bearer key-1", "bearer key-1", "Bearer ada:s3cret-word",
              "Basic " + b64encode(b"ada:s3cret-word").decode()],
)  # fmt: skip
def test_both_ways_of_prefects_clients_to_say_it(store, value):
    call = Call("GET", "/version", headers={"authorization": value})
    assert asked(store, [call], ASKING)[0][0] == 200


def test_nobody_sets_what_is_the_servers_own(store):
    own = {"ws": 7, "workspace_id": 7, "epoch": 9, "version": 9, "position": 9, "is_admin": True}
    calls = [
        Call(route.method, filled(route, {}), dumps({**body, **own}))
        for route in routes()
        if isinstance(body := sample(route.body or {}, {}), dict) and route.body
    ]
    for call, (status, _, body) in zip(calls, asked(store, calls), strict=True):
        assert status < 500, (call.method, call.path, body[:100])
        if status < 300 and body[:1] == b"{":
            kept = own.items() & json.loads(body).items()
            assert kept == set(), (call.method, call.path)


# ---- browsers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""},
        {"origin": "http://localhost.evil.example"}, {"origin": "http://evil.example/localhost"},
        {"origin": "http://localhost:1@evil.example"}, {"origin": "localhost"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"host": "evil.example"}, {"host": "evil.example:4200"}, {"host": "localhost.evil.example"},
        {"host": "localhost@evil.example"}, {"host": "localhost:80:evil"}, {"host": ""},
        {"host": "evil.example", "x-forwarded-host": "localhost"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_page_of_another_site_changes_nothing(store, headers, media):
    create = Call(
        "POST", "/flows/", b'{"name": "evil"}', headers={"content-type": media, **headers}
    )
    count = Call("POST", "/flows/count", b"{}")
    (status, answered, _), (_, _, found) = asked(store, [create, count])
    assert status in {403, 421}
    assert found == b"0"
    assert not [name for name in answered if name.startswith(b"access-control")]


def test_no_answer_lets_other_sites_read_it(store):
    origin = {"origin": "http://localhost:5173", "access-control-request-method": "POST"}
    calls = [
        Call("OPTIONS", "/flows/", headers=origin),
        Call("POST", "/flows/count", b"{}", headers=origin),
    ]
    for _, headers, _ in asked(store, calls):
        assert not [name for name in headers if name.startswith(b"access-control")]


def test_all_answers_carry_the_same_headers(store):
    flow = b'{"name": "etl"}'
    calls = {
        200: Call("GET", "/health"),
        201: Call("POST", "/flows/", flow),
        204: Call("DELETE", "/admin/storage"),
        307: Call("POST", "/flows", flow),
        400: Call("GET", "/version", headers={"x-prefect-api-version": "x"}),
        403: Call("GET", "/version", headers={"origin": "null"}),
        404: Call("GET", "/no/such"),
        405: Call("PUT", "/flows/", flow),
        413: Call("POST", "/flows/", headers={"content-length": "99999999"}),
        421: Call("GET", "/version", headers={"host": "evil.example"}),
        422: Call("POST", "/flows/", b"{"),
    }
    for status, (found, headers, _) in zip(calls, asked(store, calls.values()), strict=True):
        assert found == status
        assert tuple((name, headers.get(name)) for name, _ in SECURITY) == SECURITY, status
    ((status, headers, _),) = asked(SqliteStore(store.path), [Call("GET", "/version")], ASKING)
    assert (status, headers[b"x-frame-options"]) == (401, b"DENY")


def test_reading_changes_nothing(store, tmp_path):
    asked(store, [Call("POST", "/flows/", b'{"name": "etl"}')])

    def dump():
        with closing(sqlite3.connect(tmp_path / "legato.db")) as connection:
            return list(connection.iterdump())

    before, again = dump(), SqliteStore(tmp_path / "legato.db")
    calls = [call for call in every_call() if call.method == "GET"]
    assert len(calls) > 30
    asked(again, calls)
    assert dump() == before


# ---- what stands in fields ---------------------------------------------------------------------

INJECTIONS = (
    "' OR '1'='1", "'; DROP TABLE flow; --", '" OR ""="', "%", "_", "\\", "%' OR 1=1 --", "?", "%s",
    ":name", "$1", "{0}", "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd", "a\r\nSet-Cookie: b",
    "<script>alert(1)</script>", "\x1b]8;;http://evil\x1b\\", "=cmd|' /C calc'!A0",
)  # fmt: skip


def is_empty(found):
    if isinstance(found, dict):
        return all(map(is_empty, found.values()))
    return found in ([], 0, None)


def test_text_is_text_in_every_filter(store):
    calls, marks = [], []
    for route in routes():
        if (
            route.method != "POST"
            or not route.path.endswith(("/filter", "/count"))
            or not route.body
        ):
            continue
        for path, schema in leaves(route.body):
            is_text = resolved(schema).get("type") == "string" and "format" not in schema
            if not is_text or not (path[-2:-1] == ("any_",) or path[-1] == "like_"):
                continue
            for text in INJECTIONS[len(calls) % 3 :: 3]:
                there = route.path.replace("{work_pool_name}", "pool")
                calls.append(Call("POST", there, dumps(placed(route.body, path, text, {}))))
                marks.append((route.path, ".".join(path), text))
    seeds = [
        Call("POST", "/flows/", b'{"name": "etl", "tags": ["a"]}'),
        Call("POST", "/variables/", b'{"name": "v", "value": 1, "tags": ["a"]}'),
        Call("POST", "/artifacts/", b'{"key": "k", "type": "t", "data": "d"}'),
        Call("POST", "/work_pools/", b'{"name": "pool", "type": "process"}'),
    ]
    answers = asked(store, [*seeds, *calls])[len(seeds) :]
    wrong = [
        (mark, status, body[:80])
        for mark, (status, _, body) in zip(marks, answers, strict=True)
        if status != 200 or not is_empty(json.loads(body))
    ]
    assert len(calls) > 300
    assert wrong == []


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_tag_that_looks_like_code_is_kept_as_it_is(store, text):
    body = json.dumps({"name": "etl", "tags": [text]}).encode()
    find = json.dumps({"flows": {"tags": {"all_": [text]}}}).encode()
    created, found = asked(
        store, [Call("POST", "/flows/", body), Call("POST", "/flows/filter", find)]
    )
    assert created[0] == 201
    (flow,) = json.loads(found[2])
    assert flow["tags"] == [text]


def test_what_went_wrong_inside_stays_inside(store, monkeypatch, caplog):
    secret = "postgresql://ada:s3cret-word@db.intern/legato"
    for error, status in [
        (InjectedFault(secret), 500), (StoreError(secret), 503), (StoreBusy(secret), 503),
        (RuntimeError(secret), 500),
    ]:  # fmt: skip

        def fail(*_, error=error):
            raise error

        with SqliteStoreThatFails(store, fail) as failing:
            calls = [
                Call("POST", "/flows/filter", b"{}"),
                Call("POST", "/flows/", b'{"name": "etl"}'),
                Call("GET", "/ready"),
            ]
            for found, headers, body in asked(failing, calls):
                assert found in {status, 503, 500}
                assert b"s3cret" not in body + str(headers).encode()
                assert b"Traceback" not in body
                assert b".py" not in body


class SqliteStoreThatFails:
    """A store in which nothing can be read or written."""

    def __init__(self, store, fail):
        self._store = store
        self.run = self.run_all = self.read = self.read_placed = fail

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass

    def __getattr__(self, name):
        return getattr(self._store, name)

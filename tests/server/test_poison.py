"""Values that no database takes, in every field of every route: refused by both alike.

With LEGATO_TEST_POISON=all each field gets all values of its kind; else one of them, and of the
filters that many routes share, each field is tried twice.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from itertools import count
from urllib.parse import quote, urlencode

import msgspec
import pytest

from legato._journal.clock import SystemClock
from legato._model.operations.table import OPERATIONS
from legato._server.application import application
from legato._server.control import Control
from legato._server.safety import Access
from legato._store.sqlite import SqliteStore
from tests.server.asking import ask, opened
from tests.server.requesting import Call, Route, dumps, filled, leaves, placed, routes, sample
from tests.store.conftest import postgres_store

ALL = os.environ.get("LEGATO_TEST_POISON") == "all"
NUL, LONG, BIG = "a\0b", "x" * 2**20, 2**63
EARLY, LATE = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"
NO_ZONE = "2026-01-01T00:00:00"
"""Is taken, as UTC; to compare it with other times is an error."""
# Written into the body as they are: what no encoder would.
RAW = {
    "<nan>": b"NaN",
    "<infinite>": b"1e999",
    "<surrogate>": b'"\\ud800"',
    "<deep>": b"[" * 100_000 + b"]" * 100_000,
    "<objects>": b'{"a":' * 400 + b"1" + b"}" * 400,
    "<65 levels>": b"[" * 65 + b"]" * 65,
    "<no UTF-8>": b'"\xff"',
    "<half>": b'{"a":',
}
READ_BY_OWN = {"<surrogate>", "<nan>", "<infinite>", "<objects>", "<65 levels>"}
"""What Legato's own processes may send where any JSON may stand: it is recorded as text."""
POISONS = {
    "integer": (BIG, -BIG - 1, 10**30, 2**31, str(BIG)),
    "number": (BIG, 1e308, -1e308, "nan"),
    "date-time": (EARLY, LATE, NUL, BIG),
    "seconds": (1e308, BIG, "P999999999999D", NUL),
    "uuid": (NUL, BIG, LONG),
    "string": (NUL, LONG),
    "boolean": (NUL, BIG),
    "free": (NUL, LONG, BIG, -BIG - 1, 1e308, {NUL: NUL}, [[[]]]),
}
MUST_BE_REFUSED = {"integer", "number", "date-time", "seconds", "uuid", "boolean"}
KEPT = {"message", "description", "value", "data", "key"}
"""Content; a `key` at the end is one of a client's own mapping (`leaves` names it so)."""


def kind_of(schema):
    if "enum" in schema:
        return "uuid"
    kind = schema.get("format") or schema.get("type")
    return kind if kind in POISONS else "free"


@pytest.fixture
def apps(tmp_path, postgres_url):
    stores = [SqliteStore(tmp_path / "legato.db"), postgres_store(postgres_url)]
    return [application(Control(store, SystemClock()), Access()) for store in stores]


async def seeded(app, mark):
    """Create one object of each kind; return their ids by the names of fields."""

    async def made(path, body):
        status, _, answer = await ask(app, Call("POST", path, json.dumps(body).encode()))
        assert status < 300, answer
        return json.loads(answer)

    flow = await made("/flows/", {"name": f"flow-{mark}"})
    pending = {"state": {"type": "PENDING"}}
    run = await made("/flow_runs/", {"flow_id": flow["id"], **pending})
    task = {"flow_run_id": run["id"], "task_key": "t", "dynamic_key": "0", **pending}
    limit = {"tag": f"tag-{mark}", "concurrency_limit": 2}
    return {
        "flow_id": flow["id"],
        "flow_run_id": run["id"],
        "task_run_id": (await made("/task_runs/", task))["id"],
        "variable_id": (await made("/variables/", {"name": f"v_{mark}", "value": 1}))["id"],
        "artifact_id": (await made("/artifacts/", {"key": f"key-{mark}"}))["id"],
        "limit_id": (await made("/concurrency_limits/", limit))["id"],
        "id_or_name": (await made("/v2/concurrency_limits/", {"name": f"g-{mark}", "limit": 2}))[
            "name"
        ],
        "tag": f"tag-{mark}",
        "id": run["state_id"],
    }


def own(kind):
    """The route by which Legato's own processes ask for an operation: its body has all fields."""
    schema = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")[1][
        kind.__name__
    ]
    return Route("POST", f"/operations/{kind.spec.id}", schema, ())


OWN = [own(kind) for kind in OPERATIONS]


class Poisons:
    """The requests for each route, in the same order for each store."""

    def __init__(self):
        self._turn = count()
        self._seen = Counter()

    def of(self, route, known):
        """Yield what was replaced, whether that must be refused, and the request."""
        if route.body is not None:
            yield from self._in_body(route, filled(route, known), known)
        asked = {
            one["name"]: sample(one["schema"], known, one["name"]) for one in route.in_("query")
        }
        for name in asked:
            for value in (NUL, BIG, -BIG - 1, "nan", LATE, NO_ZONE, "x" * 2000):
                query = urlencode({**asked, name: value}).encode()
                yield f"?{name}", False, Call(route.method, filled(route, known), b"", query)
        for one in route.in_("path"):
            for value in (NUL, "..", "%", b"\xff", "x" * 2000):
                there = filled(route, {**known, one["name"]: quote(value, safe="")})
                body = b"" if route.body is None else dumps(sample(route.body, known))
                yield f"{{{one['name']}}}", False, Call(route.method, there, body)

    def _in_body(self, route, path, known):
        for leaf, schema in leaves(route.body):
            self._seen[leaf[-3:]] += 1
            if self._seen[leaf[-3:]] > 2 and not ALL:
                continue
            kind = kind_of(schema)
            refused = kind in MUST_BE_REFUSED or (kind == "string" and not KEPT & set(leaf))
            for value in self._chosen(kind):
                body = dumps(placed(route.body, leaf, value, known))
                yield ".".join(leaf), refused, Call(route.method, path, body)
            if kind == "date-time":
                body = dumps(placed(route.body, leaf, NO_ZONE, known))
                yield f"{'.'.join(leaf)}, no zone", False, Call(route.method, path, body)
        leaf, _ = next(leaves(route.body))
        for mark, raw in RAW.items():
            if route in OWN and mark not in {"<deep>", "<surrogate>", "<nan>"} and not ALL:
                continue
            body = dumps(placed(route.body, leaf, mark, known), {mark: raw})
            refused = route not in OWN or mark not in READ_BY_OWN
            yield mark, refused, Call(route.method, path, body)

    def _chosen(self, kind):
        values = POISONS[kind]
        return values if ALL else [values[next(self._turn) % len(values)]]


async def answers(app):
    """Return the status by route, field and request, and whether it must be a refusal."""
    found, poisons = {}, Poisons()
    async with opened(app):
        for number, route in enumerate([*routes(), *OWN]):
            known = await seeded(app, number)
            for index, (what, refused, call) in enumerate(poisons.of(route, known)):
                status, _, body = await ask(app, call)
                shown = (call.body[-200:], call.query, call.path[-100:])
                found[str(route), what, index] = (status, refused, shown, body[:200])
    return found


@pytest.mark.postgres
def test_both_stores_refuse_what_neither_can_hold(apps):
    async def both():
        return [await answers(app) for app in apps]

    on_sqlite, on_postgres = asyncio.run(both())
    assert on_sqlite.keys() == on_postgres.keys()
    assert len(on_sqlite) > 1000
    wrong, counts = [], Counter()
    for key, (status, refused, shown, body) in on_sqlite.items():
        other = on_postgres[key][0]
        counts[status // 100] += 1
        if status != other or status >= 500 or (refused and not 400 <= status < 500):
            wrong.append((key, status, other, shown, body, on_postgres[key][3]))
    assert not wrong, "\n".join(map(str, wrong[:20]))
    assert counts[4] > 1000

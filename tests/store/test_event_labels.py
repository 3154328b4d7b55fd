"""Events by the labels of their resources: the same ones as by looking at each, on both stores."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import msgspec
import pytest

from legato._model.event_filters import EventFilter, includes
from legato._model.event_labels import MORE, PAIRS_MAX, TEXT_MAX
from legato._model.events import EventCreate
from legato._model.states import StateType
from legato._store import events, migrate
from legato._store.queries import events as queries
from legato._store.sql import Sql
from legato._store.sqlite import SqliteStore
from tests.store.records import COMPLETED, RUNNING, flow_run, move, new_id, now, whole_task

ID, ROLE = "prefect.resource.id", "prefect.resource.role"
LONG = "x" * (TEXT_MAX + 10)
TOLD = [
    {"team": "ab", "size": "m"},
    {"team": "ac", "note": LONG + "1"},
    {"team": "b", "note": LONG + "2"},
    {"team": "", "a*b": "!c"},
    {},
    {f"label-{n}": str(n) for n in range(PAIRS_MAX + 1)} | {"team": "ab"},
]
OTHERS = [[], [{ID: "shop.7", ROLE: "flow", "team": "ab"}], [{ID: "y", ROLE: "z", "team": "q"}]]


GIVEN = [
    {"resource": {"labels": {"team": "ab"}}},
    {"resource": {"labels": {"team": ["ac", "b", "none"]}}},
    {"resource": {"labels": {"team": "a*"}}},
    {"resource": {"labels": {"team": ["*b", "b"]}}},
    {"resource": {"labels": {"team": "!ab"}}},
    {"resource": {"labels": {"team": []}}},
    {"resource": {"labels": {"team": "ab", "size": "m"}}},
    {"resource": {"labels": {"note": LONG + "1"}}},
    {"resource": {"labels": {"label-3": "3"}}},
    {"resource": {"labels": {"a*b": "!*"}}},
    {"resource": {"labels": {ID: ["shop.1", "shop.2"]}, "id": ["shop.2", "shop.3"]}},
    {"resource": {"labels": {"prefect.state-type": ["FAILED", "CRASHED"]}}},
    {"resource": {"labels": {"prefect.state-type": ["FAILED", "RUNNING"]}}},
    {"resource": {"labels": {"prefect.state-type": "F*"}}},
    {"resource": {"labels": {"prefect.state-name": "Crashed"}}},
    {"resource": {"labels": {"prefect.resource.name": "run-FAILED"}}},
    {"resource": {"labels": {"prefect.orchestration": "client"}}},
    {"related": {"labels": {"team": "ab"}}},
    {"related": {"labels": {ROLE: "flow", "prefect.resource.name": "etl"}}},
    {"related": {"role": ["flow"], "labels": {"prefect.resource.name": "none"}}},
    {"related": {"labels": {ROLE: ["flow", "z"]}}},
    {"related": [{"labels": {ROLE: "tag"}}, {"labels": {ROLE: "flow-run"}}]},
    {"any_resource": {"labels": {"team": "ab"}}},
    {"any_resource": {"labels": {ID: "prefect.tag.x"}}},
    {"any_resource": {"labels": {"prefect.resource.name": "etl"}}},
    {"any_resource": [{"labels": {"team": "q"}}, {"id": ["shop.2"]}]},
]


def event(number, labels):
    resource = {ID: f"shop.{number}", **labels}
    related = OTHERS[number % len(OTHERS)]
    return EventCreate(
        id=new_id(), occurred=now(), event="sold", resource=resource, related=related
    )


@pytest.fixture
def filled(store, sender):
    told = [event(number, labels) for number, labels in enumerate(TOLD)]
    store.run(lambda tx: events.record(tx, now(), told))
    for end in (COMPLETED, StateType.FAILED, StateType.CRASHED):
        run = flow_run(flow="etl", name=f"run-{end.value}", tags=["x"])
        sender.send(run, move(run.run.id, RUNNING))
        sender.send(*whole_task(run.run.id)[1])
        sender.send(move(run.run.id, end))
    return store


@pytest.mark.parametrize("few", [True, False])
def test_those_are_found_that_have_the_labels(filled, few, monkeypatch):
    if not few:
        monkeypatch.setattr(queries, "FEW", -1)
    there = filled.read(lambda tx: events.list_between(tx, 0, 2**62, 999)).placed
    for given in GIVEN:
        asked = msgspec.convert(given, EventFilter)
        found = filled.read(lambda tx, a=asked: list(queries.EventQuery(tx, a).picked(None)))
        ids = sorted(str(one.event.id) for one in found if one.event is not None)
        expected = sorted(str(one.event.id) for one in there if includes(asked, one.event))
        assert ids == expected, given


def kept(store):
    query = Sql("SELECT event_label.label, event_label.value FROM event_label")
    return sorted(store.read(lambda tx: tx.select(query)))


def test_what_an_event_costs_has_a_bound(store):
    many = {f"label-{n}": "x" for n in range(1000)}
    store.run(lambda tx: events.record(tx, now(), [event(1, many)]))
    assert kept(store) == [MORE]
    store.run(lambda tx: events.record(tx, now(), [event(3, {"a": LONG, "b": "\0"})]))
    assert kept(store) == [MORE, ("a", LONG[:TEXT_MAX]), ("b", "\N{REPLACEMENT CHARACTER}")]


def test_labels_go_with_their_events(store):
    old, new = event(0, {"team": "a", "size": "\0"}), event(3, {"team": "a"})
    store.run(lambda tx: events.record(tx, now() - timedelta(days=8), [old, event(4, TOLD[5])]))
    store.run(lambda tx: events.record(tx, now(), [new]))
    week_ago = now() - timedelta(days=7)
    assert store.run(lambda tx: events.prune(tx, week_ago, limit=10)) == 2
    assert kept(store) == [("team", "a")]


def test_events_that_an_older_version_kept_are_found(tmp_path):
    path = tmp_path / "legato.db"
    migrate.create_sqlite(path, "0017")
    names = "position, day, ws, event_id, event, occurred_at, received_at, resource_id, resource"
    row = (1, 1, 0, new_id().bytes, "sold", 1, 1, "shop.1", json.dumps({ID: "shop.1", "team": "a"}))
    with closing(sqlite3.connect(path)) as connection, connection:
        asked = f"INSERT INTO event ({names}, related) VALUES ({'?, ' * len(row)}'[]')"
        connection.execute(asked, row)
    store = SqliteStore(path)
    try:
        assert kept(store) == [("team", "a")]
    finally:
        store.close()

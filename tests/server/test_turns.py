"""Turns over the API: at results that several processes want, at slots."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace

from legato._control import flights
from legato._model.flights import FLIGHT
from legato._model.records import ResultCached, ResultKept
from legato._model.results import Result
from legato._store.sql import Sql
from tests.store.records import Sender, new_id, now


@pytest.fixture
def sender(store):
    sender = Sender(store)
    sender.writer = replace(sender.writer, lease_seconds=15.0)
    return sender


class Flyer:
    """Who wants a key."""

    def __init__(self, api, writer_id, key="key"):
        self._api, self._id, self._key, self._writer = api, new_id(), key, writer_id

    def take(self, **more):
        body = {"flight_id": str(self._id), "cache_key": self._key, "writer_id": str(self._writer)}
        answer = self._api.post("/flights/", json={**body, **more})
        assert answer.status_code == 200
        return [name for name, fact in answer.json().items() if fact]

    def tell(self, verb, **more):
        answer = self._api.post(
            f"/flights/{self._id}/{verb}", json={"cache_key": self._key, **more}
        )
        assert answer.status_code == 204


def ready(api, **body):
    return api.post("/flights/wait", json=body).json()


def land(sender, key="key"):
    row = Result(id=new_id(), flow_run_id=None, serializer="json", size=1, sha256=bytes(32),
                 created_at=now(), body=b"7")  # fmt: skip
    sender.send(ResultKept(1, row), ResultCached(key, row.id, now()))


def test_one_makes_a_result_until_it_is_there(api, store, sender):
    sender.start()
    first, second = (Flyer(api, sender.writer.id) for _ in range(2))
    assert first.take() == ["is_ours"]
    assert second.take() == []
    assert first.take() == ["is_ours"]  # the answer was lost
    first.tell("mark", waits=True)
    second.tell("mark", waits=False)  # who does not make it has no say
    assert second.take() == ["waits"]
    first.tell("mark", waits=False)
    assert second.take() == []
    second.tell("end")
    assert ready(api, cache_keys=["key", "other"]) == {"cache_keys": ["other"]}
    land(sender)
    assert ready(api, cache_keys=["key"]) == {"cache_keys": ["key"]}
    assert second.take() == ["is_made"]
    assert second.take(refresh=True) == ["is_ours"]
    second.tell("end")
    assert (
        store.read(lambda tx: tx.select(Sql(f"SELECT * FROM lease WHERE kind = '{FLIGHT}'"))) == []
    )


def test_of_many_that_ask_at_once_one_makes_it(api, sender):
    sender.start()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: Flyer(api, sender.writer.id).take(), range(40)))
    assert sorted(found) == [[]] * 39 + [["is_ours"]]


def test_who_has_a_run_makes_it_for_long_and_others_are_given_up(api, store, sender):
    sender.start()
    alive, gone = Flyer(api, sender.writer.id), Flyer(api, new_id(), "left")
    assert (alive.take(), gone.take()) == (["is_ours"], ["is_ours"])
    hour = now() + timedelta(hours=1)
    assert store.run(lambda tx: flights.reap(tx, hour)) == 1
    assert ready(api, cache_keys=["key", "left"]) == {"cache_keys": ["left"]}


def test_who_waits_is_answered_as_soon_as_it_is_his_turn(api, sender):
    sender.start()
    holder = Flyer(api, sender.writer.id)
    holder.take()
    assert ready(api, cache_keys=["key"], seconds=0.01) == {}

    def wait():
        while not (found := ready(api, cache_keys=["key"], seconds=30)):
            pass
        return found

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        holder.tell("end")
        assert waiting.result(30) == {"cache_keys": ["key"]}


def test_slots_are_waited_for(api, sender):
    api.post("/v2/concurrency_limits/", json={"name": "db", "limit": 1})
    first, second = str(new_id()), str(new_id())
    for grant in (first, second):
        api.post("/slots/", json={"grant_id": grant, "names": ["db"]})
    unknown = str(new_id())
    assert ready(api, grants=[second, unknown], seconds=5) == {"grants": [unknown]}
    api.post(f"/slots/{first}/release", json={})
    assert ready(api, grants=[second], seconds=5) == {"grants": [second]}

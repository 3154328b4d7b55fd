"""A server removes results that nothing names, over both databases."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from tests.control.test_retention import count
from tests.store.conftest import postgres_url, sender, store
from tests.store.records import new_id, now

from legato._backend import pruning
from legato._cli import serving
from legato._control import results as control
from legato._model.operations.results import PutResultPart
from legato._model.records import ResultCached, ResultKept
from legato._model.results import UPLOADED, Result
from legato._settings import current as configuration
from legato._settings.home import open_home

__all__ = ["postgres_url", "sender", "store"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path / "home"))
    configuration.forget()
    yield open_home(configuration.current())
    configuration.forget()


def result(location=None, result_id=None):
    return Result(
        id=result_id or new_id(),
        flow_run_id=None,
        serializer="pickle",
        size=1,
        sha256=b"x" * 32,
        body=b"y" if location is None else None,
        location=location,
        created_at=now(),
    )


def upload(store, one):
    """Store the part of an upload of a result."""
    body = b"part"
    part = PutResultPart(
        result_id=one.id,
        upload_id=one.id,
        number=0,
        sha256=hashlib.sha256(body).digest(),
        body=body,
    )
    store.run(lambda tx: control.put_part(tx, now(), part))


def test_results_go_when_their_cache_entry_has_expired(store, sender, home, monkeypatch, tmp_path):
    """Those that stand for a key stay; objects go that lie in the home under their own ids."""
    monkeypatch.setattr(control, "DROPPED_AT_ONCE", 2)
    ids = [new_id() for _ in range(3)]
    uploads = [result(UPLOADED + each.hex, each) for each in ids]
    for each in uploads:
        upload(store, each)
    own_id = new_id()
    own = result(f"{home.storage()}/{own_id.hex}", own_id)
    theirs = result(str(tmp_path / "theirs"))
    for each in (own, theirs):
        with open(each.location, "wb") as file:
            file.write(b"object")
    kept, over = result(), [result(), own, theirs, *uploads]
    sender.send(*(ResultKept(0, each) for each in [kept, *over]))
    expired = now() - timedelta(hours=1)
    for number, each in enumerate([kept, *over]):
        until = None if each is kept else expired
        sender.send(ResultCached(str(number), each.id, now(), until))
    while not pruning.prune(store, home, now(), 0.0)[1]:
        assert count(store, "result") > 1
    assert [count(store, table) for table in ("result", "cache_entry", "result_part")] == [1, 1, 0]
    assert not (tmp_path / "home" / "storage" / own_id.hex).exists()
    assert (tmp_path / "theirs").exists()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_server_has_the_duty(home, request, kind):
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else None
    asked = serving.Asked(host="127.0.0.1", port=0, base_path="", database_url=url)
    store, duties = serving._opened(asked, home)
    assert "results-pruner" in {duty.name for duty in duties.status()}
    store.close()

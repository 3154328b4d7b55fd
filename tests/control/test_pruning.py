"""Cache entries die by expiry, and a result goes when neither an entry nor a run names it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from legato._control import results
from legato._model.operations.flow_runs import DeleteFlowRun
from legato._model.operations.task_runs import DeleteTaskRun
from legato._model.records import ResultCached, ResultKept, TaskRunCreated
from legato._model.results import Result
from legato._store.results import GRACE
from legato._store.sql import Sql
from tests.control.test_cache_lookups import looked
from tests.store.records import COMPLETED, RUNNING, moved, new_id, now, task

MINUTE = timedelta(minutes=1)


class Cache:
    """Makes cached results as runs do, and prunes."""

    def __init__(self, store, sender, send):
        self.store, self.sender, self.send = store, sender, send
        self.flow = sender.start()

    def make(self, key=None, lasts=None, flow="own", location=None, age=0 * MINUTE):
        """A run that made a result, under a key if there is one; returns the run."""
        run = task(self.flow if flow == "own" else flow)
        made = now() - age
        owner = None if key is not None else run.flow_run_id
        kept = Result(
            id=run.id, flow_run_id=owner, serializer="json", size=1, sha256=b"1" * 32,
            created_at=made, body=None if location else b"1", location=location,
        )  # fmt: skip
        records = [TaskRunCreated(1, run), moved(run, 2, RUNNING), ResultKept(1, kept)]
        if key is not None:
            expires = None if lasts is None else made + lasts
            records += [
                looked(run, cache_key=key, result_id=run.id),
                ResultCached(key, run.id, made, expires),
            ]
        end = moved(run, 3, COMPLETED)
        end.result_id = run.id
        self.sender.send(*records, end)
        return run

    def hit(self, made, flow="own"):
        """A run that took the result of another."""
        run = task(self.flow if flow == "own" else flow)
        found = looked(run, "hit", cache_key="k", result_id=made.id)
        self.sender.send(TaskRunCreated(1, run), moved(run, 2, RUNNING), found)
        return run

    def prune(self, limit=100):
        """Prune until nothing is left to be done; return the locations of objects."""
        locations = []
        while True:
            pruned = self.store.run(lambda tx: results.prune(tx, now(), limit))
            ids = [each for each, _ in pruned.objects]
            self.store.run(lambda tx, ids=ids: results.forget(tx, ids))
            locations += [where for _, where in pruned.objects]
            if not pruned.more:
                return locations

    def left(self):
        """How many (cache entries, results) there are."""
        counts = [Sql(f"SELECT count(*) FROM {name}") for name in ("cache_entry", "result")]
        return tuple(self.store.read(lambda tx, q=q: tx.select(q))[0][0] for q in counts)

    def is_kept(self, run):
        query = Sql("SELECT count(*) FROM result WHERE id = ?", [run.id])
        return self.store.read(lambda tx: tx.select(query)) == [(1,)]


@pytest.fixture
def cache(store, sender, send):
    return Cache(store, sender, send)


def test_an_expired_entry_goes_and_its_result_stays_while_a_run_names_it(cache, send):
    run = cache.make("k", lasts=MINUTE, age=MINUTE + 2 * GRACE)
    lasting = cache.make("other", lasts=timedelta(days=1))
    forever = cache.make("third")
    cache.prune()
    assert cache.left() == (2, 3)
    send(DeleteTaskRun(task_run_id=run.id))
    cache.prune()
    assert cache.left() == (2, 2)
    assert cache.is_kept(lasting)
    assert cache.is_kept(forever)


def test_who_has_just_found_an_expired_result_may_still_name_it(cache, send):
    run = cache.make("k", lasts=MINUTE, age=2 * MINUTE)
    send(DeleteTaskRun(task_run_id=run.id))
    cache.prune()
    assert cache.left() == (1, 1)


def test_a_result_outlives_its_run_while_its_entry_stands_or_another_run_took_it(cache, send):
    other = cache.sender.start()
    run = cache.make("k", lasts=MINUTE, age=MINUTE + 2 * GRACE)
    hit = cache.hit(run, other)
    send(DeleteFlowRun(flow_run_id=cache.flow))
    assert cache.left() == (1, 1)
    cache.prune()
    assert cache.left() == (0, 1)
    send(DeleteFlowRun(flow_run_id=hit.flow_run_id))
    cache.prune()
    assert cache.left() == (0, 0)


def test_a_replaced_result_goes_once_no_run_names_it(cache, send):
    old = cache.make("k", age=2 * GRACE)
    new = cache.make("k", age=GRACE + MINUTE)
    cache.prune()
    assert (cache.is_kept(old), cache.is_kept(new)) == (True, True)
    send(DeleteTaskRun(task_run_id=old.id))
    cache.prune()
    assert (cache.is_kept(old), cache.is_kept(new)) == (False, True)
    # its run goes first, then it is replaced
    send(DeleteTaskRun(task_run_id=new.id))
    cache.make("k")
    cache.prune()
    assert cache.left() == (1, 2)  # who has just found it may still name it


def test_a_result_that_was_never_entered_goes_with_its_run(cache, send):
    run = cache.make("k")
    query = Sql("DELETE FROM cache_entry")
    cache.store.run(lambda tx: tx.execute(query))  # as when the transaction was rolled back
    cache.prune()
    assert cache.is_kept(run)
    send(DeleteFlowRun(flow_run_id=cache.flow))
    cache.prune()
    assert cache.left() == (0, 0)


def test_what_lies_elsewhere_is_named_until_it_is_removed(cache, send):
    run = cache.make("k", lasts=MINUTE, age=MINUTE + 2 * GRACE, location="/storage/cached")
    cache.make(location="/storage/own")
    cache.make()
    outside = cache.make(flow=None, location="/storage/outside")
    send(DeleteFlowRun(flow_run_id=run.flow_run_id))
    assert cache.left() == (1, 3)
    send(DeleteTaskRun(task_run_id=outside.id))
    found = cache.store.run(lambda tx: results.prune(tx, now()))
    assert {where for _, where in found.objects} == {
        "/storage/cached", "/storage/own", "/storage/outside"
    }  # fmt: skip
    # who was to remove them died: they are found again
    assert len(cache.prune()) == 3
    assert cache.left() == (0, 0)


def test_each_step_is_bounded(cache, send):
    runs = [cache.make(f"k{n}", lasts=MINUTE, age=MINUTE + 2 * GRACE) for n in range(5)]
    pruned = cache.store.run(lambda tx: results.prune(tx, now(), 2))
    assert (pruned.gone, pruned.more) == (2, True)
    assert cache.left() == (3, 5)
    cache.prune(limit=2)
    assert cache.left() == (0, 5)
    for run in runs:
        send(DeleteTaskRun(task_run_id=run.id))
    cache.prune(limit=2)
    assert cache.left() == (0, 0)


def test_a_result_of_nobody_s_is_left_alone(cache):
    stray = Result(
        id=new_id(), flow_run_id=None, serializer="json", size=1, sha256=b"1" * 32,
        created_at=now() - timedelta(days=9), body=b"1",
    )  # fmt: skip
    cache.sender.send(ResultKept(0, stray))
    cache.prune()
    assert cache.left() == (0, 1)

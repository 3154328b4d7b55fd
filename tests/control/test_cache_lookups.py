"""What task runs found in the cache is stored with them, explained, and goes with them."""

from __future__ import annotations

from datetime import timedelta

from legato._model.cache_lookups import CacheLookup
from legato._model.operations.cache_lookups import ExplainCacheLookup
from legato._model.operations.flow_runs import DeleteFlowRun
from legato._model.operations.task_runs import DeleteTaskRun
from legato._model.records import CacheLookedUp, ResultCached, ResultKept, TaskRunCreated
from legato._model.results import Result
from legato._store.sql import Sql
from tests.store.records import COMPLETED, RUNNING, moved, now, task


def looked(run, outcome="miss", again=False, epoch=1, **more):
    more.setdefault("at", now())
    lookup = CacheLookup(task_run_id=run.id, step_name="mod.work", outcome=outcome, **more)
    return CacheLookedUp(epoch, run.flow_run_id, lookup, again)


def called(sender, flow_run_id, **more):
    """A task run with its look-up."""
    run = task(flow_run_id)
    record = looked(run, **more)
    sender.send(TaskRunCreated(1, run), moved(run, 2, RUNNING), record, moved(run, 3, COMPLETED))
    return run, record.lookup


def explain(send, run):
    return send(ExplainCacheLookup(task_run_id=run.id))


def test_a_look_up_comes_back_as_it_was_recorded(send, sender):
    run, lookup = called(
        sender,
        sender.start(),
        cache_key="k\0ü",
        parts={"inputs.x": "12ab", "not covered:eval": "\ud800"},
        problem="why",
        expiration=timedelta(microseconds=7),
        result_id=task(None).id,
    )
    found = explain(send, run).lookup
    lookup.cache_key = "k\N{REPLACEMENT CHARACTER}ü"
    lookup.parts["not covered:eval"] = "\\ud800"
    assert found == lookup


def test_a_run_that_did_not_look_is_not_explained(send, sender):
    run = task(sender.start())
    sender.send(TaskRunCreated(1, run))
    assert explain(send, run) is None


def test_a_miss_is_compared_with_earlier_runs_of_its_task_only(send, sender):
    flow = sender.start()
    one, _ = called(sender, flow, cache_key="k", parts={"a": "1", "b": "1"})
    other, _ = called(sender, flow, cache_key="o", parts={"a": "2", "b": "2"})
    called(sender, flow, outcome="no key")
    run, _ = called(sender, flow, cache_key="x", parts={"a": "1", "b": "2"})
    later, _ = called(sender, flow, cache_key="y", parts={"a": "1", "b": "2"})
    found = explain(send, run)
    assert (found.compared_with, found.differing) == (other.id, ["a"])
    assert explain(send, one).compared_with is None
    assert explain(send, later).compared_with == run.id


def test_an_expired_result_is_named(send, sender):
    flow = sender.start()
    made, _ = called(sender, flow, cache_key="k", expiration=timedelta(hours=1))
    called(sender, flow, cache_key="k", outcome="hit", result_id=made.id)
    soon, _ = called(sender, flow, cache_key="k", at=now() + timedelta(minutes=59))
    assert explain(send, soon).expired_at is None
    late, _ = called(sender, flow, cache_key="k", at=now() + timedelta(minutes=61))
    # the last that made it counts
    assert explain(send, late).expired_at is None
    sender.send(looked(soon, again=True, cache_key="other"))
    found = explain(send, late)
    assert found.made_by == made.id
    assert found.expired_at is not None


def test_of_the_look_ups_of_one_run_the_last_counts(send, sender):
    run, _ = called(sender, sender.start(), cache_key="k")
    sender.send(looked(run, "hit", again=True, cache_key="k", result_id=run.id))
    assert explain(send, run).lookup.outcome == "hit"
    sender.send(looked(run, cache_key="k"))  # delivered twice
    assert explain(send, run).lookup.outcome == "hit"


def test_a_closed_attempt_explains_nothing_any_more(send, sender):
    run, _ = called(sender, sender.start(), cache_key="k")
    answer = sender.send(looked(run, "hit", again=True, cache_key="k", epoch=7))
    assert answer.fenced
    assert not answer.quarantined
    assert explain(send, run).lookup.outcome == "miss"


def test_look_ups_go_with_their_runs(store, send, sender):
    flow = sender.start()
    run, _ = called(sender, flow, cache_key="k")
    called(sender, flow, cache_key="k")
    send(DeleteTaskRun(task_run_id=run.id))
    assert explain(send, run) is None
    send(DeleteFlowRun(flow_run_id=flow))
    count = Sql("SELECT count(*) FROM task_run_cache")
    assert store.read(lambda tx: tx.select(count)) == [(0,)]


def test_records_wait_in_the_spool_as_they_are():
    from legato._model.packing import packed, unpacked

    result = Result(
        id=task(None).id, flow_run_id=None, serializer="json", size=1, sha256=b"", created_at=now()
    )
    for record in (
        looked(task(None), cache_key="k", parts={"a": "\ud800"}, expiration=timedelta(days=1)),
        ResultKept(1, result),
        ResultCached("k", result.id, now()),
    ):
        assert unpacked(packed(record)) == record

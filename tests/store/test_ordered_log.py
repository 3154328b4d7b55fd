"""The ordered log on both stores: who follows it sees every committed transition once, in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._control import ordered_log as log
from legato._model.errors import InvalidRequest, Resync
from legato._model.ordered_log import BEGINNING, cursor_at, position_of
from legato._store import ordered_log, trees
from legato._store.sql import Sql
from tests.store.records import COMPLETED, RUNNING, flow_run, move, until, whole_task


def latest(store):
    """The cursor behind all that is committed, once the store is sure of it.

    On PostgreSQL that takes until transactions are over which other tests have open.
    """
    for table in ("flow_run_state", "task_run_state"):
        query = Sql(f"SELECT coalesce(max(position), 0) FROM {table}")
        ((last,),) = store.read(lambda tx, query=query: tx.select(query))
        until(lambda last=last: store.stable_position() >= last)
    return log.latest(store)


def follow(store, cursor=BEGINNING, limit=log.LIMIT):
    """All entries after a cursor, and the cursor behind them."""
    latest(store)
    entries, more = [], True
    while more:
        page = log.read(store, cursor, limit)
        entries += page.entries
        cursor, more = page.cursor, page.more
    return entries, cursor


def told(entries):
    return [(e.noun, e.version, e.state.type.value) for e in entries]


def test_the_log_tells_all_transitions_in_the_order_in_which_they_were_written(store, sender):
    start = latest(store)
    run_id = sender.start()
    sender.send(*whole_task(run_id)[1])
    sender.send(move(run_id, COMPLETED))
    entries, cursor = follow(store, start)
    assert told(entries) == [
        ("flow_run", 1, "PENDING"),
        ("flow_run", 2, "RUNNING"),
        ("task_run", 1, "PENDING"),
        ("task_run", 2, "RUNNING"),
        ("task_run", 3, "COMPLETED"),
        ("flow_run", 3, "COMPLETED"),
    ]
    assert {e.flow_run_id for e in entries} == {run_id}
    assert follow(store, cursor)[0] == []


def test_pages_of_any_size_tell_the_same(store, sender):
    start = latest(store)
    run_id = sender.start()
    for _ in range(3):
        sender.send(*whole_task(run_id)[1])
    whole, _ = follow(store, start)
    assert len(whole) == 11
    for limit in (1, 2, 3, 11, 12):
        assert follow(store, start, limit)[0] == whole


def test_what_is_deleted_leaves_no_trace_and_holds_nobody_up(store, sender):
    start = latest(store)
    gone, kept = sender.start(), sender.start()
    store.run(lambda tx: trees.delete(tx, gone))
    entries, _ = follow(store, start)
    assert {e.run_id for e in entries} == {kept}


def test_a_cursor_from_before_what_is_kept_asks_to_start_again(store, sender):
    old = latest(store)
    sender.start()
    cut = position_of(latest(store))
    store.run(lambda tx: ordered_log.retain_after(tx, cut))
    store.run(lambda tx: ordered_log.retain_after(tx, cut - 1))  # never goes back
    with pytest.raises(Resync, match=f"from position {cut + 1} on.*cursor") as caught:
        log.read(store, old)
    assert (caught.value.code, caught.value.status) == ("resync", 410)
    sender.send(flow_run())
    assert told(follow(store, cursor_at(cut))[0]) == [("flow_run", 1, "PENDING")]


def test_a_late_report_of_a_closed_attempt_has_no_version(store, sender):
    run_id = sender.start()
    start = latest(store)
    sender.send(move(run_id, RUNNING, epoch=7))
    assert told(follow(store, start)[0]) == [("flow_run", None, "RUNNING")]


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_is_a_position_and_back(position):
    assert position_of(cursor_at(position)) == position


@pytest.mark.parametrize(
    "text", ["", "7", "v2.7", "v1.", "v1.-7", "v1.7x", "v1.\u0667", "v1." + "9" * 20]
)
def test_other_text_is_no_cursor(text):
    with pytest.raises(InvalidRequest, match=r"cursor: .* is no cursor"):
        position_of(text)

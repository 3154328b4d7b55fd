"""What is old goes: flow runs with all below them, events; what goes on stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from legato._cli import retaining
from legato._control import artifact_collections, artifacts, ordered_log
from legato._control.duties import old_artifacts, old_logs, old_runs
from legato._control.duties.retention import (
    ARTIFACTS,
    EVENTS,
    FLOW_RUNS,
    KINDS,
    LOGS,
    TASK_RUNS,
    Pruner,
)
from legato._model.artifacts import ArtifactCreate
from legato._model.errors import Resync
from legato._model.events import EventCreate
from legato._model.operations.artifacts import CreateArtifact, ReadArtifactCollection
from legato._server.chores import Rules, chores
from legato._store import events, trees
from legato._store.dialect import micros
from legato._store.sql import Sql
from tests.store.records import (
    COMPLETED,
    RUNNING,
    flow_run,
    line,
    move,
    new_id,
    now,
    task,
    until,
    whole_task,
)

KEEP = timedelta(days=90)
TABLES = ("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "attempt")


class Later:
    """A clock that is ahead."""

    def __init__(self, ahead):
        self.ahead = ahead

    def now(self):
        return now() + self.ahead


def count(store, table):
    return store.read(lambda tx: tx.select(Sql(f"SELECT count(*) FROM {table}")))[0][0]


def ended(sender):
    """Have a run with a task and a log line that ended now; return its id."""
    run_id = sender.start()
    sender.send(*whole_task(run_id)[1], line("word", flow_run_id=run_id))
    sender.send(move(run_id, COMPLETED))
    return run_id


def with_subflow(sender, tasks=1):
    """Have a run that called a flow, each with tasks; both ended now. Return their ids."""
    parent = sender.start()
    child = flow_run(parent=task(parent), parent_epoch=1)
    sender.send(child, move(child.run.id, RUNNING))
    for run_id in (parent, child.run.id):
        for _ in range(tasks):
            sender.send(*whole_task(run_id)[1], line("word", flow_run_id=run_id))
    sender.send(move(child.run.id, COMPLETED), move(parent, COMPLETED))
    return parent, child.run.id


def over(store, later, keep=KEEP, kind=FLOW_RUNS):
    """Go once round, as a server does that far in the future."""
    pruner = Pruner(KINDS[kind], store, Later(later), keep)
    while pruner():
        pass


def test_a_run_goes_with_all_that_is_its_own_when_its_time_is_over(store, sender):
    ended(sender)
    over(store, KEEP - timedelta(minutes=1))
    assert count(store, "flow_run") == 1
    over(store, KEEP + timedelta(minutes=1))
    assert [count(store, table) for table in TABLES] == [0] * len(TABLES)


def test_a_run_that_goes_on_stays(store, sender):
    running = sender.start()
    ended(sender)
    over(store, 2 * KEEP)
    rows = store.read(lambda tx: tx.select(Sql("SELECT state_type FROM flow_run")))
    assert rows == [("RUNNING",)]
    assert sender.send(move(running, COMPLETED)).answers


def test_more_than_one_page_goes_past_those_that_must_stay(store, sender, monkeypatch):
    monkeypatch.setattr(old_runs, "BATCH", 2)
    held = {with_subflow(sender)[0] for _ in range(3)}
    outlived = Sql(
        "UPDATE flow_run SET end_at = ? WHERE parent_task_run_id IS NOT NULL",
        (micros(now() + 2 * KEEP),),
    )
    store.run(lambda tx: tx.execute(outlived))
    for _ in range(3):
        ended(sender)
    over(store, 2 * KEEP)
    left = store.read(lambda tx: tx.select(Sql("SELECT parent_task_run_id FROM flow_run")))
    assert sorted(row[0] is None for row in left) == [False] * 3 + [True] * len(held)


@pytest.mark.parametrize("stays", [True, False])
def test_a_tree_goes_when_all_of_it_is_over(store, sender, stays):
    _, child = with_subflow(sender)
    if stays:
        end = micros(now() + 2 * KEEP)
        outlived = Sql("UPDATE flow_run SET end_at = ? WHERE id = ?", (end, child))
        store.run(lambda tx: tx.execute(outlived))
    over(store, 2 * KEEP)
    assert count(store, "flow_run") == (2 if stays else 0)


@pytest.mark.parametrize("pieces", [1, 2, 4, 5, 7])
def test_a_large_tree_goes_piece_by_piece_and_nothing_loses_its_parent(
    store, sender, monkeypatch, pieces
):
    """Whoever dies after some pieces leaves what a reader understands, and the next goes on."""
    monkeypatch.setattr(old_runs, "ROOM", 3)
    parent, _ = with_subflow(sender, tasks=4)
    before = now() + KEEP
    for _ in zip(range(pieces), KINDS[FLOW_RUNS].prune(store, before), strict=False):
        assert count(store, f"flow_run WHERE {_PARENTLESS}") == 0
        assert count(store, f"task_run WHERE {_HOMELESS}") == 0
    if count(store, "flow_run"):
        assert store.read(lambda tx: trees.list_ended(tx, trees.FIRST, before, 9))[0].id == parent
    assert count(store, "flow_run") == 2 or pieces > 2
    assert count(store, "log") < 8
    assert sum(KINDS[FLOW_RUNS].count(store, before)) == count(store, "flow_run")
    over(store, 2 * KEEP)
    assert [count(store, table) for table in TABLES] == [0] * len(TABLES)


_PARENTLESS = (
    "parent_task_run_id IS NOT NULL AND parent_task_run_id NOT IN (SELECT id FROM task_run)"
)
_HOMELESS = "flow_run_id NOT IN (SELECT id FROM flow_run)"


def test_a_run_that_goes_on_again_between_pieces_stays(store, sender, monkeypatch):
    monkeypatch.setattr(old_runs, "ROOM", 2)
    run_id = ended(sender)
    around = KINDS[FLOW_RUNS].prune(store, now() + KEEP)
    next(around)
    again = Sql("UPDATE flow_run SET end_at = NULL, state_type = 'RUNNING' WHERE id = ?", (run_id,))
    store.run(lambda tx: tx.execute(again))
    assert list(around) == []
    assert count(store, "flow_run") == 1
    store.run(lambda tx: trees.delete(tx, run_id))


def test_old_events_go_and_what_is_kept_for_ever_has_no_duty(store):
    told = EventCreate(
        occurred=now(), event="a", resource={"prefect.resource.id": "x"}, id=new_id()
    )
    store.run(lambda tx: events.record(tx, now(), [told]))
    clock = Later(timedelta(days=31))
    rules = Rules(keep={EVENTS: timedelta(days=30)})
    duties = {duty.status.name: duty for duty in chores(store, clock, rules)}
    assert "flow-runs-pruner" not in duties
    assert duties["events-pruner"].tick() is True
    assert duties["events-pruner"].tick() is False
    assert count(store, "event") == 0


def test_log_lines_of_old_days_go_before_their_run(store, sender):
    """A clock that is ahead holds up nobody else's; who follows from before them is told so."""
    run_id = sender.start()
    ahead = line("later", flow_run_id=run_id)
    ahead.log.timestamp = now() + timedelta(days=100)
    sender.send(ahead)
    sender.send(line("word", flow_run_id=run_id), line("and one more", flow_run_id=run_id))
    sender.send(move(run_id, COMPLETED))
    until(lambda: len(ordered_log.read_logs(store, 0).lines) == 3)
    begin = ordered_log.read_logs(store, 0)
    over(store, timedelta(days=30), timedelta(days=30), LOGS)
    assert count(store, "log") == 3
    before = now() + timedelta(days=1)
    assert sum(KINDS[LOGS].count(store, before)) == 2
    assert sum(KINDS[LOGS].prune(store, before)) == 2
    assert [count(store, table) for table in ("log", "log_arrival", "flow_run")] == [1, 1, 1]
    with pytest.raises(Resync):
        ordered_log.read_logs(store, 0)
    assert ordered_log.read_logs(store, begin.upto).lines == []


def test_old_lines_go_past_many_of_clocks_that_are_ahead(store, sender, monkeypatch):
    monkeypatch.setattr(old_logs, "BATCH", 2)
    run_id = sender.start()
    for _ in range(5):
        ahead = line("later", flow_run_id=run_id)
        ahead.log.timestamp = now() + timedelta(days=100)
        sender.send(ahead)
    sender.send(line("word", flow_run_id=run_id))
    sender.send(move(run_id, COMPLETED))
    assert sum(KINDS[LOGS].prune(store, now() + timedelta(days=1))) == 1


def test_old_artifacts_go_but_for_the_latest_of_each_key(store, monkeypatch):
    monkeypatch.setattr(old_artifacts, "BATCH", 2)

    def make(key, text):
        asked = CreateArtifact(artifact=ArtifactCreate(key=key, type="markdown", data=text))
        return store.run(lambda tx: artifacts.create(tx, now(), asked)).id

    for number in range(3):
        make("report", f"no. {number}")
        make(None, "by the way")
    latest = make("report", "the latest")
    before = now() + timedelta(days=1)
    assert sum(KINDS[ARTIFACTS].prune(store, now() - timedelta(days=1))) == 0
    assert sum(KINDS[ARTIFACTS].count(store, before)) == 6
    assert sum(KINDS[ARTIFACTS].prune(store, before)) == 6
    asked = ReadArtifactCollection(key="report")
    left = store.read(lambda tx: artifact_collections.read(tx, now(), asked))
    assert (left.id, left.data) == (latest, "the latest")
    assert count(store, "artifact") == 1


def test_each_kind_is_kept_for_its_own_time_by_default():
    kept = retaining.kept()
    assert set(kept) == set(KINDS)
    assert kept[LOGS] < kept[FLOW_RUNS]


def test_task_runs_outside_of_flows_go_after_the_flow_runs_that_they_called(store, sender):
    child = flow_run(parent=task(None))
    sender.send(*whole_task(None, epoch=0)[1], child, move(child.run.id, RUNNING))
    sender.send(move(child.run.id, COMPLETED))
    assert sum(KINDS[TASK_RUNS].prune(store, now() - KEEP)) == 0
    before = now() + KEEP
    assert sum(KINDS[TASK_RUNS].count(store, before)) == 1
    assert sum(KINDS[TASK_RUNS].prune(store, before)) == 1
    assert sum(KINDS[FLOW_RUNS].prune(store, before)) == 1
    assert sum(KINDS[TASK_RUNS].prune(store, before)) == 1
    assert [count(store, table) for table in TABLES] == [0] * len(TABLES)

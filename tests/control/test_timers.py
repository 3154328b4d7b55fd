"""A state that a run is left in comes to an end: late, never resumed, never reported cancelled."""

from __future__ import annotations

from datetime import timedelta

import pytest

from legato._control.duties import timers
from legato._control.registry import handler_of
from legato._model.flows import FlowCreate
from legato._model.operations.flow_runs import (
    CreateFlowRun,
    DeleteFlowRun,
    FlowRunRequest,
    ReadFlowRun,
    SetFlowRunState,
    StateCreate,
)
from legato._model.operations.flows import CreateFlow
from legato._model.states import StateDetails, StateType
from legato._model.timers import CANCEL, CANCEL_AFTER, LATE, PAUSE
from legato._store.sql import Sql
from tests.store.records import move, now, state

HOUR = timedelta(hours=1)


class Runs:
    """Flow runs as Prefect's clients have them, and a duty that looks at `ahead` from now."""

    def __init__(self, store, send):
        self.store, self.send = store, send
        self.flow_id = send(CreateFlow(flow=FlowCreate(name="etl"))).id

    def create(self, kind, **details):
        asked = StateCreate(type=kind, state_details=StateDetails(**details))
        run = FlowRunRequest(flow_id=self.flow_id, state=asked)
        return self.send(CreateFlowRun(flow_run=run)).id

    def propose(self, run_id, kind, *, force=False, **details):
        asked = StateCreate(type=kind, state_details=StateDetails(**details))
        request = SetFlowRunState(flow_run_id=run_id, state=asked, force=force)
        handle = handler_of(request, prefect=True)
        return self.store.run(lambda tx: handle(tx, now(), request)).status

    def stands(self, run_id):
        found = self.send(ReadFlowRun(flow_run_id=run_id)).state
        return found.type.value, found.name

    def due(self, kind, ahead=timedelta()):
        return self.store.read(lambda tx: timers.list_due(tx, kind, now() + ahead))

    def tick(self, kind, ahead=timedelta()):
        due = self.due(kind, ahead)
        return self.store.run(lambda tx: timers.fire(tx, now() + ahead, due))

    def left(self):
        query = Sql("SELECT count(*) FROM timer")
        return self.store.read(lambda tx: tx.select(query))[0][0]


@pytest.fixture
def runs(store, send):
    return Runs(store, send)


def test_a_run_that_has_not_started_in_time_is_late_and_keeps_its_time(runs):
    due = now() - timedelta(seconds=20)
    late = runs.create(StateType.SCHEDULED, scheduled_time=due)
    later = runs.create(StateType.SCHEDULED, scheduled_time=now() + HOUR)
    assert runs.tick(LATE) == 1
    assert runs.stands(late) == ("SCHEDULED", "Late")
    assert runs.stands(later) == ("SCHEDULED", "Scheduled")
    found = runs.send(ReadFlowRun(flow_run_id=late))
    assert (found.next_scheduled_start_time, found.state.state_details.scheduled_time) == (due, due)
    assert (runs.tick(LATE), runs.left()) == (0, 1)
    assert runs.propose(late, StateType.PENDING) == "ACCEPT"


def test_a_timer_of_a_state_that_was_left_is_void(runs):
    run_id = runs.create(StateType.SCHEDULED, scheduled_time=now())
    gone = runs.create(StateType.SCHEDULED, scheduled_time=now())
    runs.propose(run_id, StateType.PENDING)
    runs.send(DeleteFlowRun(flow_run_id=gone))
    assert len(runs.due(LATE)) == 2
    assert runs.tick(LATE) == 0
    assert (runs.stands(run_id), runs.left()) == (("PENDING", "Pending"), 0)


def test_firing_twice_moves_a_run_once(runs):
    run_id = runs.create(StateType.SCHEDULED, scheduled_time=now())
    due = runs.due(LATE)
    for moved in (1, 0):
        assert runs.store.run(lambda tx: timers.fire(tx, now(), due)) == moved
    assert runs.stands(run_id) == ("SCHEDULED", "Late")


def test_a_paused_run_that_nobody_resumes_fails(runs):
    run_id = runs.create(StateType.RUNNING)
    end = now() + HOUR
    assert runs.propose(run_id, StateType.PAUSED, pause_timeout=end) == "ACCEPT"
    assert runs.tick(PAUSE) == 0
    assert runs.tick(PAUSE, ahead=HOUR) == 1
    found = runs.send(ReadFlowRun(flow_run_id=run_id))
    assert (found.state.type, found.state.message) == (
        StateType.FAILED, "The flow was paused and never resumed."
    )  # fmt: skip
    assert found.end_time is not None


def test_a_pause_without_a_time_goes_on(runs):
    run_id = runs.create(StateType.RUNNING)
    runs.propose(run_id, StateType.PAUSED)
    assert runs.tick(PAUSE, ahead=1000 * HOUR) == 0
    assert runs.stands(run_id) == ("PAUSED", "Paused")


def test_a_run_that_is_cancelled_and_never_reported_is_cancelled_in_the_end(runs):
    run_id = runs.create(StateType.RUNNING)
    assert runs.propose(run_id, StateType.CANCELLING) == "ACCEPT"
    assert runs.tick(CANCEL) == 0
    assert runs.tick(CANCEL, ahead=CANCEL_AFTER) == 1
    assert runs.stands(run_id) == ("CANCELLED", "Cancelled")


def test_a_run_whose_process_holds_it_is_left_to_that(runs, sender):
    run_id = sender.start()
    sender.send(move(run_id, StateType.CANCELLING))
    assert runs.stands(run_id) == ("CANCELLING", "Cancelling")
    assert runs.tick(CANCEL, ahead=CANCEL_AFTER) == 0
    assert (runs.stands(run_id), runs.left()) == (("CANCELLING", "Cancelling"), 0)


def test_the_journal_sets_timers_for_the_state_that_a_batch_ends_in(runs, sender):
    run_id = sender.start()
    paused = move(run_id, StateType.PAUSED)
    paused.state = state(StateType.PAUSED, state_details=StateDetails(pause_timeout=now() + HOUR))
    sender.send(paused)
    assert runs.left() == 1

"""Counts of what is over: kept once, dropped by whoever changes it, summed with the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from legato._control.duties import tallies as duty
from legato._control.registry import handler_of
from legato._model.filters import FlowRunFilter, NameFilter, TaskRunFilter, TimeFilter
from legato._model.flows import FlowCreate
from legato._model.operations.dashboard import CountEndedTaskRuns
from legato._model.operations.flow_runs import (
    CountFlowRuns,
    CreateFlowRun,
    DeleteFlowRun,
    FlowRunRequest,
    SetFlowRunState,
    StateCreate,
)
from legato._model.operations.flows import CreateFlow
from legato._model.operations.histories import (
    CountTaskRunsByState,
    FlowRunHistory,
    TaskRunHistory,
)
from legato._model.operations.task_runs import CountTaskRuns, DeleteTaskRun
from legato._model.states import StateDetails, StateType
from legato._store import tallies
from tests.store.records import COMPLETED, RUNNING, flow_run, move, now, whole_task

LONG_AGO = timedelta(hours=2)
MINUTE = timedelta(minutes=1)


class Counts:
    """A database with runs of two hours ago, and what is counted of them."""

    def __init__(self, store, send):
        self.store, self.send, self.start = store, send, now() - 2 * LONG_AGO
        self.flow_id = send(CreateFlow(flow=FlowCreate(name="etl"))).id

    def run(self, *kinds):
        """Have a flow run that was due two hours ago and went through some states."""
        details = StateDetails(scheduled_time=now() - LONG_AGO)
        asked = StateCreate(type=StateType.SCHEDULED, state_details=details)
        request = FlowRunRequest(flow_id=self.flow_id, name="run", state=asked)
        run_id = self.send(CreateFlowRun(flow_run=request)).id
        for kind in kinds:
            self.enter(run_id, kind)
        return run_id

    def enter(self, run_id, kind):
        request = SetFlowRunState(flow_run_id=run_id, state=StateCreate(type=kind), force=True)
        handle = handler_of(request, prefect=True)
        self.store.run(lambda tx: handle(tx, now(), request))

    def keep(self, ahead=timedelta()):
        """Let the duty run at a time and a little later, until it has nothing to do."""
        for noun in duty.NOUNS:
            for later in (ahead, ahead + 2 * MINUTE):
                while duty.keep(self.store, noun, now() + later):
                    pass

    def kept(self, noun="flow_run"):
        return len(self.store.read(lambda tx: tallies.list_counted(tx, noun, 0, 1 << 62)))

    def told(self, *, all_looked_at, end=None):
        """What is counted; `all_looked_at`: by a filter that picks all, run by run."""
        end = end or now() + LONG_AGO
        every = NameFilter(like_="") if all_looked_at else None
        of_flows = FlowRunFilter(name=every, expected_start_time=TimeFilter(after_=self.start))
        of_tasks = TaskRunFilter(name=every, start_time=TimeFilter(after_=self.start))
        span = {
            "history_start": self.start,
            "history_end": end,
            "history_interval_seconds": 3400.0,
            "flow_runs": FlowRunFilter(name=every) if every else None,
        }
        return [
            _finished(self.send(FlowRunHistory(**span))),
            _finished(self.send(TaskRunHistory(**span))),
            self.send(CountFlowRuns(flow_runs=of_flows)),
            self.send(CountTaskRuns(task_runs=of_tasks)),
            self.send(CountTaskRunsByState(task_runs=of_tasks)),
            self.send(CountEndedTaskRuns(task_runs=of_tasks)),
        ]

    def agrees(self):
        """Whatever is kept, as much is counted as by looking at each run."""
        end = now() + LONG_AGO
        found = self.told(all_looked_at=False, end=end)
        assert found == self.told(all_looked_at=True, end=end)
        return found


def _finished(history):
    """The states by name; how late a run is that has not started changes as one looks."""
    return [
        {
            s.state_name: (s.count_runs, s.sum_estimated_run_time, s.sum_estimated_lateness)
            for s in part.states
            if s.state_type in (StateType.COMPLETED, StateType.FAILED)
        }
        for part in history
    ]


@pytest.fixture
def counts(store, send):
    return Counts(store, send)


def test_as_much_is_counted_whether_it_is_kept_or_not(counts):
    counts.run(StateType.COMPLETED)
    counts.run(StateType.FAILED)
    counts.run(StateType.RUNNING)
    before = counts.agrees()
    counts.keep()
    assert counts.kept() > 0
    assert counts.agrees()[2:] == before[2:] == [3, 0, *before[4:]]


def test_who_changes_what_is_over_drops_what_is_kept_of_it(counts):
    first, second = counts.run(StateType.COMPLETED), counts.run(StateType.RUNNING)
    counts.keep()
    whole = counts.kept()
    counts.enter(second, StateType.FAILED)
    assert counts.kept() == whole - 1
    counts.agrees()
    counts.keep()
    assert counts.kept() == whole
    counts.send(DeleteFlowRun(flow_run_id=first))
    assert counts.kept() == whole - 1
    assert counts.agrees()[2] == 1


def test_task_runs_are_counted_by_when_they_were_expected_and_by_their_start(counts, store, sender):
    proposed = flow_run()
    run, records = whole_task(proposed.run.id)
    sender.send(proposed, move(proposed.run.id, RUNNING), *records)
    sender.send(move(proposed.run.id, COMPLETED))
    counts.keep(LONG_AGO)  # as if that were long over
    assert counts.kept("task_run") > 0
    assert counts.agrees()[3] == 1
    counts.send(DeleteTaskRun(task_run_id=run.id))
    assert counts.agrees()[3] == 0


def test_what_was_changed_while_it_was_counted_is_not_kept(counts, store):
    run_id = counts.run(StateType.RUNNING)
    missing = store.read(lambda tx: tallies.list_missing(tx, "flow_run", now()))
    store.run(lambda tx: tallies.announce(tx, "flow_run", missing, now()))
    assert store.read(lambda tx: tallies.list_due(tx, "flow_run", now())) == []
    due = store.read(lambda tx: tallies.list_due(tx, "flow_run", now() + 2 * MINUTE))
    found = store.read(lambda tx: tallies.count(tx, due))
    counts.enter(run_id, StateType.COMPLETED)
    again = store.read(lambda tx: tallies.list_missing(tx, "flow_run", now()))
    store.run(lambda tx: tallies.announce(tx, "flow_run", again, now()))
    assert store.run(lambda tx: tallies.fill(tx, due, found)) == len(due) - 1
    assert counts.agrees()[2] == 1


def test_nothing_is_kept_of_a_database_without_runs(counts):
    counts.keep()
    assert (counts.kept(), counts.kept("task_run")) == (0, 0)


def test_what_has_just_ended_is_not_kept_yet(counts, sender):
    sender.send(move(sender.start(), COMPLETED))
    counts.keep()
    assert counts.kept() == 0

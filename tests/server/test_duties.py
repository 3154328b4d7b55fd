"""Duties: done again and again, also after one has failed, and some by one server only."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from legato._backend.hosting import HostLock
from legato._control.duties import leadership, timers
from legato._journal.clock import SystemClock
from legato._model import timers as kinds
from legato._server import chores
from legato._server.duties import Duties, Duty
from legato._server.leadership import LeaseLeadership
from tests.store.records import new_id, now

TTL = timedelta(seconds=15)


class Lead:
    """Leadership that the test gives and takes."""

    every = 5.0

    def __init__(self):
        self.ours = self.given_up = False

    def is_ours(self):
        return self.ours

    def renew(self):
        self.ours = True

    def give_up(self):
        self.given_up = True


class Fixed:
    """A clock that stands."""

    def __init__(self, at):
        self.now = lambda: at


@pytest.fixture
def running():
    """Start duties; they are stopped at the end."""
    started = []

    def start(duties):
        duties.start()
        started.append(duties)
        return duties

    yield start
    for duties in started:
        duties.stop(30)


def test_a_duty_goes_on_after_it_failed(caplog):
    done, ticks = threading.Event(), []

    def work():
        ticks.append(1)
        if len(ticks) == 1:
            raise ValueError("once")
        if len(ticks) == 3:
            done.set()

    duties = Duties([Duty("cleaner", 0.001, work)])
    duties.start()
    assert done.wait(30)
    duties.stop(30)
    (status,) = duties.status()
    assert (status.name, status.failures, status.last_error) == ("cleaner", 1, None)
    assert status.ticks == len(ticks) >= 3
    assert "'cleaner' failed" in caplog.text


def test_a_duty_that_fails_or_hangs_is_seen(monkeypatch, running):
    monkeypatch.setattr("legato._server.duties._STALLED_SECONDS", 0.01)
    begun, go_on, failed = threading.Event(), threading.Event(), threading.Event()

    def hangs():
        begun.set()
        go_on.wait(30)

    def fails():
        failed.set()
        raise ValueError("again")

    duties = running(Duties([Duty("hangs", 0.001, hangs), Duty("fails", 3600, fails)]))
    assert begun.wait(30)
    assert failed.wait(30)
    while not all(status.stalled for status in duties.status()):
        pass
    hanging, failing = duties.status()
    go_on.set()
    assert hanging.lag > 0.01
    assert (failing.failures, failing.last_error) == (1, "ValueError: again")


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.999])
def test_a_tick_is_never_late_by_chance_and_at_most_a_fifth_early(monkeypatch, running, luck):
    monkeypatch.setattr("legato._server.duties.random.random", lambda: luck)
    waited, ticked = [], threading.Event()
    duty = Duty("steady", 10.0, lambda: None)

    def wait(seconds):
        waited.append(seconds)
        duty.halt()
        ticked.set()

    monkeypatch.setattr(duty, "_wait", wait)
    running(Duties([duty]))
    assert ticked.wait(30)
    assert 8 <= waited[0] <= 10


def test_what_is_left_is_done_at_once(running):
    left, done = [3, 2, 1], threading.Event()

    def work():
        left.pop()
        if not left:
            done.set()
        return bool(left)

    running(Duties([Duty("heap", 3600, work)]))
    assert done.wait(30)


def test_only_the_server_that_leads_does_what_is_to_be_done_alone(running):
    lead, once, always = Lead(), threading.Event(), threading.Event()
    duties = [
        Duty("once", 3600, once.set, alone=True),
        Duty("always", 3600, always.set),
    ]
    for duty in duties:
        duty.start(lead)
    assert always.wait(30)
    assert not once.is_set()
    assert duties[0].status.standby
    lead.ours = True
    assert once.wait(30)
    assert not duties[0].status.standby
    for duty in duties:
        duty.stop(30)
    both = running(Duties([Duty("once", 3600, once.set, alone=True)], lead))
    assert [status.name for status in both.status()] == ["leader", "once"]
    both.stop(30)
    assert lead.given_up


def test_one_of_several_servers_leads_and_another_follows_it(store):
    first, second = (LeaseLeadership(store, SystemClock(), new_id()) for _ in range(2))
    for each in (first, second, first):
        each.renew()
    assert (first.is_ours(), second.is_ours()) == (True, False)
    first.give_up()
    second.renew()
    first.renew()
    assert (first.is_ours(), second.is_ours()) == (False, True)


def test_the_lead_of_a_dead_server_is_taken_when_its_lease_is_over(store):
    dead, other = new_id(), new_id()

    def take(who, at):
        return store.run(lambda tx: leadership.take(tx, at, who, TTL))

    began = now()
    assert take(dead, began)
    assert not take(other, began + TTL - timedelta(seconds=1))
    assert take(other, began + TTL)
    assert not take(dead, began + TTL)


def test_the_lead_on_a_file_goes_with_the_process(tmp_path):
    lock = HostLock(tmp_path / "legato.db")
    assert not lock.is_ours()
    lock.renew()
    lock.renew()
    assert lock.is_ours()
    lock.give_up()
    assert not lock.is_ours()


def test_a_server_has_its_duties_and_says_how_they_fare(api, store):
    rules = chores.Rules()
    names = [duty.status.name for duty in chores.chores(store, SystemClock(), rules)]
    assert {"timers", "workers", "tallies"} <= set(names)
    assert api.get("/admin/duties").json() == []


@pytest.fixture
def due_runs(store, api, run, move):
    """A late, a paused and a cancelling run, whose timers are due: the duty that fires them, and
    `tick`, which does that duty once and returns the states of the runs.
    """
    past = (now() - timedelta(hours=1)).isoformat()
    late = run({"type": "SCHEDULED", "state_details": {"scheduled_time": past}})
    paused, cancelled = run("RUNNING"), run("RUNNING")
    move(paused["id"], "PAUSED", state_details={"pause_timeout": past})
    move(cancelled["id"], "CANCELLING")
    soon = SystemClock().now() + timedelta(minutes=6)
    every = chores.chores(store, Fixed(soon), chores.Rules())
    (duty,) = (duty for duty in every if duty.status.name == "timers")

    def tick():
        duty.tick()
        runs = (late, paused, cancelled)
        return [api.get(f"/flow_runs/{one['id']}").json()["state_name"] for one in runs]

    return duty, tick


def test_timers_of_each_kind_are_fired_by_one_duty(due_runs):
    duty, tick = due_runs
    assert tick() == ["Late", "Failed", "Cancelled"]
    assert duty.tick() is False
    assert duty.status.failures == 0


@pytest.mark.parametrize("kind", range(3))
def test_timers_of_one_kind_that_fail_hold_up_no_other(due_runs, monkeypatch, kind):
    """They are seen as a failure of the duty, and fired by its next tick."""
    duty, tick = due_runs
    before, after = ["Scheduled", "Paused", "Cancelling"], ["Late", "Failed", "Cancelled"]
    fire = timers.fire

    def fails(tx, now, due):
        if due[0].kind == (kinds.LATE, kinds.PAUSE, kinds.CANCEL)[kind]:
            raise ValueError("once")
        return fire(tx, now, due)

    with monkeypatch.context() as patch:
        patch.setattr(timers, "fire", fails)
        assert tick() == [*after[:kind], before[kind], *after[kind + 1 :]]
    assert duty.status.last_error == "ValueError: once"
    assert tick() == after
    assert duty.status.last_error is None


def test_late_runs_are_marked_by_the_duty(store, api, flow, running):
    due = {"scheduled_time": (now() - timedelta(minutes=1)).isoformat()}
    state = {"type": "SCHEDULED", "state_details": due}
    flow_run = api.post("/flow_runs/", json={"flow_id": flow["id"], "state": state}).json()
    duties = running(Duties(chores.chores(store, SystemClock(), chores.Rules())))
    path = f"/flow_runs/{flow_run['id']}"
    while (found := api.get(path).json()["state_name"]) != "Late":
        assert found == "Scheduled"
        assert not any(status.failures for status in duties.status())

"""Calls as Prefect's users write them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from legato import flow, get_run_logger, states
from legato.client.schemas.objects import FlowRunResult, Parameter, TaskRunResult
from legato.context import get_run_context
from legato.exceptions import Error, FailedRun, PrefectException
from legato.states import State


class Mine(State):
    """A state of a subclass."""


@pytest.mark.parametrize(
    "make",
    [
        states.Completed,
        states.Failed,
        states.Pending,
        states.Retrying,
        states.Scheduled,
        states.Late,
        states.Paused,
        states.Suspended,
    ],
)
def test_a_state_is_made_of_the_class_that_is_given(make):
    assert type(make(Mine)) is type(make(cls=Mine)) is Mine
    assert make(Mine, message="why").message == "why"
    assert type(make()) is State


def test_the_time_of_a_scheduled_state_comes_after_the_class():
    when = datetime(2030, 1, 1, tzinfo=UTC)
    for made in (states.Scheduled(State, when), states.Late(scheduled_time=when)):
        assert made.state_details.scheduled_time == when


def test_a_suspended_state_takes_what_a_paused_one_does():
    made = states.Suspended(timeout_seconds=60, pause_key="k")
    assert made.name == "Suspended"
    assert made.state_details.pause_reschedule is True
    assert made.state_details.pause_key == "k"
    assert made.state_details.pause_timeout is not None


@pytest.fixture
def home(tmp_path, monkeypatch):
    from legato._backend import current as backends
    from legato._settings import current as configuration

    monkeypatch.setenv("LEGATO_HOME", str(tmp_path))
    configuration.forget()
    yield tmp_path
    backends.current().journal.flush()
    configuration.forget()


def test_a_run_logger_can_be_asked_for_by_context(home):
    @flow
    def job():
        context = get_run_context()
        assert get_run_logger(context).extra == get_run_logger().extra
        return context.name

    assert job()


def test_hooks_are_added_by_the_name_of_their_parameter(home):
    seen = []

    @flow
    def job():
        return 1

    job.on_completion(fn=lambda f, run, state: seen.append(state.name))
    job()
    assert seen == ["Completed"]


def test_inputs_of_task_runs_have_the_names_of_prefect():
    run = uuid4()
    assert TaskRunResult(id=run).id == FlowRunResult(id=run).id == run
    assert Parameter(name="x").name == "x"


def test_the_root_of_errors_has_its_old_name_too():
    assert PrefectException is Error
    assert issubclass(FailedRun, PrefectException)

"""Who says whether a result is stored: the flow or task itself, else the runs around it."""

from __future__ import annotations

import asyncio

import pytest

from legato import flow, get_run_logger, task
from legato.cache_policies import INPUTS
from legato.client.orchestration import get_client
from legato.context import FlowRunContext, TaskRunContext
from legato.exceptions import MissingResult
from legato.results import should_persist_result
from legato.settings import temporary_settings
from legato.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner


@task
def give(value):
    return value


def names(*states):
    return [state.name for state in states]


def twice(**options):
    """Call a task twice with the same value: the second call is cached where results are stored."""
    given = give.with_options(**options) if options else give
    return names(*(given(1, return_state=True) for _ in range(2)))


CACHED, CALLED = ["Completed", "Cached"], ["Completed", "Completed"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, CALLED),
        ({"persist_result": True}, CACHED),
        ({"persist_result": False}, CALLED),
        ({"result_storage": "results"}, CACHED),
        ({"result_serializer": "json"}, CACHED),
    ],
)
def test_a_flow_says_it_for_its_tasks(options, found, home, monkeypatch):
    monkeypatch.chdir(home)
    assert flow(twice, **options)() == found


@pytest.mark.parametrize(
    ("of_flow", "of_task", "found"), [(True, False, CALLED), (False, True, CACHED)]
)
def test_a_task_says_it_itself(of_flow, of_task, found, home):
    @flow(persist_result=of_flow)
    def job():
        return twice(persist_result=of_task)

    assert job() == found


@pytest.mark.parametrize("kept", [True, False])
def test_subflows_and_tasks_in_tasks_are_asked_in_the_same_way(kept, home):
    @flow
    def sub():
        return twice()

    @task(persist_result=kept)
    def outer():
        return twice()

    @flow(persist_result=True)
    def job():
        return sub(), outer()

    assert job() == (CACHED, CACHED if kept else CALLED)


@pytest.mark.parametrize(("of_tasks", "found"), [(True, CACHED), (False, CALLED)])
def test_the_setting_for_tasks_comes_before_the_flow(of_tasks, found, home):
    job = flow(twice, persist_result=not of_tasks)
    with temporary_settings({"LEGATO_TASKS_DEFAULT_PERSIST_RESULT": of_tasks}):
        assert job() == found


def test_the_setting_for_all_comes_after_the_flow(home):
    with temporary_settings({"LEGATO_RESULTS_PERSIST_BY_DEFAULT": True}):
        assert flow(twice)() == CACHED
        assert flow(twice, persist_result=False)() == CALLED
    assert flow(twice)() == CALLED


@pytest.mark.parametrize("runner", [ThreadPoolTaskRunner, ProcessPoolTaskRunner])
def test_what_is_submitted_is_asked_too(runner, home):
    @flow(persist_result=True, task_runner=runner(max_workers=1))
    def job():
        first = give.submit(1)
        first.wait()
        second = give.submit(1)
        second.wait()
        return names(first.state, second.state)

    assert job() == CACHED


def test_async_tasks_are_asked_too(home):
    calls = []

    @task
    async def fetch(value):
        calls.append(value)
        return value

    @flow(persist_result=True)
    async def job():
        return [await fetch(1), await fetch(1)]

    assert asyncio.run(job()) == [1, 1]
    assert calls == [1]


@pytest.mark.parametrize("options", [{"persist_result": True}, {"cache_policy": INPUTS}])
def test_a_generator_is_asked_for_its_items_each_time(options, home):
    @task(**options)
    def count(value):
        yield from range(value)

    @flow
    def job():
        return [list(count(2)), list(count(2)), count.submit(2).result(), count.submit(2).result()]

    assert job() == [[0, 1]] * 4


def test_a_run_that_is_tried_again_takes_what_its_tasks_have_made(home):
    calls, tries = [], []

    @task
    def load():
        calls.append(1)
        return object

    @flow(persist_result=True, retries=1)
    def job():
        found = load()
        tries.append(found)
        if len(tries) == 1:
            raise ValueError("at first")
        return found

    assert job() is object
    assert (len(calls), len(tries)) == (1, 2)


def test_no_of_a_flow_holds_for_small_results_of_its_tasks(home):
    @flow(persist_result=False)
    def job():
        give("a secret")

    job()
    with get_client(sync_client=True) as client:
        (run,) = client.read_task_runs()
    with pytest.raises(MissingResult):
        run.state.result()


def test_the_contexts_tell(home):
    said = []

    @task
    def tell():
        get_run_logger()
        said.append((TaskRunContext.get().persist_result, should_persist_result()))

    @flow
    def job():
        said.append((FlowRunContext.get().persist_result, should_persist_result()))
        tell()

    job()
    job.with_options(persist_result=True)()
    assert said == [(False, False)] * 2 + [(True, True)] * 2

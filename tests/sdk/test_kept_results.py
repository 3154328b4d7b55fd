"""Who says whether a result is stored: the flow or task itself, else the runs around it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from legato import flow, get_run_logger, task
from legato.cache_policies import INPUTS
from legato.client.orchestration import get_client
from legato.context import FlowRunContext, TaskRunContext
from legato.exceptions import MissingResult, SerializationError
from legato.results import should_persist_result
from legato.runtime import flow_run
from legato.settings import temporary_settings
from legato.states import Cancelling
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


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"persist_result": True}, ["sub", "other"]), ({}, ["sub", "other"] * 2)],
)
def test_a_subflow_whose_result_is_stored_does_not_run_again(options, expected, home):
    calls, ends = [], []

    @flow(**options)
    def sub(value):
        calls.append("sub")
        return [value]

    @flow(**options)
    def other(value):
        calls.append("other")
        return object

    @flow(retries=1)
    def job():
        ends.append((sub(1, return_state=True), other("a")))
        ends[-1][0].result().append("changed")
        if len(ends) == 1:
            raise ValueError("at first")
        return sub(2)

    assert job() == [2]
    assert calls == [*expected, "sub"]
    (first, _), (second, _) = ends
    same = first.state_details.flow_run_id == second.state_details.flow_run_id
    assert same is bool(options)
    assert second.result() == [1, "changed"]
    assert [type(end[1]) for end in ends] == [type, type]


def test_what_a_subflow_made_before_is_known_to_come_from_it(home, caplog):
    tries = []

    @flow(persist_result=True)
    def sub():
        return ["rows"]

    @flow(retries=1)
    def job():
        tries.append(give(sub()))
        if len(tries) == 1:
            raise ValueError("at first")

    job()
    with get_client(sync_client=True) as client:
        found = {run.name: run for run in client.read_task_runs()}
    assert "has completed; it does not run again" in caplog.text
    origins = [one.id for one in found["give-1"].task_inputs["value"]]
    assert origins == [found["sub-0"].id]


def test_each_call_of_a_subflow_has_its_own_end(home):
    calls, tries = [], []

    @flow
    def sub(value):
        calls.append(value)
        if len(calls) == 2:
            raise ValueError("the second call fails")
        return len(calls)

    @flow(persist_result=True, retries=1)
    def job():
        tries.append([])
        for _ in range(2):
            tries[-1].append(sub("same"))
        tries[-1].append(sub(object()))
        return tries

    assert job() == [[1], [1, 3, 4]]
    with get_client(sync_client=True) as client:
        names = [run.name for run in client.read_task_runs()]
    assert sorted(names) == ["sub-0", "sub-1", "sub-2", "sub-3"]


def test_what_has_no_bytes_is_passed_on_where_only_the_flow_asked(home, caplog):
    @task
    def connect():
        return threading.Lock()

    @flow
    def sub():
        return threading.Lock()

    @flow(persist_result=True)
    def job():
        assert connect.submit().result().acquire()
        assert sub().acquire()
        return names(connect(return_state=True), sub(return_state=True))

    assert job() == ["Completed"] * 2
    assert "The result is not stored, as the runs around ask: " in caplog.text
    with pytest.raises(SerializationError):
        flow(lambda: connect.with_options(persist_result=True)(), name="strict")()


@task
def within(value):
    return value


@task
def outer(value):
    return within([value])


class Nowhere:
    """A storage that cannot be sent to another process."""

    def __init__(self, folder):
        self.folder, self.lock = folder, threading.Lock()

    def read_path(self, path):
        return (self.folder / path).read_bytes()

    def write_path(self, path, content):
        (self.folder / path).write_bytes(content)


def stored_in(folder):
    """The results there; a line before each describes it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.read_text().rpartition("\n")[2] for path in files)


def test_processes_store_where_the_flows_around_say(home, tmp_path):
    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def sub():
        return outer.submit(1).result()

    @flow(result_storage=tmp_path / "there", result_serializer="json")
    def job():
        return sub()

    assert job() == [1]
    assert stored_in(tmp_path / "there") == ["[1]"] * 4  # of both tasks and both flows


def test_a_storage_that_cannot_be_sent_stores_what_is_made_here(home, tmp_path):
    (tmp_path / "there").mkdir()

    @flow(
        task_runner=ProcessPoolTaskRunner(max_workers=1),
        result_storage=Nowhere(tmp_path / "there"),
        result_serializer="json",
    )
    def job():
        return give.submit([2]).result(), give([1])

    assert job() == ([2], [1])
    assert stored_in(tmp_path / "there") == ["[1]", "[[2], [1]]"]


def test_an_end_that_was_refused_is_none(home):
    calls = []

    @flow(persist_result=True)
    def sub():
        calls.append(flow_run.id)
        if len(calls) == 1:
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(flow_run.id, Cancelling())
        return "rows"

    @flow(retries=1)
    def job():
        return sub()

    assert job() == "rows"
    assert len(calls) == 2

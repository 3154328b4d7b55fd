"""What `legato.runtime` tells inside and outside of runs."""

import pytest

from legato import flow, runtime, task


def test_there_is_no_deployment():
    @flow
    def work():
        found = runtime.deployment
        return found.id, found.name, found.version, found.parameters, found.flow_run_id

    *empty, flow_run_id = work()
    assert empty == [None, None, None, {}]
    assert len(flow_run_id) == 36
    assert runtime.deployment.flow_run_id is None
    assert runtime.deployment.parameters == {}


@pytest.mark.parametrize("noun", ["deployment", "flow_run", "task_run"])
def test_every_attribute_can_be_read_outside_of_runs(noun, monkeypatch):
    module = getattr(runtime, noun)
    assert {name: getattr(module, name) for name in dir(module)}
    assert sorted(module.__annotations__) == dir(module)
    monkeypatch.setenv(f"LEGATO__RUNTIME__{noun.upper()}__NAME", "stands-in")
    assert module.name == "stands-in"
    with pytest.raises(AttributeError, match=f"legato.runtime.{noun} has no attribute 'nmae'"):
        _ = module.nmae


def test_a_callable_that_names_a_task_run_asks_for_that_run():
    def named():
        run = runtime.task_run
        return f"{run.task_name} {run.name} {run.parameters} {run.tags} in {runtime.flow_run.name}"

    @task(task_run_name=named, tags=["red"])
    def paint(what):
        return runtime.task_run.name

    @task
    def outer():
        return paint("roof"), runtime.task_run.name

    @flow(flow_run_name=lambda: f"{runtime.flow_run.flow_name} {runtime.flow_run.parameters}")
    def house(floors):
        called, submitted = paint("door"), paint.submit("wall").result()
        return called, submitted, outer(), runtime.task_run.name

    called, submitted, inside, after = house(2)
    assert called == "paint paint-0 {'what': 'door'} ['red'] in house {'floors': 2}"
    assert submitted == "paint paint-1 {'what': 'wall'} ['red'] in house {'floors': 2}"
    assert inside[0].startswith("paint paint-2 {'what': 'roof'}")
    assert (inside[1], after) == ("outer-0", None)
    assert paint("gate") == "paint paint {'what': 'gate'} ['red'] in None"

"""What `legato.runtime` tells inside and outside of runs."""

import pytest

from legato import flow, runtime


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
    monkeypatch.setenv(f"LEGATO__RUNTIME__{noun.upper()}__NAME", "stands-in")
    assert module.name == "stands-in"
    with pytest.raises(AttributeError, match=f"legato.runtime.{noun} has no attribute 'nmae'"):
        _ = module.nmae

"""What is left of a run for one that does it again, on both stores."""

from __future__ import annotations

from legato._model.attempts import REUSED_FROM
from legato._model.operations.attempts import ListSteps
from legato._model.task_runs import FlowRunInput, ParameterInput, TaskRunInput
from tests.store.records import new_id, whole_task


def test_a_step_says_what_it_took_when_it_was_called_and_who_made_its_value(send, sender):
    run_id, maker, other = sender.start(), new_id(), new_id()
    inputs = {
        "a": [TaskRunInput(id=maker)],
        "b": [FlowRunInput(id=other), ParameterInput(name="day")],
        "c": [],
    }
    first, records = whole_task(
        run_id, task_inputs=inputs, flow_run_run_count=2, labels={REUSED_FROM: str(maker)}
    )
    second, more = whole_task(run_id)
    sender.send(*records, *more)
    one, two = send(ListSteps(flow_run_id=run_id))
    assert (one.task_run_id, two.task_run_id) == (first.id, second.id)
    assert (one.inputs, one.tries, one.origin) == ([maker, other], 2, maker)
    assert (two.inputs, two.tries, two.origin) == ([], 0, second.id)
    assert one.created_at == first.state.timestamp
    assert one.is_finished
